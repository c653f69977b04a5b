"""The schedule of a design: the folding of every node and the depth of every buffer."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from accel.errors import UserError
from accel.graph import Graph, Node
from accel.hardware import Fold
from accel.ops import facet


@dataclass(frozen=True)
class Schedule:
    """`folds` by node name; `depths` by buffer name (buffers without an entry get the depth the timing asks for)."""

    folds: dict[str, Fold] = field(default_factory=dict)
    depths: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        """One line per node and buffer: made to be read, edited and compared."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Schedule:
        """Inverse of `to_json`. Raises UserError on anything else."""
        try:
            data = json.loads(text)
            return cls(dict(data["folds"]), dict(data.get("depths", {})))
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"not a schedule ({error}): expected JSON with 'folds' and 'depths'") from None


def is_stage(node: Node) -> bool:
    """True for operators that ride behind their producer and have no fold of their own."""
    return hasattr(facet(node.op.kind, "rtl"), "stage")


def fold_for(graph: Graph, interval: int) -> Schedule:
    """The cheapest fold of every node whose units need at most `interval` cycles per sample.

    Raises UserError when a node cannot be that fast.
    """
    folds = {}
    for node in graph:
        if is_stage(node):
            continue
        rtl = facet(node.op.kind, "rtl")
        inputs, output = graph.ends(node)
        candidates = sorted(rtl.folds(node.op, inputs, output), key=_cost)
        for fold in candidates:
            if max(unit.cycles for unit in rtl.hardware(node.op, inputs, output, fold)) <= interval:
                folds[node.name] = fold
                break
        else:
            raise UserError(
                f"node {node.name!r} cannot finish a sample in {interval} cycles: ask for a longer interval"
            )
    return Schedule(folds)


def _cost(fold: Fold) -> tuple[int, int]:
    """Parallel multipliers (or lanes) first, then few accumulators: PE is dearer than SIMD."""
    pe, simd = fold.get("pe", 1), fold.get("simd", fold.get("lanes", 1))
    return pe * simd, pe
