"""Cells of a device family as resources."""

from __future__ import annotations

from dataclasses import dataclass

from accel.target import TARGETS


@dataclass(frozen=True)
class Counts:
    """Resources of a netlist. `bram` is in blocks of `Target.bram_bits`; carry cells are not part of `lut`."""

    lut: int = 0
    ff: int = 0
    bram: int = 0
    dsp: int = 0
    carry: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(self._values(), other._values(), strict=True)))

    def equivalents(self, target: str) -> int:
        """Look-up tables, with those whose place carry cells and lone flip-flops take."""
        device = TARGETS[target]
        return self.lut + device.carry_luts * self.carry + round(device.lone_ff * self.ff)

    def _values(self) -> tuple[int, ...]:
        return self.lut, self.ff, self.bram, self.dsp, self.carry
