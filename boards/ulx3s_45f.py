"""Radiona ULX3S with a Lattice ECP5-45F, otherwise like the 85F."""

from dataclasses import replace

from accel.target import Cells
from boards import ulx3s_85f

BOARD = replace(
    ulx3s_85f.BOARD,
    name="ulx3s-45f",
    title="Radiona ULX3S, Lattice ECP5 LFE5U-45F",
    aliases=(),
    part="LFE5U-45F-6BG381C",
    capacity=Cells(lut=43848, ff=43848, bram=108, dsp=72),
)
