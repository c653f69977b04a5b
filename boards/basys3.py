"""Digilent Basys 3 with a Xilinx Artix-7: 100 MHz oscillator, FT2232 serial port. Built with Vivado.

amaranth-boards does not have it; the pins are those of Digilent's master XDC file.
"""

from fractions import Fraction

from accel.target import Cells
from boards.board import Board, Pin, Pinout

_IO = (("IOSTANDARD", "LVCMOS33"),)
BOARD = Board(
    name="basys3",
    title="Digilent Basys 3, Xilinx XC7A35T",
    flow="vivado",
    target="xilinx7",
    part="xc7a35tcpg236-1",
    capacity=Cells(lut=20800, ff=41600, bram=100, dsp=90),
    pins=Pinout(
        {
            "clk_pin": Pin("W5", _IO),
            "reset_pin": Pin("U18", _IO),  # the middle button
            "rx_pin": Pin("B18", _IO),
            "tx_pin": Pin("A18", _IO),
            "led_pin": Pin("U16", _IO),
        },
        Fraction(100),
    ),
    clock_mhz=100,
    loader="basys3",
    loader_since="0.6",
    usb="the micro-USB socket PROG/UART",
)
