"""Digilent Arty A7-35T with a Xilinx Artix-7, otherwise like the 100T."""

from dataclasses import replace

from accel.target import Cells
from boards import arty_a7_100t
from boards.board import Amaranth

assert isinstance(arty_a7_100t.BOARD.pins, Amaranth)
BOARD = replace(
    arty_a7_100t.BOARD,
    name="arty-a7-35t",
    title="Digilent Arty A7-35T, Xilinx XC7A35T",
    aliases=("arty-a7-35",),
    part="xc7a35ticsg324-1L",
    capacity=Cells(lut=20800, ff=41600, bram=100, dsp=90),
    pins=replace(arty_a7_100t.BOARD.pins, platform=("amaranth_boards.arty_a7", "ArtyA7_35Platform")),
    loader="arty_a7_35t",
)
