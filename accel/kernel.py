"""Description of a node for high-level synthesis, as data (`accel/ops/<kind>/kernel.py` makes it)."""

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
    """One call `nnet::<function><CONFIG>(inputs, outputs, tables…)` and what its CONFIG struct holds.

    It reads beats of `lanes[i]` elements from input i and writes beats of `out_lanes`. `constants` become `static const
    int` (`long long` where that is too small), `types` become `typedef … <name>_t`, `tables` arrays in the order given,
    each with a typedef `<name>_t` of its own. The back end adds the element types `in0_t`, `in1_t`, … and `out_t`, and
    `io`, through which a kernel moves beats (`accel/ops/common/accel_io.h`).

    `reuse` is how many cycles a token takes: hls4ml's reuse factor. A function made for this node alone brings its
    text as `source` and is written with hls4ml's generated code; `strategy` is hls4ml's name of how it multiplies.
    `cycles` are those of a sample, 0 where they are `reuse` per token of the output.
    """

    function: str
    header: Path
    lanes: tuple[int, ...]
    out_lanes: int
    constants: dict[str, int] = field(default_factory=dict)
    types: dict[str, Precision] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    reuse: int = 1
    cycles: int = 0
    source: str = ""
    strategy: str = "resource"


REGROUP = Path(__file__).parent / "ops" / "common" / "accel_regroup.h"


def regroup(size: int, have: int, want: int) -> Kernel:
    """The `size` elements of an edge from beats of `have` to beats of `want`; one of the two divides the other."""
    group, lanes = max(have, want), min(have, want)
    constants = {"groups": size // group, "group": group, "ratio": group // lanes, "lanes": lanes}
    function = "accel_gather" if want > have else "accel_scatter"
    return Kernel(function, REGROUP, (have,), want, constants, cycles=size // lanes)


def fork(size: int, lanes: int) -> Kernel:
    """The beats of an edge on two outputs."""
    groups = size // lanes
    return Kernel("accel_fork", REGROUP, (lanes,), lanes, {"groups": groups, "lanes": lanes}, cycles=groups)


def serial_steps(bits: int, step_bits: int, beats: int) -> int:
    """Cycles of a loop that finds `bits` bits, `step_bits` in each, while `beats` beats are handed on."""
    return max(beats, -(-bits // step_bits))
