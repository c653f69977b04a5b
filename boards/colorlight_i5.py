"""Colorlight i5 v7.0 with a Lattice ECP5-25F: 25 MHz oscillator. Built with the open tools.

Pins by the board's public description (wuxx/Colorlight-FPGA-Projects) for Muselab's extension board, whose debugger has
a serial port. The card alone has none, and no button: K18, a pin of the extension board's header P2, resets when low.
"""

from fractions import Fraction

from accel.target import Cells
from boards.board import Board, Pin, Pinout

_IO = (("IO_TYPE", "LVCMOS33"),)
_UP = (*_IO, ("PULLMODE", "UP"))
BOARD = Board(
    name="colorlight-i5",
    title="Colorlight i5 v7.0, Lattice ECP5 LFE5U-25F",
    flow="ecp5",
    target="ecp5",
    part="LFE5U-25F-6BG381C",
    capacity=Cells(lut=24288, ff=24288, bram=56, dsp=28),
    pins=Pinout(
        {
            "clk_pin": Pin("P3", _IO),
            "reset_pin": Pin("K18", _UP, inverted=True),
            "rx_pin": Pin("H18", _UP),
            "tx_pin": Pin("J17", _IO),
            "led_pin": Pin("U16", _IO, inverted=True),
        },
        Fraction(25),
    ),
    clock_mhz=60,
    loader="colorlight-i5",
    loader_since="0.8",
    usb="the USB-C socket of Muselab's extension board; the card alone has no serial port: connect an adapter with "
    "3.3 V levels, its TX to H18, its RX to J17, and ground",
)
