"""A causal graph token by token: `decode` evaluates one row of every edge at a time, with the graph's own integers.

The graph of all tokens stays the definition, and has no state. Every operator but MatMul works on a token alone; what a
MatMul reads of other tokens, the keys and values, is kept here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from accel.arrays import Arrays, Results, named, plain
from accel.errors import GraphError, UserError
from accel.graph import Graph, Node
from accel.reference import evaluation, native
from accel.reference.sequences import RowOrder
from accel.rows import Rows

if TYPE_CHECKING:
    import torch

NewRows = dict[str, np.ndarray]


def decode(graph: Graph, *, device: str = "cpu") -> Decoder:
    """An object that evaluates the rows of a causal graph in turn; `device` as in `reference.run`.

    Raises UserError, naming the node, for a graph of which a row needs later tokens, and for an unusable device.
    """
    return Decoder(graph, device)


def rows(graph: Graph) -> dict[str, Rows]:
    """Edge → how its rows are known token by token. Raises UserError, naming the node, where one needs later tokens."""
    why = f"{graph.name} cannot go token by token"
    found, tokens = dict.fromkeys(graph.inputs, Rows.WHOLE), _tokens(graph)
    if any(tensor.tokens != tokens for tensor in graph.inputs.values()):
        raise UserError(f"{why}: its inputs have different numbers of tokens")
    for node in graph:
        try:
            found[node.name] = node.op.by_row(tokens, *(found[name] for name in node.inputs))
        except GraphError as error:
            raise UserError(f"{why}: node {node.name!r} ({node.op.kind}): {error}") from None
    for name in graph.outputs:
        if found[name] is Rows.SCORES:
            raise UserError(f"{why}: output {name!r} has scores of later tokens")
    return found


def _tokens(graph: Graph) -> int:
    return next(iter(graph.inputs.values())).tokens


class Decoder:
    """A sequence that grows: `append` takes its next tokens and returns their rows of the output.

    All samples have the same number of tokens. Row t of every edge is row t of `reference.trace` on the whole sequence;
    of an edge of scores, the columns of keys up to t are (`rows` says which edges those are).
    """

    def __init__(self, graph: Graph, device: str = "cpu") -> None:
        self.graph, self.rows = graph, rows(graph)
        self.tokens = 0
        """Tokens that were appended."""
        self._samples = 0
        self._given: NewRows = {}
        kept = {name for node in graph for name in _kept(node)}
        lasting = _before(graph, kept)
        #: Edges that later tokens depend on, and those that are a token's own.
        self._lasting = tuple(node.name for node in graph if node.name in lasting)
        self._own = tuple(node.name for node in graph if node.name not in lasting)
        order, kept = (*self._lasting, *self._own), {*kept, *graph.inputs}
        plan = RowOrder(order, frozenset(kept), self._known(Rows.SCORES), self._known(Rows.SHARES))
        self._engine: _Engine = _Compiled(graph, plan) if device == evaluation.NATIVE else _Torch(graph, device)

    def _known(self, how: Rows) -> frozenset[str]:
        return frozenset(name for name, rows in self.rows.items() if rows is how)

    def restart(self, tokens: int = 0) -> None:
        """Forget all tokens but the first ones. Raises UserError when there are fewer."""
        if not 0 <= tokens <= self.tokens:
            raise UserError(f"{tokens} tokens cannot be kept of {self.tokens}; append them first")
        self.tokens = tokens

    def rewind(self, x: Arrays) -> int:
        """Forget all tokens but those with which x (samples, tokens, channels) begins, and return how many these are.

        The last token of x is forgotten in any case: whoever appends the rest gets its row of the output. A longer text
        is so read from the first token on that differs, with the same integers as from nothing.
        """
        new = named(self.graph.inputs, x)
        same = 0
        if self.tokens and all(len(array) == self._samples for array in new.values()):
            count = min(self.tokens, next(iter(new.values())).shape[1] - 1)
            differs = [(self._given[name][:, :count] != array[:, :count]).any((0, 2)) for name, array in new.items()]
            same = int(np.append(np.any(differs, axis=0), True).argmax())
        self.restart(same)
        return self.tokens

    def append(self, x: Arrays, *, last: bool = False) -> Results:
        """The next tokens (samples, new tokens, channels) → their rows of the output, int64; with `last` only one row.

        Several inputs and outputs are dicts, as in `reference.run`. Raises UserError on wrong names or shapes, another
        number of samples than before, more tokens than the graph has, a non-integer dtype or values outside the
        declared range.
        """
        return plain(self.graph.outputs, self._append(x, tuple(self.graph.outputs), last))

    def trace(self, x: Arrays) -> NewRows:
        """Like `append`, but the new rows of every edge by name."""
        return self._append(x, tuple(self.graph.tensors), False)

    def _append(self, x: Arrays, keep: tuple[str, ...], last: bool) -> NewRows:
        new = named(self.graph.inputs, x)
        samples, count = self._checked(new)
        if samples != self._samples:
            self._samples = samples
            self._engine.begin(samples)
            self._given = {n: np.zeros((samples, *t.shape), np.int64) for n, t in self.graph.inputs.items()}
        new = {name: evaluation.in_range(self.graph.inputs[name], x) for name, x in new.items()}
        step = self._engine.most or count
        asked = self.tokens + (count - 1 if last else 0)
        found = []
        for place in range(0, count, step):
            part = {name: x[:, place : place + step] for name, x in new.items()}
            first, end = self.tokens, self.tokens + min(step, count - place)
            start = max(first, asked)
            for name, rows in part.items():
                self._given[name][:, first:end] = rows
            self._engine.enter(part, first, end, every=len(keep) > len(self.graph.outputs))
            self._engine.evaluate(self._lasting, first, end)
            if start < end:
                self._engine.evaluate(self._own, start, end)
                found.append({name: self._engine.rows(name, start, end) for name in keep})
            self.tokens = end
        return {name: np.concatenate([rows[name] for rows in found], axis=1) for name in keep}

    def _checked(self, new: NewRows) -> tuple[int, int]:
        """Samples and tokens of new rows. Raises UserError where they do not fit."""
        most, shapes = _tokens(self.graph), [array.shape for array in new.values()]
        for array, spec in zip(new.values(), self.graph.inputs.values(), strict=True):
            if array.ndim != 3 or array.shape[2] != spec.channels or 0 in array.shape or array.shape[1] != shapes[0][1]:
                raise UserError(
                    f"input shape is {array.shape}, expected (samples, new tokens, {spec.channels}), none is 0"
                )
        samples, count, _ = shapes[0]
        if count > most - self.tokens:
            raise UserError(f"{count} tokens after {self.tokens}: {self.graph.name} has {most}; restart")
        if self.tokens and samples != self._samples:
            raise UserError(f"{samples} samples after {self._samples} of them: restart to begin with others")
        return samples, count


def _kept(node: Node) -> list[str]:
    """Inputs of which a node reads the rows of other tokens."""
    return [node.inputs[place] for place in node.op.keeps]


def _before(graph: Graph, edges: set[str]) -> set[str]:
    """Those edges, and all that they depend on."""
    found = set(edges)
    for node in reversed(graph.nodes):
        if node.name in found:
            found.update(node.inputs)
    return found


class _Engine(Protocol):
    """Evaluates rows of edges, and holds what later ones need: `most` rows at a time, or any number if 0."""

    most: int

    def begin(self, samples: int) -> None:
        """Make memory for that many samples; rows that are not known have any value of their edge's range."""

    def enter(self, new: NewRows, first: int, end: int, *, every: bool) -> None:
        """Take rows first to end - 1 of the inputs; `every`: rows of all edges will be asked for, not only outputs."""

    def evaluate(self, names: tuple[str, ...], first: int, end: int) -> None:
        """Evaluate rows first to end - 1 of the edges of nodes, in the graph's order."""

    def rows(self, name: str, first: int, end: int) -> np.ndarray:
        """The last rows, first to end - 1, of an edge."""


