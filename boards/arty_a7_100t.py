"""Digilent Arty A7-100T with a Xilinx Artix-7: 100 MHz oscillator, FT2232 serial port. Built with Vivado."""

from accel.target import Cells
from boards.board import Amaranth, Board

BOARD = Board(
    name="arty-a7-100t",
    title="Digilent Arty A7-100T, Xilinx XC7A100T",
    aliases=("arty", "arty-a7", "arty-a7-100"),
    flow="vivado",
    target="xilinx7",
    part="xc7a100ticsg324-1L",
    capacity=Cells(lut=63400, ff=126800, bram=270, dsp=240),
    pins=Amaranth(
        platform=("amaranth_boards.arty_a7", "ArtyA7_100Platform"),
        clock=("clk100", 0),
        uart=("uart", 0),
        reset=("rst", 0),
        led=("led", 0),
    ),
    clock_mhz=100,
    loader="arty_a7_100t",
    loader_since="0.7",
    usb="the micro-USB socket J10; usually the second of the two ports",
)
