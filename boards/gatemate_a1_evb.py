"""Olimex GateMateA1-EVB with a Cologne Chip GateMate A1: 10 MHz oscillator, serial port of its RP2040. Open tools.

amaranth-boards does not have it; the pins are those of Olimex's schematic (GateMateA1-EVB Rev. A).
"""

from fractions import Fraction

from accel.target import Cells
from boards.board import Board, Pin, Pinout

BOARD = Board(
    name="gatemate-a1-evb",
    title="Olimex GateMateA1-EVB, Cologne Chip GateMate A1",
    aliases=("gatemate", "olimex-gatemate"),
    flow="gatemate",
    target="gatemate",
    part="CCGM1A1",
    capacity=Cells(lut=40960, ff=40960, bram=64, dsp=0),
    pins=Pinout(
        {
            "clk_pin": Pin("IO_SB_A8", (("SCHMITT_TRIGGER", "true"),)),
            "reset_pin": Pin("IO_SB_B7", (("PULLUP", "true"), ("SCHMITT_TRIGGER", "true")), inverted=True),
            "rx_pin": Pin("IO_SA_A6", (("PULLUP", "true"), ("SCHMITT_TRIGGER", "true"))),
            "tx_pin": Pin("IO_SA_B6"),
            "led_pin": Pin("IO_SB_B6", inverted=True),
        },
        Fraction(10),
    ),
    clock_mhz=25,
    loader="olimex_gatemateevb",
    loader_since="0.12",
    usb="its USB-C socket, by the serial port of the RP2040 (DirtyJTAG firmware that passes 1 Mbaud on)",
)