class _Torch:
    """All new rows, and all rows of those edges of which other tokens read them."""

    most = 0

    def __init__(self, graph: Graph, device: str) -> None:
        self._graph, self._device = graph, evaluation.usable(device)
        self._nodes = {node.name: node for node in graph}
        self._values: dict[str, torch.Tensor] = {}
        self._kept: dict[tuple[str, torch.dtype], torch.Tensor] = {}
        self._dtypes: dict[str, set[torch.dtype]] = {}
        for node in graph:
            for name in _kept(node):
                self._dtypes.setdefault(name, set()).add(graph.carriers[node.name])

    def begin(self, samples: int) -> None:
        import torch

        for name, dtypes in self._dtypes.items():
            spec = self._graph.tensors[name]
            for dtype in dtypes:
                blank = min(max(0, spec.lo), spec.hi)
                self._kept[name, dtype] = torch.full((samples, *spec.shape), blank, dtype=dtype, device=self._device)

    def enter(self, new: NewRows, first: int, end: int, *, every: bool) -> None:
        import torch

        for name, x in new.items():
            self._values[name] = torch.from_numpy(x).to(self._device)
            self._remember(name, first, end)

    def evaluate(self, names: tuple[str, ...], first: int, end: int) -> None:
        import torch

        with torch.inference_mode():
            for name in names:
                self._values[name] = self._output(self._nodes[name], first, end)
                self._remember(name, first, end)

    def rows(self, name: str, first: int, end: int) -> np.ndarray:
        import torch

        return self._values[name][:, first - end :].to("cpu", torch.int64).numpy()

    def _output(self, node: Node, first: int, end: int) -> torch.Tensor:
        dtype = self._graph.carriers[node.name]
        inputs = [
            self._kept[name, dtype] if place in node.op.keeps else self._values[name][:, first - end :].to(dtype)
            for place, name in enumerate(node.inputs)
        ]
        return node.op.evaluate_rows(first, _tokens(self._graph), *inputs)

    def _remember(self, name: str, first: int, end: int) -> None:
        for dtype in self._dtypes.get(name, ()):
            self._kept[name, dtype][:, first:end] = self._values[name]


class _Compiled:
    """The same, compiled for this processor."""

    def __init__(self, graph: Graph, plan: RowOrder) -> None:
        self._native, self._plan, self.most = native.compiled(graph), plan, native.ROWS

    def begin(self, samples: int) -> None:
        self._sequences = self._native.sequences(self._plan, samples)

    def enter(self, new: NewRows, first: int, end: int, *, every: bool) -> None:
        self._sequences.enter(new, first, end, every=every)

    def evaluate(self, names: tuple[str, ...], first: int, end: int) -> None:
        self._sequences.evaluate(names, first, end)

    def rows(self, name: str, first: int, end: int) -> np.ndarray:
        return self._sequences.rows(name, first, end)
