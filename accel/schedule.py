"""The schedule of a design: the folding of every node and the depth of every buffer."""

from __future__ import annotations

from dataclasses import dataclass, field

from accel.errors import UserError
from accel.graph import Graph, Node
from accel.hardware import Fold
from accel.ops import facet


@dataclass(frozen=True)
class Schedule:
    """`folds` by node name; `depths` by buffer name (buffers without an entry get the depth the timing asks for)."""

    folds: dict[str, Fold] = field(default_factory=dict)
    depths: dict[str, int] = field(default_factory=dict)


def is_stage(node: Node) -> bool:
    """True for operators that ride behind their producer and have no fold of their own."""
    return hasattr(facet(node.op.kind, "rtl"), "stage")


def fold_for(graph: Graph, interval: int) -> Schedule:
    """The cheapest fold of every node whose units need at most `interval` cycles per sample.

    Raises UserError, naming the node, when one cannot be that fast.
    """
    folds = {}
    for node in graph:
        if is_stage(node):
            continue
        fast = (fold for fold in _by_cost(graph, node) if _cycles(graph, node, fold) <= interval)
        fold = next(fast, None)
        if fold is None:
            least = _shortest(graph, node)
            raise UserError(f"node {node.name!r} needs {least} cycles per sample at least, not {interval}")
        folds[node.name] = fold
    return Schedule(folds)


def shortest_interval(graph: Graph) -> int:
    """Cycles per sample of the slowest node when every node is folded as little as possible."""
    return max((_shortest(graph, node) for node in graph if not is_stage(node)), default=1)


def _shortest(graph: Graph, node: Node) -> int:
    return _cycles(graph, node, _by_cost(graph, node)[-1])


def _cycles(graph: Graph, node: Node, fold: Fold) -> int:
    units = facet(node.op.kind, "rtl").hardware(node.op, *graph.ends(node), fold)
    return max(unit.cycles for unit in units)


def _by_cost(graph: Graph, node: Node) -> list[Fold]:
    return sorted(facet(node.op.kind, "rtl").folds(node.op, *graph.ends(node)), key=_cost)


def _cost(fold: Fold) -> tuple[int, int]:
    """Parallel multipliers (or lanes) first, then few accumulators: PE is dearer than SIMD."""
    pe, simd = fold.get("pe", 1), fold.get("simd", fold.get("lanes", 1))
    return pe * simd, pe
