"""Sipeed Tang Primer 25K on its dock, Gowin GW5A-25: 50 MHz oscillator, BL616 serial port. Built with the open tools.

amaranth-boards does not have it; the pins are those of Sipeed's schematic (Tang_Primer_25K_Dock).
"""

from fractions import Fraction

from accel.target import Cells
from boards.board import Board, Pin, Pinout

_IO = (("IO_TYPE", "LVCMOS33"),)
BOARD = Board(
    name="tang-primer-25k",
    title="Sipeed Tang Primer 25K, Gowin GW5A-25",
    flow="gw5a",
    target="gw5a",
    part="GW5A-LV25MG121NC1/I0",
    capacity=Cells(lut=23040, ff=23040, bram=56, dsp=0),
    pins=Pinout(
        {
            "clk_pin": Pin("E2", _IO),
            "reset_pin": Pin("H11", (*_IO, ("PULL_MODE", "DOWN"))),  # S1 connects to 3.3 V
            "rx_pin": Pin("B3", (*_IO, ("PULL_MODE", "UP"))),
            "tx_pin": Pin("C3", _IO),
            "led_pin": Pin("E8", _IO),  # READY
        },
        Fraction(50),
    ),
    clock_mhz=50,
    loader="tangprimer25k",
    loader_since="0.12",
    usb="the USB-C socket of the dock; usually the second of the two ports",
)
