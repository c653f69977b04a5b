"""Radiona ULX3S with a Lattice ECP5-25F, otherwise like the 85F."""

from dataclasses import replace

from boards import ulx3s_85f
from boards.board import Resources

BOARD = replace(
    ulx3s_85f.BOARD,
    name="ulx3s-25f",
    title="Radiona ULX3S, Lattice ECP5 LFE5U-25F",
    aliases=(),
    part="LFE5U-25F-6BG381C",
    capacity=Resources(lut4=24288, ff=24288, bram=56, dsp=28),
)
