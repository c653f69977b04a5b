"""Device families as synthesis sees them: arithmetic blocks and memories; and amounts of their cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

LIMITED = ("lut", "ff", "bram", "dsp")
"""Cells of which a device has a number; carry cells lie beside its look-up tables."""
IN_FILES = {"lut": "lut4"}
"""What files call the look-up tables of a device, whatever their inputs."""
T = TypeVar("T")


def in_files(amounts: Mapping[str, T]) -> dict[str, T]:
    """Amounts by the names of cells, as files name them."""
    return {IN_FILES.get(name, name): amount for name, amount in amounts.items()}


@dataclass(frozen=True)
class Cells:
    """Cells that a design takes, or that a device has.

    `lut` are the family's own look-up tables (of 6 inputs on Xilinx and Cyclone), `bram` blocks of `Target.bram_bits`,
    `dsp` hard multipliers. `carry` cells are counted apart from look-up tables, until `placed`; a device has none.
    """

    lut: int = 0
    ff: int = 0
    bram: int = 0
    dsp: int = 0
    carry: int = 0

    def __add__(self, other: Cells) -> Cells:
        return Cells(
            self.lut + other.lut,
            self.ff + other.ff,
            self.bram + other.bram,
            self.dsp + other.dsp,
            self.carry + other.carry,
        )

    @property
    def limited(self) -> dict[str, int]:
        """The amount of each of LIMITED."""
        return {"lut": self.lut, "ff": self.ff, "bram": self.bram, "dsp": self.dsp}

    def equivalents(self, target: str) -> int:
        """Look-up tables, with those whose place carry cells and lone flip-flops take."""
        device = TARGETS[target]
        return self.lut + device.carry_luts * self.carry + round(device.lone_ff * self.ff)

    def placed(self, target: str) -> Cells:
        """A lower bound on what these take of a device: packing may need some more look-up tables."""
        return Cells(self.equivalents(target), self.ff, self.bram, self.dsp)

    def beyond(self, device: Cells) -> list[str]:
        """The names of those of which a device has less."""
        has = device.limited
        return [name for name, amount in self.limited.items() if amount > has[name]]

    def fits_in(self, device: Cells) -> bool:
        """True where a device has at least as many of all."""
        return not self.beyond(device)

    def shares(self, device: Cells) -> dict[str, float]:
        """Shares of a device's cells, by the names of those that it has."""
        return {name: self.limited[name] / there for name, there in device.limited.items() if there}

    def to_json(self) -> dict[str, int]:
        """Entries of a file: all but carry cells."""
        return in_files(self.limited)

    @classmethod
    def from_json(cls, content: Mapping[str, int]) -> Cells:
        """Read what `to_json` gave. Raises LookupError where another entry is there, or one is missing."""
        if content.keys() != cls().to_json().keys():
            raise LookupError(f"not an amount of cells: {content!r:.80}")
        return cls(*(content[IN_FILES.get(name, name)] for name in LIMITED))


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
    typical: Cells
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
    Target("ecp5", 4, (18, 18), 18432, 36, Cells(83640, 83640, 208, 156), carry_bits=2, carry_luts=2),
    Target("ice40", 4, (16, 16), 4096, 16, Cells(5280, 5280, 30, 8), None, carry_bits=1, lone_ff=0.5, fill=0.9),
    Target("gowin", 4, (18, 18), 18432, 36, Cells(20736, 15552, 46, 48), (8, 6), carry_bits=1, carry_luts=1, fill=0.6),
    Target("gw5a", 4, None, 18432, 18, Cells(23040, 23040, 56, 0), None, carry_bits=1, carry_luts=1, tables=1.7),
    Target("gatemate", 4, None, 20480, 40, Cells(40960, 40960, 64, 0), None, carry_bits=1, carry_luts=1, tables=1.7),
    Target("xilinx7", 6, (25, 18), 18432, 36, Cells(63400, 126800, 270, 240)),
    Target("ultrascale+", 6, (27, 18), 18432, 36, Cells(117120, 234240, 288, 1248)),
    Target("cyclone5", 6, (18, 18), 10240, 40, Cells(83820, 167640, 553, 224), carry_bits=1),
)
TARGETS = {target.name: target for target in _TARGETS}
DEFAULT = TARGETS["ecp5"]
