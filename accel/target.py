"""Device families as synthesis sees them: arithmetic blocks and memories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Budget(NamedTuple):
    """Available resources: look-up tables, flip-flops, block RAMs (of `Target.bram_bits`), hard multipliers."""

    lut: float
    ff: float
    bram: float
    dsp: float


@dataclass(frozen=True)
class Target:
    """One device family. `dsp` are the two signed operand widths of a hard multiplier, the wider first.

    `bram_bits` is the size of one block RAM and `bram_width` its widest data port. `typical` is a device of the family:
    what a resource is worth where no board says how much of it there is. `ram` are the LUTs and flip-flops that nothing
    else can use where look-up tables hold 16 words of 4 bits (families with small ones); None: they hold no memory, and
    block RAM does. A carry cell adds `carry_bits` bits and takes the place of `carry_luts` look-up tables; those of the
    other bits lie beside it. `lone_ff` is the share of flip-flops that take a cell of their own, where a cell is a
    look-up table and the flip-flop behind it. `fill` is the share of cells that can be placed and routed. A family
    estimated with another's samples makes `tables` of each of their look-up tables (measured on whole designs).
    """

    name: str
    lut_inputs: int
    dsp: tuple[int, int] | None
    bram_bits: int
    bram_width: int
    typical: Budget
    ram: tuple[int, int] | None = (4, 0)
    carry_bits: int = 4
    carry_luts: int = 0
    lone_ff: float = 0.0
    fill: float = 0.8
    tables: float = 1.0

    @property
    def block_from(self) -> int:
        """Bits of a memory from which a block RAM is worth it."""
        return self.bram_bits // 18


_TARGETS = (
    Target("ecp5", 4, (18, 18), 18432, 36, Budget(83640, 83640, 208, 156), carry_bits=2, carry_luts=2),
    Target("ice40", 4, (16, 16), 4096, 16, Budget(5280, 5280, 30, 8), None, carry_bits=1, lone_ff=0.5, fill=0.9),
    Target("gowin", 4, (18, 18), 18432, 36, Budget(20736, 15552, 46, 48), (8, 6), carry_bits=1, carry_luts=1, fill=0.6),
    Target("gw5a", 4, None, 18432, 18, Budget(23040, 23040, 56, 0), None, carry_bits=1, carry_luts=1, tables=1.7),
    Target("gatemate", 4, None, 20480, 40, Budget(40960, 40960, 64, 0), None, carry_bits=1, carry_luts=1, tables=1.7),
    Target("xilinx7", 6, (25, 18), 18432, 36, Budget(63400, 126800, 270, 240)),
    Target("ultrascale+", 6, (27, 18), 18432, 36, Budget(117120, 234240, 288, 1248)),
    Target("cyclone5", 6, (18, 18), 10240, 40, Budget(83820, 167640, 553, 224), carry_bits=1),
)
TARGETS = {target.name: target for target in _TARGETS}
DEFAULT = TARGETS["ecp5"]
