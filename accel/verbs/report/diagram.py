"""Where the boxes and edges of a graph lie in a drawing: ranks from top to bottom, edges as lines through them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from accel.dataflow.schedule import is_stage
from accel.graph import Graph, Node
from accel.tensor import Tensor

WIDTH, ROW, FIGURES, PADDING = 252, 19, 15, 5
"""Of a box: its width, the height of an operator and of the figures between two of them, and at top and bottom."""
GAP_X, GAP_Y, LANE, BEND = 26, 52, 24, 24
"""Between boxes side by side, between ranks, the width of an edge that passes a rank, and the height of its bends."""
SWEEPS = 24
WEIGHTS = (1, 2, 8)
"""How much an edge wants to be straight: between boxes, at its ends, in between."""
MARGIN = 8


@dataclass(frozen=True)
class BoxRow:
    """An operator in a box; `figures` are those of its output, where the next operator of the box reads it."""

    kind: str
    name: str
    y: int
    figures: str = ""


@dataclass(frozen=True)
class Box:
    """A unit's operator and the ones that ride behind it; `figures` are those of the edge that leaves it."""

    rows: tuple[BoxRow, ...]
    figures: tuple[str, str]
    role: str
    x: float
    y: float
    height: int


@dataclass(frozen=True)
class Diagram:
    """All of it, in pixels; `paths` are SVG path data."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    paths: tuple[str, ...]


def figures(tensor: Tensor) -> tuple[str, str]:
    """Width and shape of an edge; its range, rounded from a million on, so that the texts stay between the boxes."""
    span = f"{_value(tensor.lo)} … {_value(tensor.hi)}".replace("-", "−")
    return f"{tensor.width} bit, {tensor.tokens} × {tensor.channels}", span


def _value(bound: int) -> str:
    return f"{bound:,}" if abs(bound) < 1_000_000 else f"{bound:.2e}".replace("e+0", "e").replace("e+", "e")


def draw(graph: Graph) -> Diagram:
    """The diagram of a graph; operators that ride behind another one share its box."""
    groups = _groups(graph)
    place = {name: index for index, group in enumerate(groups) for name in group}
    nodes = {node.name: node for node in graph}
    reads = [
        sorted({place[edge] for name in group if name in nodes for edge in nodes[name].inputs} - {index})
        for index, group in enumerate(groups)
    ]
    ranks = [0] * len(groups)
    for index, sources in enumerate(reads):
        ranks[index] = max((ranks[source] + 1 for source in sources), default=0)
    pairs = [(source, index) for index, sources in enumerate(reads) for source in sources]
    chains = [_chain(*pair, ranks) for pair in pairs]
    rows = _ordered(ranks, chains)
    x = _columns(rows, chains)
    heights = [_height(group) for group in groups]
    tops = _tops(ranks, heights)
    left = min(x.values()) - WIDTH / 2 - MARGIN
    boxes = tuple(
        _box(graph, nodes, group, x[index] - left - WIDTH / 2, tops[ranks[index]]) for index, group in enumerate(groups)
    )
    rank_heights = [max(h for h, r in zip(heights, ranks, strict=True) if r == rank) for rank in range(len(tops))]
    bands = [(top, top + height) for top, height in zip(tops, rank_heights, strict=True)]
    paths = tuple(
        _path([(x[point] - left, *bands[_rank(point, ranks)]) for point in chain], heights[source])
        for chain, (source, _) in zip(chains, pairs, strict=True)
    )
    width = max(box.x for box in boxes) + WIDTH + 80  # the figures of an edge are wider than half a box
    return Diagram(width, tops[-1] + rank_heights[-1] + GAP_Y, boxes, paths)


Place = int | tuple[int, int, int]
"""A box by its number, or a point of the edge (source, target) in a rank."""


def _groups(graph: Graph) -> list[list[str]]:
    """Names of edges that share a box, in execution order; the inputs are the first."""
    found: list[list[str]] = [[name] for name in graph.inputs]
    group_of = {group[0]: group for group in found}
    for node in graph:
        if is_stage(node) and len(graph.consumers[node.inputs[0]]) == 1 and node.inputs[0] not in graph.outputs:
            group = group_of[node.inputs[0]]
        else:
            found.append(group := [])
        group.append(node.name)
        group_of[node.name] = group
    return found


def _chain(source: int, target: int, ranks: list[int]) -> list[Place]:
    between: list[Place] = [(source, target, rank) for rank in range(ranks[source] + 1, ranks[target])]
    return [source, *between, target]


def _ordered(ranks: list[int], chains: list[list[Place]]) -> list[list[Place]]:
    """Per rank its points from left to right, each near the middle of its neighbours in the rank before or after."""
    rows: list[list[Place]] = [[] for _ in range(max(ranks) + 1)]
    for chain in chains:  # edges that pass by begin on the left: there the eye, and a narrow window, finds them
        for point in chain[1:-1]:
            rows[_rank(point, ranks)].append(point)
    for index, rank in enumerate(ranks):
        rows[rank].append(index)
    above, below = _neighbours(chains)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else rows[::-1]:
            at = {point: i / max(len(line) - 1, 1) for line in rows for i, point in enumerate(line)}
            near = above if down else below
            row.sort(key=lambda point: _mean([at[other] for other in near.get(point, [])], at[point]))
    return rows


def _rank(point: Place, ranks: list[int]) -> int:
    return ranks[point] if isinstance(point, int) else point[2]


def _neighbours(chains: list[list[Place]]) -> tuple[dict[Place, list[Place]], dict[Place, list[Place]]]:
    above: dict[Place, list[Place]] = {}
    below: dict[Place, list[Place]] = {}
    for chain in chains:
        for a, b in pairwise(chain):
            below.setdefault(a, []).append(b)
            above.setdefault(b, []).append(a)
    return above, below


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _columns(rows: list[list[Place]], chains: list[list[Place]]) -> dict[Place, float]:
    """Middle of every point: the least sum of what edges go sideways, as far apart as the order and widths ask.

    A linear program in the points and, behind them, in the way sideways of every part of an edge.
    """
    from scipy.optimize import linprog
    from scipy.sparse import lil_array

    number = {point: i for i, point in enumerate(point for row in rows for point in row)}
    parts = [pair for chain in chains for pair in pairwise(chain)]
    neighbours = [pair for row in rows for pair in pairwise(row)]
    limits = lil_array((2 * len(parts) + len(neighbours), len(number) + len(parts)))
    bounds = np.zeros(limits.shape[0])
    for k, (a, b) in enumerate(parts):
        for row, sign in ((2 * k, 1), (2 * k + 1, -1)):
            limits[row, [number[a], number[b], len(number) + k]] = sign, -sign, -1
    for row, (a, b) in enumerate(neighbours, 2 * len(parts)):
        limits[row, [number[a], number[b]]] = 1, -1
        bounds[row] = -_half(a) - _half(b)
    costs = [0] * len(number) + [WEIGHTS[isinstance(a, tuple) + isinstance(b, tuple)] for a, b in parts]
    found = linprog(costs, limits.tocsr(), bounds).x
    return {point: float(found[i]) for point, i in number.items()}


def _half(point: Place) -> float:
    return (WIDTH + GAP_X if isinstance(point, int) else LANE) / 2


def _height(group: list[str]) -> int:
    return 2 * PADDING + ROW * len(group) + FIGURES * (len(group) - 1)


def _tops(ranks: list[int], heights: list[int]) -> list[float]:
    """Upper side of every rank."""
    tops, y = [], float(MARGIN)
    for rank in range(max(ranks) + 1):
        tops.append(y)
        y += max(h for h, r in zip(heights, ranks, strict=True) if r == rank) + GAP_Y
    return tops


def _box(graph: Graph, nodes: dict[str, Node], group: list[str], x: float, y: float) -> Box:
    rows = []
    for place, name in enumerate(group):
        kind = nodes[name].op.kind if name in nodes else "input"
        shown = ", ".join(figures(graph.tensors[name])) if place < len(group) - 1 else ""
        rows.append(BoxRow(kind, name, PADDING + place * (ROW + FIGURES), shown))
    first = nodes.get(group[0])
    role = "end" if first is None else "matrix" if first.op.macs(*graph.ends(first)) else "other"
    return Box(tuple(rows), figures(graph.tensors[group[-1]]), role, x, y, _height(group))


def _path(points: list[tuple[float, float, float]], height: int) -> str:
    """SVG path from the lower side of a box, `height` below its top, through ranks to the upper side of another.

    Points are (x, top, bottom) of the ranks.
    """
    at, top, _ = points[0]
    parts = [f"M{at:.1f} {top + height:.1f}"]
    for x, top, bottom in points[1:]:
        middle = top - BEND / 2
        parts.append(f"V{top - BEND:.1f}C{at:.1f} {middle:.1f} {x:.1f} {middle:.1f} {x:.1f} {top:.1f}V{bottom:.1f}")
        at = x
    return "".join(parts).rpartition("V")[0]
