"""Sipeed Tang Nano 9K with a Gowin GW1NR-9: 27 MHz oscillator, BL702 serial port. Built with the open tools."""

from accel.target import Cells
from boards.board import Amaranth, Board

BOARD = Board(
    name="tang-nano-9k",
    title="Sipeed Tang Nano 9K, Gowin GW1NR-9C",
    flow="gowin",
    target="gowin",
    part="GW1NR-LV9QN88PC6/I5",
    capacity=Cells(lut=8640, ff=6480, bram=26, dsp=20),
    pins=Amaranth(
        platform=("amaranth_boards.tang_nano_9k", "TangNano9kPlatform"),
        clock=("clk27", 0),
        uart=("uart", 0),
        reset=("button", 0),
        led=("led", 0),
    ),
    clock_mhz=27,
    loader="tangnano9k",
    loader_since="0.8",
    usb="its USB-C socket; usually the second of the two ports",
)
