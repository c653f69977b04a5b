"""The solver: how far to fold every node, for a wanted interval at least cost or for a budget at least interval.

Costs are those of `accel.cost`. Several resources become one number by prices, and prices are raised for what runs
short until the largest share of the budget that any resource takes is as small as it gets (multiplicative weights);
then single nodes are changed as long as that makes it smaller.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property

import numpy as np

from accel import cost
from accel.errors import UserError
from accel.graph import Graph, Node
from accel.hardware import Fold, Pattern, Stage, Unit
from accel.ops import facet
from accel.schedule import Schedule, is_stage, stage_of, units_of
from accel.target import DEFAULT, TARGETS, Budget

DSP = Budget._fields.index("dsp")
DEFAULT_INTERVAL = 4096
"""Cycles per sample that the default schedule aims at: small enough for the cheapest boards."""
ROUNDS = 40
"""Changes of prices; choices stop changing well before."""
STEP = 0.5
SLACK = 1.25
"""Folds with more than this many times the parallelism that is needed are no candidates."""
SURROUNDINGS = np.array([0.6, 0.6, 0.8, 0.95])
"""Shares of a device that units may fill: buffers, adapters and the board's shell need the rest.

Of the cells that can be placed packing makes 1.2 of an estimated LUT, and a quarter of them are no units'; of the
flip-flops two fifths are not, where memories of buffers take their share.
"""


def default(graph: Graph) -> Schedule:
    """The cheapest folds that keep DEFAULT_INTERVAL cycles per sample, or as few as the slowest node allows."""
    return fold_for(graph, max(DEFAULT_INTERVAL, shortest_interval(graph)))


def fold_for(graph: Graph, interval: int, target: str = DEFAULT.name, budget: Budget | None = None) -> Schedule:
    """The cheapest fold of every node whose units need at most `interval` cycles per sample.

    Cheapest is what takes the smallest share of the budget's scarcest resource (default: a typical device of the
    target). Raises UserError, naming the node, when one cannot be that fast.
    """
    return Solver(graph, target, budget).at(interval)[0]


def fastest(graph: Graph, target: str, budget: Budget) -> Schedule:
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
    folds = {}
    for node in graph:
        if not is_stage(node):
            possible = facet(node.op.kind, "rtl").folds(node.op, *graph.ends(node))
            graphs = [fold for fold in possible if fold.get("unrolled") == steps]
            folds[node.name] = max(graphs or possible, key=_parallel)
    return Schedule(folds, target=target)


def shortest_interval(graph: Graph) -> int:
    """Cycles per sample of the slowest node when every node is folded as little as possible."""
    return Solver(graph, DEFAULT.name).shortest


class Solver:
    """All candidates of a graph on a target, and choices among them."""

    def __init__(self, graph: Graph, target: str, budget: Budget | None = None, dsp: int | None = None) -> None:
        """`dsp` limits the hard multipliers, however many the budget has."""
        self.graph, self.limited = graph, dsp is not None
        self.room = np.array(budget or TARGETS[target].typical) * SURROUNDINGS
        self.room[:2] *= TARGETS[target].fill
        if dsp is not None:
            self.room[DSP] = max(dsp, 0.5)
        self.nodes = [Candidates(graph, node, target) for node in graph if not is_stage(node)]
        self.target = target

    def at(self, interval: int) -> tuple[Schedule, np.ndarray]:
        """The cheapest schedule of an interval, and the shares of the budget that it takes (lut, ff, bram, dsp)."""
        options = [node.within(interval) for node in self.nodes]
        tables = [costs / self.room for _, costs in options]
        picked = _improved(tables, _priced(tables))
        if self.limited:
            picked = _with_fewer(DSP, tables, picked)
        folds = {node.node.name: known[k] for node, (known, _), k in zip(self.nodes, options, picked, strict=True)}
        return Schedule(folds, target=self.target), _shares(tables, picked)

    def fastest(self) -> Schedule:
        """The schedule of the shortest interval that the budget allows."""
        intervals = self.intervals
        first = bisect_left(intervals, True, key=lambda interval: bool(self.at(interval)[1].max() <= 1))
        schedule, shares = self.at(intervals[min(first, len(intervals) - 1)])
        if shares.max() > 1:
            worst = int(shares.argmax())
            raise UserError(
                f"the smallest design of {self.graph.name} takes {shares[worst]:.0%} of the {Budget._fields[worst]} "
                "that the device has for it; choose a larger one or a smaller model"
            )
        return schedule

    def with_multipliers(self, limit: int) -> Schedule:
        """The schedule of the shortest interval whose matrix units make at most `limit` products per cycle."""
        intervals = self.intervals
        first = bisect_left(intervals, True, key=lambda interval: self._products(interval) <= limit)
        if first == len(intervals):
            raise UserError(
                f"{self.graph.name} needs {self._products(intervals[-1])} multipliers at least, not {limit}"
            )
        interval = intervals[first]
        folds = self.at(interval)[0].folds
        leanest = {node.node.name: node.leanest(interval) for node in self.nodes if node.macs}
        return Schedule(folds | leanest, target=self.target)

    def _products(self, interval: int) -> int:
        """Per cycle, of the leanest matrix units."""
        return sum(_made(node.leanest(interval)) for node in self.nodes if node.macs)

    @property
    def shortest(self) -> int:
        """Cycles per sample of the slowest node when nothing is folded."""
        return max((node.shortest for node in self.nodes), default=1)

    @cached_property
    def intervals(self) -> list[int]:
        """All intervals that make a difference, ascending."""
        shortest = self.shortest
        return sorted({cycles for node in self.nodes for cycles in node.reachable if cycles >= shortest} | {shortest})


class Candidates:
    """The folds of one node, least parallel first; cycles and costs are found when they are asked for."""

    def __init__(self, graph: Graph, node: Node, target: str) -> None:
        self.graph, self.node, self.target = graph, node, target
        possible = facet(node.op.kind, "rtl").folds(node.op, *graph.ends(node))
        self.folds = sorted(possible, key=lambda fold: ("unrolled" in fold, _parallel(fold)))
        self.macs = node.op.macs(*graph.ends(node))
        self._cycles: dict[int, int] = {}
        self._costs: dict[int, np.ndarray] = {}

    def within(self, interval: int) -> tuple[list[Fold], np.ndarray]:
        """Folds that need at most `interval` cycles, and what they cost. Raises UserError without any."""
        fast = list(self._fast(interval))
        if not fast:
            raise UserError(f"node {self.node.name!r} needs {self.shortest} cycles per sample at least, not {interval}")
        return [self.folds[k] for k in fast], np.array([self._cost(k) for k in fast])

    def leanest(self, interval: int) -> Fold:
        """The fold with the fewest products that needs at most `interval` cycles, the cheapest of equal ones."""
        folds, costs = self.within(interval)
        return min(zip(folds, costs.sum(1), strict=True), key=lambda pair: (_made(pair[0]), pair[1]))[0]

    def _fast(self, interval: int) -> Iterator[int]:
        """The least parallel folds that are fast enough; unrolled ones only where no other is."""
        most = None
        for k, fold in enumerate(self.folds):
            parallel = _parallel(fold)
            if most is not None and (parallel > most or "unrolled" in fold):
                return
            if parallel * interval >= self.macs and self.cycles(k) <= interval:
                most = most or SLACK * parallel
                yield k

    @property
    def reachable(self) -> set[int]:
        """Cycles per sample of all folds but the unrolled ones."""
        if self.macs:
            return {-(-self.macs // _parallel(fold)) for fold in self.folds if "unrolled" not in fold}
        return {self.cycles(k) for k, fold in enumerate(self.folds) if "unrolled" not in fold}

    @property
    def shortest(self) -> int:
        """Cycles per sample of the fastest fold; an adder graph is not faster than a matrix unit of its size."""
        most = _parallel(self.folds[-1])
        widest = [k for k, fold in enumerate(self.folds) if _parallel(fold) == most]
        return min(self.cycles(k) for k in widest if not (self.macs and "unrolled" in self.folds[k]))

    def cycles(self, k: int) -> int:
        """Cycles per sample of fold k."""
        if k not in self._cycles:
            self._cycles[k] = max(unit.cycles for unit in units_of(self.graph, self.node, self._schedule(k)))
        return self._cycles[k]

    def _cost(self, k: int) -> np.ndarray:
        """(lut, ff, bram, dsp) of fold k with the stages that ride behind it."""
        if k not in self._costs:
            units = units_of(self.graph, self.node, self._schedule(k))
            lanes = next(port.lanes for unit in units for port in unit.outputs if port.edge == "out")
            schedule = Schedule(target=self.target)
            stages = (stage_of(self.graph, node, lanes, schedule) for node in _riding(self.graph, self.node))
            parts: list[Unit | Stage] = [*units, *stages]
            made = cost.total(cost.estimate(part, self.target) for part in parts)
            self._costs[k] = np.array([made.equivalents(self.target), made.ff, made.bram, made.dsp], dtype=float)
        return self._costs[k]

    def _schedule(self, k: int) -> Schedule:
        return Schedule({self.node.name: self.folds[k]}, target=self.target)


def _shares(tables: list[np.ndarray], picked: list[int]) -> np.ndarray:
    """Of every resource, summed over the nodes."""
    return np.sum([table[k] for table, k in zip(tables, picked, strict=True)], axis=0)


def _rank(shares: np.ndarray) -> tuple[float, float]:
    """The largest share counts, then their sum."""
    return float(shares.max()), float(shares.sum())


def _priced(tables: list[np.ndarray]) -> list[int]:
    """A choice per node, the best that any prices lead to; `tables` hold the shares of every candidate."""
    if not tables:
        return []
    prices, found = np.ones(4), []
    for _ in range(ROUNDS):
        picked = [int((table @ prices).argmin()) for table in tables]
        shares = _shares(tables, picked)
        found.append((_rank(shares), picked))
        prices = prices * np.exp(STEP * shares / shares.max())
        prices /= prices.sum()
    return min(found)[1]


def _with_fewer(resource: int, tables: list[np.ndarray], picked: list[int]) -> list[int]:
    """The choice changed until its share of one resource is at most 1, or as small as it gets.

    Every step takes the node whose other shares grow least for what it saves.
    """
    picked = list(picked)
    while _shares(tables, picked)[resource] > 1:
        steps = [
            (float((table[k] - table[now]).sum() / (table[now, resource] - table[k, resource])), node, k)
            for node, (table, now) in enumerate(zip(tables, picked, strict=True))
            for k in range(len(table))
            if table[k, resource] < table[now, resource]
        ]
        if not steps:
            break
        _, node, k = min(steps)
        picked[node] = k
    return picked


def _improved(tables: list[np.ndarray], picked: list[int]) -> list[int]:
    """The choice with single nodes changed as long as that helps: equal nodes have equal prices, but may differ."""
    shares, better = _shares(tables, picked), True
    while better:
        better = False
        for node, table in enumerate(tables):
            others = shares - table[picked[node]] + table
            k = min(range(len(table)), key=lambda k: _rank(others[k]))
            if _rank(others[k]) < _rank(shares):
                picked[node], shares, better = k, others[k], True
    return picked


def _riding(graph: Graph, node: Node) -> Iterator[Node]:
    """The stages behind a node, and behind those."""
    for after in graph.consumers[node.name]:
        if is_stage(after):
            yield after
            yield from _riding(graph, after)


def _made(fold: Fold) -> int:
    """Products, or elements, per cycle."""
    return int(fold.get("lanes", 1) * fold.get("pe", 1) * fold.get("simd", 1) * fold.get("heads", 1))


def _parallel(fold: Fold) -> int:
    """The same with those whose weights a sparse fold leaves out."""
    kept = Pattern.of(fold)
    return _made(fold) // kept.n * kept.m
