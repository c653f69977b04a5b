"""Radiona ULX3S with a Lattice ECP5-25F, otherwise like the 85F."""

from dataclasses import replace

from accel.target import Cells
from boards import ulx3s_85f

BOARD = replace(
    ulx3s_85f.BOARD,
    name="ulx3s-25f",
    title="Radiona ULX3S, Lattice ECP5 LFE5U-25F",
    aliases=(),
    part="LFE5U-25F-6BG381C",
    capacity=Cells(lut=24288, ff=24288, bram=56, dsp=28),
)
