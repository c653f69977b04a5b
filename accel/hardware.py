"""Description of a node for the RTL back end, as data: units, their streams, their timing (`accel/ops/<kind>/rtl.py`).

A unit starts work on at most one beat per cycle (`fire`) and then runs to the end without stopping: it takes a place
in the buffer behind it first. So timing does not depend on data, and an `Actor` says all of it: which firings of a
sequence need, take and give which beats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from accel.fold import LaneFold
from accel.target import Target


@dataclass(frozen=True, eq=False)
class Rom:
    """Memory contents: `depth` words, each of `columns` elements of `bits` bits, element 0 in the lowest ones.

    `make` gives the integer array (depth, columns): only who needs the contents asks for them, and most folds that a
    schedule chooses among never come that far.
    """

    depth: int
    columns: int
    bits: int
    make: Callable[[], np.ndarray]

    @classmethod
    def of(cls, values: np.ndarray, bits: int) -> Rom:
        """One word per row of `values`."""
        depth, columns = values.shape
        return cls(depth, columns, bits, lambda: values)

    @property
    def width(self) -> int:
        """Bits of a word."""
        return self.bits * self.columns

    def is_deep(self, target: Target) -> bool:
        """Worth a block RAM: enough of one, and at least 32 words."""
        return self.depth >= 32 and self.width * self.depth >= target.block_from


class Long(int):
    """A module parameter that is declared `longint`."""


@dataclass(frozen=True)
class Module:
    """An instance of a SystemVerilog module: numeric parameters, and files for its memories by parameter name.

    A generated module brings its own `source`; the name then contains a hash of it, and `facts` are the numbers that
    its cost depends on. Others are in the library.
    """

    name: str
    params: dict[str, int]
    roms: dict[str, Rom] = field(default_factory=dict)
    source: str = ""
    facts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Port:
    """A stream of beats: `lanes` elements of `width` bits each. `edge` names it within the node.

    Inputs of a node are "in0", "in1"; its result is "out"; other names are streams between units of the node.
    """

    edge: str
    lanes: int
    width: int


@dataclass(frozen=True)
class Every:
    """The firings k of a sequence with first ≤ k mod period < first + count."""

    period: int
    first: int = 0
    count: int = 1

    def includes(self, firing: Any) -> Any:
        """True for a firing of this kind; element by element for an array of firings."""
        phase = firing % self.period
        return (self.first <= phase) & (phase < self.first + self.count)

    def within(self, firings: int) -> np.ndarray:
        """Ascending numbers of these firings, of the first `firings` of a sequence."""
        phases = np.arange(self.first, min(self.first + self.count, self.period))
        found = (np.arange(0, firings, self.period)[:, None] + phases).ravel()
        return found[found < firings]

    def number(self, firings: int) -> int:
        """How many of the first `firings` these are."""
        whole, rest = divmod(firings, self.period)
        last = min(self.first + self.count, self.period)
        return whole * (last - self.first) + max(0, min(rest, last) - self.first)


ALWAYS = Every(1)
"""All firings."""


class Use(NamedTuple):
    """Use of an edge by an actor: which firings of a sequence do what.

    Input: `hold` says where the head beat must be present, `done` where it leaves.
    Output: `hold` says where a place is taken, `done` where the beat is written, `latency` cycles after the firing.
    """

    edge: str
    hold: Every
    done: Every
    latency: int = 0


@dataclass(frozen=True)
class Actor:
    """`firings` per sequence, at least `interval` cycles apart."""

    firings: int
    inputs: tuple[Use, ...]
    outputs: tuple[Use, ...]
    interval: int = 1


@dataclass(frozen=True)
class Unit:
    """One module with streams in and out. `places` are capacities of edges inside the module, used by its actors.

    Several `copies` of the module work side by side in lockstep, each on its share of the lanes of every port.
    """

    module: Module
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    actors: tuple[Actor, ...]
    places: dict[str, int] = field(default_factory=dict)
    multipliers: int = 0  # multiply-accumulate units: products per cycle
    copies: int = 1

    @property
    def cycles(self) -> int:
        """Cycles per sequence when nothing waits."""
        return max(actor.firings * actor.interval for actor in self.actors)


@dataclass(frozen=True)
class Stage:
    """A free-running pipeline behind a unit: same beats, new contents, `latency` cycles. It cannot stall."""

    module: Module
    lanes: int
    width: int
    latency: int


def side_by_side(units: tuple[Unit, ...], copies: int) -> tuple[Unit, ...]:
    """Units that do `copies` times the work in the same cycles: time does not depend on data, so copies keep step."""

    def widened(ports: tuple[Port, ...]) -> tuple[Port, ...]:
        return tuple(replace(port, lanes=copies * port.lanes) for port in ports)

    return tuple(
        replace(
            unit,
            inputs=widened(unit.inputs),
            outputs=widened(unit.outputs),
            multipliers=copies * unit.multipliers,
            copies=copies,
        )
        for unit in units
    )


def consume(edge: str, when: Every = ALWAYS) -> Use:
    """One beat read and dropped at every such firing."""
    return Use(edge, when, when)


def produce(edge: str, when: Every, latency: int) -> Use:
    """One beat written `latency` cycles after every such firing."""
    return Use(edge, when, when, latency)


def divisors(n: int) -> list[int]:
    """Divisors of n, ascending."""
    return [d for d in range(1, n + 1) if n % d == 0]


def lane_folds(channels: int) -> list[LaneFold]:
    """Folds of an operator that works on `lanes` channels per beat."""
    return [LaneFold(lanes) for lanes in divisors(channels)]


def per_row(beats: int, edge: str) -> Use:
    """An input held during the `beats` firings of a row and dropped with the last."""
    return Use(edge, ALWAYS, Every(beats, beats - 1))
