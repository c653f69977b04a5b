"""What a back end for high-level synthesis needs of a node, as data (`accel/ops/<kind>/kernel.py` makes it)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from accel.numeric import bits

Precision = tuple[int, bool]
"""Width in bits and signedness of an integer type."""


def symmetric(peak: int) -> Precision:
    """The smallest signed type that holds −peak..peak."""
    return bits(-peak, peak)


@dataclass(frozen=True)
class Table:
    """Constants of a kernel (weights, ROM): written into the project, never computed at run time."""

    values: np.ndarray

    @property
    def precision(self) -> Precision:
        """The smallest type that holds all values."""
        return bits(int(self.values.min()), int(self.values.max()))


@dataclass(frozen=True)
class Kernel:
    """One call `nnet::<function><CONFIG>(inputs, output, tables…)` and what its CONFIG struct holds.

    `constants` become `static const int` (`long long` where that is too small), `types` become `typedef … <name>_t`,
    `tables` arrays in the order given, each with a typedef `<name>_t` of its own. The back end adds the element types
    `in0_t`, `in1_t`, … and `out_t`, and `io`, through which a kernel moves tokens (`accel/ops/common/accel_io.h`).
    """

    function: str
    header: Path
    constants: dict[str, int] = field(default_factory=dict)
    types: dict[str, Precision] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
