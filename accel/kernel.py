"""What a back end for high-level synthesis needs of a node, as data (`accel/ops/<kind>/kernel.py` makes it)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

Precision = tuple[int, bool]
"""Width in bits and signedness of an integer type."""


@dataclass(frozen=True)
class Table:
    """Constants of a kernel (weights, ROM): written into the project, never computed at run time."""

    values: np.ndarray
    precision: Precision


@dataclass(frozen=True)
class Kernel:
    """One call `nnet::<function><CONFIG>(inputs, output, tables…)` and what its CONFIG struct holds.

    `constants` become `static const int`, `types` become `typedef … <name>_t`, `tables` arrays in the
    order given, each with a typedef `<name>_t` of its own.
    """

    function: str
    header: Path
    constants: dict[str, int] = field(default_factory=dict)
    types: dict[str, Precision] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
