"""The solver: how far to fold every node, for a wanted interval at least cost or for a budget at least interval.

Costs are those of `accel.cost`; `accel.selection` weighs the resources. The choice for an interval competes with those
for all shorter ones, which keep it as well: so the largest share of the budget never rises when the interval grows,
whatever heuristics leave behind. Most of the shorter ones are ruled out by a lower bound before their folds are priced.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, product

import numpy as np

from accel import cost
from accel.dataflow.schedule import Schedule, folds_of, is_stage, on_lanes, stages_with, unit_folds_of, units_with
from accel.errors import UserError
from accel.fold import Fold, StageFold
from accel.graph import Graph, Node
from accel.hardware import Stage, Unit
from accel.selection import Selection, select
from accel.target import DEFAULT, LIMITED, TARGETS, Cells

DSP = LIMITED.index("dsp")
DEFAULT_INTERVAL = 4096
"""Cycles per sample that the default schedule aims at: small enough for the cheapest boards."""
SLACK = 1.25
"""Folds with more than this many times the parallelism that is needed are no candidates."""
HOPELESS = 2
"""The largest share of the smallest design above which no faster one is tried.

Faster ones only take more, but for block RAM: they may hold weights in look-up tables. The smallest design fills its
block RAMs well, and no device has look-up tables for as many bits as its block RAMs hold and products besides.
"""
_NONE = 0.5
"""Room for something that there is nothing of: one is too many."""
SURROUNDINGS = np.array([0.6, 0.6, 0.8, 0.95])
"""Shares of a device that units may fill: buffers, adapters and the board's shell need the rest.

