"""Radiona ULX3S with a Lattice ECP5-45F, otherwise like the 85F."""

from dataclasses import replace

from boards import ulx3s_85f
from boards.board import Resources

BOARD = replace(
    ulx3s_85f.BOARD,
    name="ulx3s-45f",
    title="Radiona ULX3S, Lattice ECP5 LFE5U-45F",
    aliases=(),
    part="LFE5U-45F-6BG381C",
    capacity=Resources(lut4=43848, ff=43848, bram=108, dsp=72),
)
