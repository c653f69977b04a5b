"""Digilent Arty A7-100T with a Xilinx Artix-7: 100 MHz oscillator, FT2232 serial port. Built with Vivado."""

from boards.board import Board, Resources

BOARD = Board(
    name="arty-a7-100t",
    title="Digilent Arty A7-100T, Xilinx XC7A100T",
    aliases=("arty", "arty-a7"),
    platform=("amaranth_boards.arty_a7", "ArtyA7_100Platform"),
    flow="vivado",
    capacity=Resources(lut4=63400, ff=126800, bram=270, dsp=240),
    clock=("clk100", 0),
    uart=("uart", 0),
    reset=("rst", 0),
    led=("led", 0),
    clock_mhz=100,
    baud=1_000_000,
)