Of the cells that can be placed packing makes 1.2 of an estimated LUT, and a quarter of them are no units'; of the
flip-flops two fifths are not, where memories of buffers take their share.
"""


def default(graph: Graph) -> Schedule:
    """The cheapest folds that keep DEFAULT_INTERVAL cycles per sample, or as few as the slowest node allows."""
    solver = Solver(graph, DEFAULT.name)
    return solver.at(max(DEFAULT_INTERVAL, solver.shortest))[0]


def fold_for(graph: Graph, interval: int, target: str = DEFAULT.name, budget: Cells | None = None) -> Schedule:
    """The cheapest fold of every node whose units need at most `interval` cycles per sample.

    Cheapest is what takes the smallest share of the budget's scarcest resource (default: a typical device of the
    target). Raises UserError, naming the node, when one cannot be that fast.
    """
    return Solver(graph, target, budget).at(interval)[0]


def fastest(graph: Graph, target: str, budget: Cells) -> Schedule:
    """The folds with the shortest interval whose estimated cost leaves room for their surroundings.

    Raises UserError, saying what is short, when the smallest design exceeds the budget.
    """
    return Solver(graph, target, budget).fastest()


def with_multipliers(graph: Graph, limit: int, target: str = DEFAULT.name) -> Schedule:
    """The folds with the shortest interval that make at most `limit` products per cycle.

    Raises UserError when one product per matrix unit is too many.
    """
    return Solver(graph, target).with_multipliers(limit)


def unrolled(graph: Graph, target: str = DEFAULT.name, steps: int = 2) -> Schedule:
    """Nothing folded: constant matrices as adder graphs, divisions and roots as pipelines.

    `steps` is the number of adders, or bits of a result, between two registers. Everything takes a token per cycle.
    """
    folds: dict[str, Fold] = {}
    for node in graph:
        if not is_stage(node):
            possible = unit_folds_of(graph, node)
            graphs = [fold for fold in possible if fold.unrolled == steps]
            folds[node.name] = max(graphs or possible, key=lambda fold: fold.parallel)
    return Schedule(folds, target=target)


def shortest_interval(graph: Graph) -> int:
    """Cycles per sample of the slowest node when every node is folded as little as possible."""
    return Solver(graph, DEFAULT.name).shortest


class Solver:
    """All candidates of a graph on a target, and choices among them."""

    def __init__(self, graph: Graph, target: str, budget: Cells | None = None, dsp: int | None = None) -> None:
        """`dsp` limits the hard multipliers, however many the budget has."""
        self.graph, self.limited = graph, dsp is not None
        self.room = np.array([*(budget or TARGETS[target].typical).limited.values()]) * SURROUNDINGS
        self.room[:2] *= TARGETS[target].fill
        self.room = np.maximum(self.room, _NONE)  # a family without hard multipliers
        if dsp is not None:
            self.room[DSP] = max(dsp, _NONE)
        self.nodes = [Candidates(graph, node, target) for node in graph if not is_stage(node)]
        self.target = target
        self._found: dict[int, Selection] = {}

    def at(self, interval: int) -> tuple[Schedule, np.ndarray]:
        """The cheapest schedule of an interval, and the shares of the budget that it takes (lut, ff, bram, dsp).

        Over growing intervals the largest of these shares never rises. Raises UserError, naming the node, when one
        cannot be that fast.
        """
        known = [cycles for cycles in self.intervals if cycles <= interval]
        best = known.pop() if known else interval
        found = self._alone(best)
        for shorter in reversed(known):
            largest = self._scarcity(found)
            if self._least(shorter, found.prices, largest) < largest:
                other = self._alone(shorter)
                if self._scarcity(other) < largest:
                    best, found = shorter, other
        return self._schedule(best), found.shares

    def fastest(self) -> Schedule:
        """The schedule of the shortest interval that the budget allows."""
        if self.shortest_fitting is None:
            shares = self._alone(self.intervals[-1]).shares
            worst = int(shares.argmax())
            scarce = LIMITED[worst].upper()
            raise UserError(
                f"the smallest design of {self.graph.name} takes {shares[worst]:.0%} of the {scarce} "
                "that the device has for it; choose a larger device or a smaller model"
            )
        return self._schedule(self.shortest_fitting)

    @cached_property
    def shortest_fitting(self) -> int | None:
        """The shortest interval with a schedule that the budget allows, None if there is none."""
        last, fitting = self._alone(self.intervals[-1]), None
        if last.shares.max() > HOPELESS:
            return None
        for interval in reversed(self.intervals):
            if self._least(interval, last.prices, 1) <= 1:
                last = self._alone(interval)
                fitting = interval if last.shares.max() <= 1 else fitting
        return fitting

    def with_multipliers(self, limit: int) -> Schedule:
        """The schedule of the shortest interval whose matrix units make at most `limit` products per cycle."""
        interval = next((known for known in self.intervals if self._products(known) <= limit), None)
        if interval is None:
            least = self._products(self.intervals[-1])
            raise UserError(f"{self.graph.name} needs {least} multipliers at least, not {limit}")
        folds = dict(self.at(interval)[0].folds)
        for node in self.nodes:
            if node.macs:
                folds |= folds_in(node.leanest(interval))
        return Schedule(folds, target=self.target)

    def _products(self, interval: int) -> int:
        """Products per cycle of the leanest matrix units."""
        return sum(node.fewest(interval) for node in self.nodes if node.macs)

    def _alone(self, interval: int) -> Selection:
        """Cheapest schedule of an interval when no shorter one is considered."""
        if interval not in self._found:
            fast = [node.within(interval) for node in self.nodes]
            tables = [np.array([*map(cost_of, choices)]) / self.room for choices in fast]
            self._found[interval] = select(tables, DSP if self.limited else None)
        return self._found[interval]

    def _schedule(self, interval: int) -> Schedule:
        folds: dict[str, Fold] = {}
        for node, k in zip(self.nodes, self._alone(interval).picked, strict=True):
            folds |= folds_in(node.within(interval)[k])
        return Schedule(folds, target=self.target)

    def _scarcity(self, found: Selection) -> float:
        """The largest share; infinite where the limit of hard multipliers is exceeded."""
        return np.inf if self.limited and found.shares[DSP] > 1 else float(found.shares.max())

    def _least(self, interval: int, prices: np.ndarray, enough: float) -> float:
        """A lower bound on the largest share that any folds for an interval take, or a number above `enough`.

        Prices sum to 1, so no sum of shares at these prices exceeds the largest share; and the smallest such sum has
        the cheapest fold of every node.
        """
        total = 0.0
        for node in sorted(self.nodes, key=lambda node: -node.macs):
            if total > enough:
                break
            costs = np.array([*map(cost_of, node.within(interval))])
            total += float((costs / self.room @ prices).min())
        return total

    @property
    def shortest(self) -> int:
        """Cycles per sample of the slowest node when nothing is folded."""
        return max((node.shortest for node in self.nodes), default=1)

    @cached_property
    def intervals(self) -> list[int]:
        """All intervals that make a difference, ascending."""
        shortest = self.shortest
        return sorted({cycles for node in self.nodes for cycles in node.reachable if cycles >= shortest} | {shortest})


@dataclass(frozen=True, eq=False)
class Made:
    """A node in one of its folds: its units or its stages. `fold` is None where there is one way only."""

    node: str
    fold: Fold | None
    parts: Sequence[Unit | Stage]
    target: str

    @cached_property
    def cost(self) -> np.ndarray:
        """Cells (lut, ff, bram, dsp), estimated once and only when they are asked for."""
        cells = cost.total([cost.estimate(part, self.target) for part in self.parts])
        return np.array([*cells.placed(self.target).limited.values()], dtype=float)


Choice = tuple[Made, ...]
"""A node and the stages that ride behind it."""


def folds_in(choice: Choice) -> dict[str, Fold]:
    """The folds of a choice by node."""
    return {made.node: made.fold for made in choice if made.fold is not None}


def cost_of(choice: Choice) -> np.ndarray:
    """Cells (lut, ff, bram, dsp) of a choice."""
    unit, *stages = choice
    return sum((stage.cost for stage in stages), unit.cost)


class Candidates:
    """The folds of one node, least parallel first, each with all ways to make the stages that ride behind it.

    Cycles and units are found when they are asked for.
    """

    def __init__(self, graph: Graph, node: Node, target: str) -> None:
        self.graph, self.node, self.target = graph, node, TARGETS[target]
        possible = unit_folds_of(graph, node)
        self.folds = sorted(possible, key=lambda fold: (fold.unrolled, fold.parallel))
        self.parallel = [fold.parallel for fold in self.folds]
        steps = groupby(range(len(self.folds)), lambda k: self.folds[k].unrolled)
        self.groups = [(unrolled, list(group)) for unrolled, group in steps]
        self.macs = node.op.macs(*graph.ends(node))
        self._cycles: dict[int, int] = {}
        self._known: dict[int, list[Choice]] = {}
        self._stages: dict[tuple[str, int], list[Made]] = {}

    def within(self, interval: int) -> list[Choice]:
        """All choices that need at most `interval` cycles. Raises UserError without any."""
        return [choice for k in self._some(interval) for choice in self._choices(k)]

    def fewest(self, interval: int) -> int:
        """Products per cycle of the leanest fold."""
        return min(self.folds[k].products for k in self._fast(interval))

    def leanest(self, interval: int) -> Choice:
        """The choice with the fewest products that needs at most `interval` cycles, the cheapest of equal ones."""
        choices = [(k, choice) for k in self._some(interval) for choice in self._choices(k)]
        return min(choices, key=lambda found: (self.folds[found[0]].products, cost_of(found[1]).sum()))[1]

    def _some(self, interval: int) -> list[int]:
        """Find fast enough folds. Raises UserError without any."""
        fast = list(self._fast(interval))
        if not fast:
            least = f"{self.shortest} cycles per sample at least, not {interval}"
            raise UserError(f"node {self.node.name!r} needs {least}: choose a longer interval")
        return fast

    def _fast(self, interval: int) -> Iterator[int]:
        """The least parallel folds that are fast enough, serial and unrolled; adder graphs where nothing else is."""
        found = False
        for unrolled, group in self.groups:
            if self.macs and unrolled and found:
                return
            most = None
            for k in group[bisect_left(group, -(-self.macs // interval), key=self.parallel.__getitem__) :]:
                parallel = self.parallel[k]
                if most is not None and parallel > most:
                    break
                if self.cycles(k) <= interval:
                    most, found = most or SLACK * parallel, True
                    yield k

    @property
    def reachable(self) -> set[int]:
        """Cycles per sample of all folds but adder graphs."""
        return {self.cycles(k) for k, fold in enumerate(self.folds) if not (self.macs and fold.unrolled)}

    @property
    def _multiplies_only(self) -> bool:
        """True for a matrix unit without a second operand to load: its products alone set the cycles."""
        return self.macs > 0 and len(self.node.inputs) == 1

    @property
    def shortest(self) -> int:
        """Cycles per sample of the fastest fold; an adder graph is not faster than a matrix unit of its size."""
        widest = [k for k, parallel in enumerate(self.parallel) if parallel == self.parallel[-1]]
        return min(self.cycles(k) for k in widest if not (self.macs and self.folds[k].unrolled))

    def cycles(self, k: int) -> int:
        """Cycles per sample of fold k."""
        if self._multiplies_only and not self.folds[k].unrolled:
            return -(-self.macs // self.parallel[k])
        if k not in self._cycles:
            units = units_with(self.graph, self.node, self.folds[k], self.target)
            self._cycles[k] = max(unit.cycles for unit in units)
        return self._cycles[k]

    def _choices(self, k: int) -> list[Choice]:
        """Fold k with every way to make the stages behind it."""
        if k not in self._known:
            units = units_with(self.graph, self.node, self.folds[k], self.target)
            lanes = next(port.lanes for unit in units for port in unit.outputs if port.edge == "out")
            ways = [self._ways(node, lanes) for node in _riding(self.graph, self.node)]
            self._known[k] = [*product([Made(self.node.name, self.folds[k], units, self.target.name)], *ways)]
        return self._known[k]

    def _ways(self, node: Node, lanes: int) -> list[Made]:
        """Every way to make the stages of a node on these lanes."""
        key = node.name, lanes
        if key not in self._stages:
            self._stages[key] = []
            possible: Sequence[Fold | None] = folds_of(self.graph, node) or [None]
            for fold in possible:
                stages = stages_with(self.graph, node, on_lanes(fold or StageFold(), lanes), self.target)
                self._stages[key].append(Made(node.name, fold, stages, self.target.name))
        return self._stages[key]


def _riding(graph: Graph, node: Node) -> Iterator[Node]:
    """The stages behind a node, and behind those."""
    for after in graph.consumers[node.name]:
        if is_stage(after):
            yield after
            yield from _riding(graph, after)
