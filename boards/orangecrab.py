"""OrangeCrab r0.2 with a Lattice ECP5-25F: 48 MHz oscillator, no serial port on USB. Built with the open tools.

Its USB socket leads to the FPGA itself, so the serial port is an adapter on the Feather header, pins 0 and 1.
"""

from fractions import Fraction

from accel.target import Cells
from boards.board import Board, Pin, Pinout

_IO = (("IO_TYPE", "LVCMOS33"),)
BOARD = Board(
    name="orangecrab",
    title="OrangeCrab r0.2, Lattice ECP5 LFE5U-25F",
    aliases=("orangecrab-25f", "orangecrab-r0-2"),
    flow="ecp5",
    target="ecp5",
    part="LFE5U-25F-8MG285C",
    capacity=Cells(lut=24288, ff=24288, bram=56, dsp=28),
    pins=Pinout(
        {
            "clk_pin": Pin("A9", _IO),
            "reset_pin": Pin("J17", (("IO_TYPE", "SSTL135_I"),), inverted=True),
            "rx_pin": Pin("N17", (*_IO, ("PULLMODE", "UP"))),
            "tx_pin": Pin("M18", _IO),
            "led_pin": Pin("M3", _IO, inverted=True),
        },
        Fraction(48),
    ),
    clock_mhz=60,
    loading="hold the button while you plug in USB, then: "
    "dfu-suffix -v 1209 -p 5af0 -a board.bit && dfu-util -D board.bit",
    usb="an adapter with 3.3 V levels: its TX to header pin 0 (N17), its RX to header pin 1 (M18), and ground",
)
