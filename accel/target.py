"""What synthesis has to work with: the arithmetic blocks and memories of a device family."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One device family. `dsp` are the two signed operand widths of a hard multiplier, the wider first.

    `bram_bits` is the size of one block RAM and `bram_width` its widest data port.
    """

    name: str
    lut_inputs: int
    dsp: tuple[int, int] | None
    bram_bits: int
    bram_width: int


_TARGETS = (
    Target("ecp5", 4, (18, 18), 18432, 36),
    Target("ice40", 4, (16, 16), 4096, 16),
    Target("gowin", 4, (18, 18), 18432, 36),
    Target("xilinx7", 6, (25, 18), 18432, 36),
    Target("ultrascale+", 6, (27, 18), 18432, 36),
    Target("cyclone5", 6, (18, 18), 10240, 40),
)
TARGETS = {target.name: target for target in _TARGETS}
DEFAULT = TARGETS["ecp5"]
