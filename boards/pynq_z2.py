"""TUL PYNQ-Z2 with a Xilinx Zynq-7020: the core is a part of the processor's system. Built with Vivado."""

from accel.target import Cells
from boards.board import Board

BOARD = Board(
    name="pynq-z2",
    title="TUL PYNQ-Z2, Xilinx Zynq XC7Z020",
    aliases=("pynq",),
    flow="zynq",
    target="xilinx7",
    part="xc7z020clg400-1",
    capacity=Cells(lut=53200, ff=106400, bram=280, dsp=220),
    source_mhz=1000,
    clock_mhz=100,
    loading="copy the folder driver, board.bit and board.hwh to the board and run driver.py there (docs/boards.md)",
)
