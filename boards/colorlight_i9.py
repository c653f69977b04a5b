"""Colorlight i9 v7.2 with a Lattice ECP5-45F: 25 MHz oscillator. Built with the open tools.

Pins by the board's public description (wuxx/Colorlight-FPGA-Projects) for Muselab's extension board, whose debugger has
a serial port. The card alone has none, and no button: K18, a pin of the extension board's header P2, resets when low.
"""

from fractions import Fraction

from accel.target import Cells
from boards.board import Board, Pin, Pinout

_IO = (("IO_TYPE", "LVCMOS33"),)
_UP = (*_IO, ("PULLMODE", "UP"))
BOARD = Board(
    name="colorlight-i9",
    title="Colorlight i9 v7.2, Lattice ECP5 LFE5U-45F",
    flow="ecp5",
    target="ecp5",
    part="LFE5U-45F-6BG381C",
    capacity=Cells(lut=43848, ff=43848, bram=108, dsp=72),
    pins=Pinout(
        {
            "clk_pin": Pin("P3", _IO),
            "reset_pin": Pin("K18", _UP, inverted=True),
            "rx_pin": Pin("H18", _UP),
            "tx_pin": Pin("J17", _IO),
            "led_pin": Pin("L2", _IO, inverted=True),
        },
        Fraction(25),
    ),
    clock_mhz=60,
    loader="colorlight-i9",
    loader_since="0.8",
    usb="the USB-C socket of Muselab's extension board; the card alone has no serial port: connect an adapter with "
    "3.3 V levels, its TX to H18, its RX to J17, and ground",
)
