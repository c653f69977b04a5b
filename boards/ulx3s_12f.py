"""Radiona ULX3S with a Lattice ECP5-12F, otherwise like the 85F.

The 12F is a 25F with another identity: nextpnr may use all of it, as Project Trellis found.
"""

from dataclasses import replace

from accel.target import Cells
from boards import ulx3s_85f

BOARD = replace(
    ulx3s_85f.BOARD,
    name="ulx3s-12f",
    title="Radiona ULX3S, Lattice ECP5 LFE5U-12F",
    aliases=(),
    part="LFE5U-12F-6BG381C",
    capacity=Cells(lut=24288, ff=24288, bram=56, dsp=28),
)
