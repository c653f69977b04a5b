"""The figures of a design's units: when they work, what they occupy, how they are folded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from accel.dataflow.schedule import Schedule
from accel.fold import to_json
from accel.target import Cells

if TYPE_CHECKING:
    from accel.design import Design
    from accel.graph import Graph

SAMPLES = 3
"""Shown in the timeline."""


@dataclass(frozen=True)
class UnitFigures:
    """One unit: `cycles` of work per sample, `busy` is their share of the interval, `spans` (first, last) by sample."""

    name: str
    layers: tuple[str, ...]
    cycles: int
    busy: float
    spans: tuple[tuple[int, int], ...]
    counts: Cells


@dataclass(frozen=True)
class FoldFigures:
    """How a node is folded: `fold` and `memory` as in the schedule, `macs` per sample."""

    node: str
    kind: str
    macs: int
    fold: dict[str, int | str]
    memory: str


@dataclass(frozen=True)
class HardwareFigures:
    """All of a design; `buffers` and `total` are of the cost model, for `target`."""

    target: str
    units: tuple[UnitFigures, ...]
    buffers: Cells
    total: Cells
    folds: tuple[FoldFigures, ...]

    @property
    def end(self) -> int:
        """The last cycle of the timeline."""
        return max(last for unit in self.units for _, last in unit.spans)


def figures(design: Design, graph: Graph) -> HardwareFigures:
    """Compute the figures of a design. Raises UserError when it was not lowered from `graph`."""
    from accel import cost
    from hls import rtl
    from hls.rtl import area

    schedule = design.schedule
    structure = rtl.structure_of(design, graph)
    netlist, spans = structure.netlist, structure.activity(SAMPLES)
    interval = design.predicted.interval
    units = tuple(
        UnitFigures(
            instance.name,
            tuple(layer for layer in instance.layers if layer),
            instance.unit.cycles,
            instance.unit.cycles / interval,
            tuple(spans[instance.name]),
            area.unit(instance, schedule.target),
        )
        for instance in netlist.instances
    )
    buffers = area.buffers(netlist, schedule.depths, schedule.target)
    total = cost.total([*(unit.counts for unit in units), buffers])
    return HardwareFigures(schedule.target, units, buffers, total, _folds(graph, schedule))


def _folds(graph: Graph, schedule: Schedule) -> tuple[FoldFigures, ...]:
    nodes = (node for node in graph if node.name in schedule.folds or node.name in schedule.memories)
    return tuple(
        FoldFigures(
            node.name,
            node.op.kind,
            node.op.macs(*graph.ends(node)),
            to_json(schedule.folds[node.name]) if node.name in schedule.folds else {},
            schedule.memories.get(node.name, ""),
        )
        for node in nodes
    )
