"""The schedule of a design: the folding of every node and the depth of every buffer; its file, and the solver."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from accel.errors import UserError
from accel.graph import Graph, Node
from accel.hardware import Fold, Unit
from accel.ops import facet
from accel.target import DEFAULT, TARGETS

FORMAT = 1


@dataclass(frozen=True)
class Schedule:
    """`folds` by node name; `depths` by buffer name (buffers without an entry get the depth the timing asks for).

    `target` names the device family that hard multipliers are counted and packed for.
    """

    folds: dict[str, Fold] = field(default_factory=dict)
    depths: dict[str, int] = field(default_factory=dict)
    target: str = DEFAULT.name

    def text(self) -> str:
        """JSON with one line per node and per buffer: to be edited and compared by hand."""
        parts = [f' "format": {FORMAT}', f' "target": {json.dumps(self.target)}']
        for name in ("folds", "depths"):
            entries = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in getattr(self, name).items())
            parts.append(f' "{name}": {{\n' + ",\n".join(entries) + "\n }")
        return "{\n" + ",\n".join(parts) + "\n}\n"

    @classmethod
    def load(cls, path: Path) -> Schedule:
        """Read what `text` wrote, possibly edited. Raises UserError that names the file and what is wrong in it."""
        try:
            content = json.loads(Path(path).read_text())
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; `accel lower --target rtl` writes a schedule.json") from None
        except ValueError as error:
            raise UserError(f"{path}: not JSON ({error}); see a schedule.json of `accel lower`") from None
        problem = _problem(content)
        if problem:
            raise UserError(f"{path}: {problem}")
        return cls(**{key: content[key] for key in asdict(cls()) if key in content})


def _problem(content: Any) -> str | None:
    """What is wrong with the contents of a schedule file, as far as that shows without a graph."""
    if not isinstance(content, dict):
        return "a schedule is an object with folds and depths"
    if content.get("format") != FORMAT:
        return f"format {content.get('format')!r} is not the one that this accel reads ({FORMAT})"
    unknown = set(content) - set(asdict(Schedule())) - {"format"}
    if unknown:
        return f"unknown entry {min(unknown)!r}; there are {', '.join(asdict(Schedule()))}"
    if content.get("target", DEFAULT.name) not in TARGETS:
        return f"target {content['target']!r} is none of {', '.join(TARGETS)}"
    for name, kind in (("folds", dict), ("depths", int)):
        for key, value in content.get(name, {}).items():
            if not isinstance(value, kind) or (isinstance(value, int) and value < 1):
                return f"{name} of {key!r}: got {value!r}, expected {'a fold' if kind is dict else 'a positive number'}"
    return None


def require_known(schedule: Schedule, graph: Graph) -> None:
    """Raise UserError when the schedule folds a node that the graph does not have."""
    nodes = {node.name for node in graph if not is_stage(node)}
    for name in schedule.folds:
        if name not in nodes:
            raise UserError(f"schedule: the graph has no node {name!r} to fold; there are {', '.join(sorted(nodes))}")


def units_of(graph: Graph, node: Node, schedule: Schedule) -> tuple[Unit, ...]:
    """What a node becomes. Raises UserError when the schedule has no possible fold for it."""
    rtl, (inputs, output) = facet(node.op.kind, "rtl"), graph.ends(node)
    fold, possible = schedule.folds.get(node.name), rtl.folds(node.op, inputs, output)
    if fold not in possible:
        raise UserError(f"schedule: node {node.name!r} has fold {fold}; possible are {possible[:12]}")
    units: tuple[Unit, ...] = rtl.hardware(node.op, inputs, output, fold, TARGETS[schedule.target])
    return units


def is_stage(node: Node) -> bool:
    """True for operators that ride behind their producer and have no fold of their own."""
    return hasattr(facet(node.op.kind, "rtl"), "stage")


def fold_for(graph: Graph, interval: int, target: str = DEFAULT.name) -> Schedule:
    """The cheapest fold of every node whose units need at most `interval` cycles per sample.

    Raises UserError, naming the node, when one cannot be that fast.
    """
    folds = {}
    for node in graph:
        if is_stage(node):
            continue
        least_products = node.op.macs(*graph.ends(node)) / interval  # a fold with fewer cannot be fast enough
        able = (fold for fold in _by_cost(graph, node) if _cost(fold)[0] >= least_products)
        fast = (fold for fold in able if _cycles(graph, node, fold) <= interval)
        fold = next(fast, None)
        if fold is None:
            shortest = _shortest(graph, node)
            raise UserError(f"node {node.name!r} needs {shortest} cycles per sample at least, not {interval}")
        folds[node.name] = fold
    return Schedule(folds, target=target)


def shortest_interval(graph: Graph) -> int:
    """Cycles per sample of the slowest node when every node is folded as little as possible."""
    return max((_shortest(graph, node) for node in graph if not is_stage(node)), default=1)


def _shortest(graph: Graph, node: Node) -> int:
    return _cycles(graph, node, _by_cost(graph, node)[-1])


def _cycles(graph: Graph, node: Node, fold: Fold) -> int:
    return max(unit.cycles for unit in units_of(graph, node, Schedule({node.name: fold})))


def _by_cost(graph: Graph, node: Node) -> list[Fold]:
    folds = facet(node.op.kind, "rtl").folds(node.op, *graph.ends(node))
    return sorted((f for f in folds if f.get("multiply", "dsp") == "dsp" and "unrolled" not in f), key=_cost)


def _cost(fold: Fold) -> tuple[int, int]:
    """Parallel multipliers (or lanes) first, then few accumulators: PE is dearer than SIMD."""
    pe, simd = fold.get("pe", 1), fold.get("simd", fold.get("lanes", 1))
    return pe * simd, pe
