"""Levels side by side, layer by layer: where they differ, what values they hold, what they saturate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from accel.arrays import Arrays, count, head, named
from accel.errors import UserError
from accel.graph import Graph, Node
from accel.numeric import INT64_EXACT
from accel.verification.difference import Difference, difference
from accel.verification.levels import Level
from accel.verification.row import Row

Edges = Mapping[str, np.ndarray]
WIDE = INT64_EXACT  # no value of a graph reaches it


@dataclass(frozen=True)
class Comparison:
    """All rows, layers in execution order and levels from the top down.

    What a layer has to be is what the first level that shows it makes of a sample: the file where there is one, then
    the reference. A fault shows in the layer that has it and in those behind it: `first` is where it is.
    """

    model: str
    levels: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def mismatches(self) -> int:
        """Samples that are wrong in some layer, over all levels; a sample counts once per level."""
        return sum(max((row.mismatches for row in self.rows if row.level == level), default=0) for level in self.levels)

    @property
    def first(self) -> tuple[Difference, ...]:
        """First wrong layer of every level that is wrong."""
        found: dict[str, Difference] = {}
        for row in self.rows:
            if row.difference:
                found.setdefault(row.level, row.difference)
        return tuple(found[level] for level in self.levels if level in found)

    def as_dict(self) -> dict[str, object]:
        """Plain lists and numbers, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self.table, strict=True)]
        lines = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in self.table)
        return "\n".join([f"{self.model}: samples that differ", *lines, *map(str, self.first)])

    @property
    def table(self) -> list[tuple[str, ...]]:
        """Column titles, then a line per layer. Values and saturation are those of the last level that shows it."""
        header = ("layer", "kind", *self.levels, "values", "declared", "clipped below", "above")
        return [header, *(self._line(rows) for rows in self.layers.values())]

    def plot(self, path: Path | str) -> None:
        """Write a figure (the format follows from the name): mismatches by layer and level, and ranges."""
        from accel.verification.plot import figure

        figure(self.model, self.levels, self.layers).savefig(path, dpi=120)

    @property
    def layers(self) -> dict[str, dict[str, Row]]:
        """Layer → level → row."""
        found: dict[str, dict[str, Row]] = {}
        for row in self.rows:
            found.setdefault(row.layer, {})[row.level] = row
        return found

    def _line(self, rows: dict[str, Row]) -> tuple[str, ...]:
        row = list(rows.values())[-1]
        counts = (str(rows[level].mismatches) if level in rows else "-" for level in self.levels)
        clipped = ("" if count is None else f"{count / row.values:.2%}" for count in (row.below, row.above))
        return row.layer, row.kind, *counts, f"{row.least}..{row.most}", f"{row.lo}..{row.hi}", *clipped


def compare_levels(graph: Graph, levels: Iterable[Level], x: Arrays) -> Comparison:
    """Run every level on integer inputs (samples, tokens, channels), with all edges where it can show them.

    Raises UserError when a level has edges of other shapes than the graph: it was made from another model.
    """
    expected: dict[str, np.ndarray] = {}
    rows: list[Row] = []
    names: list[str] = []
    for level in levels:
        names.append(level.name)
        inputs = head(x, level.limit)
        edges = level.trace(inputs) if level.trace else _ends(graph, inputs, level.run(inputs))
        _require_same_layers(graph, level.name, edges)
        for layer, got in edges.items():
            known = expected.get(layer, got[:0])
            expected[layer] = np.concatenate([known, got[len(known) :]])
        rows += (_row(graph, level.name, layer, expected[layer][: count(inputs)], edges) for layer in edges)
    place = {layer: number for number, layer in enumerate(graph.tensors)}
    return Comparison(graph.name, tuple(names), tuple(sorted(rows, key=lambda row: place[row.layer])))


def _ends(graph: Graph, x: Arrays, y: Arrays) -> dict[str, np.ndarray]:
    """The edges that a level without a trace shows."""
    return {**named(graph.inputs, x), **named(graph.outputs, y)}


def _require_same_layers(graph: Graph, level: str, edges: Edges) -> None:
    for name in graph.outputs:
        if name not in edges:
            raise UserError(f"{level}: layer {name!r} is missing: made from another model; lower this one again")
    for layer, values in edges.items():
        if layer not in graph.tensors or values.shape[1:] != graph.tensors[layer].shape:
            raise UserError(f"{level}: layer {layer!r} {values.shape[1:]} is not in the model; lower it again")


def _row(graph: Graph, level: str, layer: str, expected: np.ndarray, edges: Edges) -> Row:
    got, tensor = edges[layer], graph.tensors[layer]
    node = next((node for node in graph if node.name == layer), None)
    found = difference(level, layer, expected, got)
    below, above = _clipped(node, edges) if node else (None, None)
    return Row(
        level=level,
        layer=layer,
        kind=node.op.kind if node else "input",
        samples=len(got),
        mismatches=found.mismatches if found else 0,
        index=found.index if found else None,
        expected=found.expected if found else None,
        got=found.got if found else None,
        least=int(got.min()),
        most=int(got.max()),
        lo=tensor.lo,
        hi=tensor.hi,
        below=below,
        above=above,
        values=got.size,
    )


def _clipped(node: Node, edges: Edges) -> tuple[int, int] | tuple[None, None]:
    """Count the values that the clip of a node raised and lowered; see `Row`."""
    import torch

    op: Any = node.op
    if not hasattr(op, "lo") or not hasattr(op, "hi") or any(name not in edges for name in node.inputs):
        return None, None
    free = replace(op, lo=-WIDE, hi=WIDE).evaluate(*(torch.from_numpy(edges[name]) for name in node.inputs))
    return int((free < op.lo).sum()), int((free > op.hi).sum())
