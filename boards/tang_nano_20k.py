"""Sipeed Tang Nano 20K with a Gowin GW2AR-18: 27 MHz oscillator, BL616 serial port. Built with the open tools.

amaranth-boards does not have it; the pins are those of Sipeed's schematic (Tang_Nano_20K_3921).
"""

from fractions import Fraction

from accel.target import Cells
from boards.board import Board, Pin, Pinout

_IO = (("IO_TYPE", "LVCMOS33"),)
BOARD = Board(
    name="tang-nano-20k",
    title="Sipeed Tang Nano 20K, Gowin GW2AR-18",
    flow="gowin",
    target="gowin",
    part="GW2AR-LV18QN88C8/I7",
    capacity=Cells(lut=20736, ff=15552, bram=46, dsp=48),
    pins=Pinout(
        {
            "clk_pin": Pin("4", _IO),
            "reset_pin": Pin("88", (*_IO, ("PULL_MODE", "DOWN"))),  # S1 connects to 3.3 V
            "rx_pin": Pin("70", (*_IO, ("PULL_MODE", "UP"))),
            "tx_pin": Pin("69", _IO),
            "led_pin": Pin("15", _IO, inverted=True),
        },
        Fraction(27),
    ),
    clock_mhz=48,
    loader="tangnano20k",
    loader_since="0.11",
    usb="its USB-C socket; usually the second of the two ports",
)
