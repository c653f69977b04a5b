"""Icepi Zero 1.3 with a Lattice ECP5-25F: 50 MHz oscillator, FT231X serial port. Built with the open tools."""

from accel.target import Cells
from boards.board import Amaranth, Board

BOARD = Board(
    name="icepi-zero",
    title="Icepi Zero, Lattice ECP5 LFE5U-25F",
    flow="ecp5",
    target="ecp5",
    part="LFE5U-25F-6BG256C",
    capacity=Cells(lut=24288, ff=24288, bram=56, dsp=28),
    pins=Amaranth(
        platform=("amaranth_boards.icepi_zero", "IcepiZero1_3Platform"),
        clock=("clk50", 0),
        uart=("uart", 0),
        reset=("button", 0),
        led=("led", 0),
    ),
    clock_mhz=60,
    loader="icepi-zero",
    loader_since="1.0",
    usb="the USB-C socket of its FT231X",
)
