"""Terasic DE10-Nano with an Intel Cyclone V: 50 MHz oscillator. Built with Quartus.

Its USB serial port belongs to the processor: the core's is on the Arduino header, D0 in and D1 out, 3.3 V.
"""

from accel.target import Cells
from boards.board import Amaranth, Board

BOARD = Board(
    name="de10-nano",
    title="Terasic DE10-Nano, Intel Cyclone V 5CSEBA6",
    flow="quartus",
    target="cyclone5",
    part="5CSEBA6U23I7",
    capacity=Cells(lut=83820, ff=166036, bram=553, dsp=112),
    pins=Amaranth(
        platform=("amaranth_boards.de10_nano", "DE10NanoPlatform"),
        clock=("clk50", 0),
        uart=("uart", 0),
        reset=("button", 0),
        led=("led", 0),
    ),
    clock_mhz=100,
    loading='quartus_pgm -m jtag -o "p;accel_board.sof@2"',
    usb="an adapter with 3.3 V levels on the Arduino header: its TX to D0, its RX to D1, and ground",
)
