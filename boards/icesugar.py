"""Muselab iCESugar with a Lattice iCE40 UP5K: 12 MHz oscillator, serial port of its debugger. Open tools.

It has no button: switch 1 of the four resets while it is low.
"""

from fractions import Fraction

from accel.target import Cells
from boards.board import Board, Pin, Pinout

BOARD = Board(
    name="icesugar",
    title="Muselab iCESugar, Lattice iCE40 UP5K",
    flow="ice40",
    target="ice40",
    part="iCE40UP5K-SG48",
    capacity=Cells(lut=5280, ff=5280, bram=30, dsp=8),
    pins=Pinout(
        {
            "clk_pin": Pin("35"),
            "reset_pin": Pin("18", (("PULLUP", "1"),), inverted=True),
            "rx_pin": Pin("4", (("PULLUP", "1"),)),
            "tx_pin": Pin("6"),
            "led_pin": Pin("41", inverted=True),
        },
        Fraction(12),
    ),
    clock_mhz=18,
    baud=115_200,  # what its debugger's firmware is documented for
    loading="copy board.bin to the USB drive iCELink that the board shows, or: icesprog board.bin",
    usb="the USB-C socket of the debugger (iCELink); switch 1 has to be on (high), it is the reset",
)
