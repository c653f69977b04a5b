"""Sipeed Tang Primer 20K on its dock, Gowin GW2A-18: 27 MHz oscillator, BL702 serial port. Open tools."""

from accel.target import Cells
from boards.board import Amaranth, Board

BOARD = Board(
    name="tang-primer-20k",
    title="Sipeed Tang Primer 20K, Gowin GW2A-18",
    flow="gowin",
    target="gowin",
    part="GW2A-LV18PG256C8/I7",
    capacity=Cells(lut=20736, ff=15552, bram=46, dsp=48),
    pins=Amaranth(
        platform=("amaranth_boards.tang_primer_20k", "TangPrimer20kDockPlatform"),
        clock=("clk27", 0),
        uart=("uart", 0),
        reset=("button", 0),
        led=("led", 0),
    ),
    clock_mhz=48,
    loader="tangprimer20k",
    loader_since="0.9",
    usb="the USB-C socket of the dock's debugger; switch 1 of the dock has to be down, or the core board stays off",
)
