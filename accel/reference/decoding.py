"""A causal graph token by token: `decode` evaluates one row of every edge at a time, with the graph's own integers.

The graph of all tokens stays the definition, and has no state. Every operator but MatMul works on a token alone; what a
MatMul reads of other tokens, the keys and values, is kept here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from accel.errors import GraphError, UserError
from accel.graph import Graph, Node
from accel.reference import evaluation, native
from accel.rows import Rows

if TYPE_CHECKING:
    import torch


def decode(graph: Graph, *, device: str = "cpu") -> Decoder:
    """An object that evaluates the rows of a causal graph in turn; `device` as in `reference.run`.

    Raises UserError, naming the node, for a graph of which a row needs later tokens, and for an unusable device.
    """
    return Decoder(graph, device)


def rows(graph: Graph) -> dict[str, Rows]:
    """Edge → how its rows are known token by token. Raises UserError, naming the node, where one needs later tokens."""
    found = {graph.input_name: Rows.WHOLE}
    for node in graph:
        try:
            found[node.name] = node.op.by_row(graph.input.tokens, *(found[name] for name in node.inputs))
        except GraphError as error:
            raise UserError(
                f"{graph.name} cannot go token by token: node {node.name!r} ({node.op.kind}): {error}"
            ) from None
    if found[graph.output] is Rows.SCORES:
        raise UserError(f"{graph.name} cannot go token by token: output {graph.output!r} has scores of later tokens")
    return found


class Decoder:
    """A sequence that grows: `append` takes its next tokens and returns their rows of the output.

    All samples have the same number of tokens. Row t of every edge is row t of `reference.trace` on the whole sequence;
    of an edge of scores, the columns of keys up to t are (`rows` says which edges those are).
    """

    def __init__(self, graph: Graph, device: str = "cpu") -> None:
        self.graph, self.rows = graph, rows(graph)
        self.tokens = 0
        """Tokens that were appended."""
        self._kept: _Compiled | _Torch = _Compiled(graph) if device == evaluation.NATIVE else _Torch(graph, device)
        self._samples = 0

    def restart(self, tokens: int = 0) -> None:
        """Forget all tokens but the first ones. Raises UserError when there are fewer."""
        if not 0 <= tokens <= self.tokens:
            raise UserError(f"{tokens} tokens cannot be kept of {self.tokens}; append them first")
        self.tokens = tokens

    def append(self, x: np.ndarray) -> np.ndarray:
        """The next tokens (samples, new tokens, channels) → their rows of the output, int64.

        Raises UserError on a wrong shape, another number of samples than before, more tokens than the graph has, a
        non-integer dtype or values outside the declared range.
        """
        return self._append(x, (self.graph.output,))[self.graph.output]

    def trace(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Like `append`, but the new rows of every edge by name."""
        return self._append(x, tuple(self.graph.tensors))

    def _append(self, x: np.ndarray, keep: tuple[str, ...]) -> dict[str, np.ndarray]:
        new = self._checked(x)
        if not self.tokens:
            self._samples = len(new)
            self._kept.begin(len(new))
        found = self._kept.append(new, self.tokens, keep)
        self.tokens += new.shape[1]
        return found

    def _checked(self, x: np.ndarray) -> np.ndarray:
        x, spec = np.asarray(x), self.graph.input
        left = spec.tokens - self.tokens
        if x.ndim != 3 or x.shape[2] != spec.channels or 0 in x.shape:
            raise UserError(f"input shape is {x.shape}, expected (samples, new tokens, {spec.channels}), none is 0")
        if x.shape[1] > left:
            raise UserError(f"{x.shape[1]} tokens after {self.tokens}: {self.graph.name} has {spec.tokens}; restart")
        if self.tokens and len(x) != self._samples:
            raise UserError(f"{len(x)} samples after {self._samples} of them: restart to begin with others")
        return evaluation.checked_for(replace(spec, shape=x.shape[1:]), x)


class _Torch:
    """Earlier tokens in torch: the edges of which other rows are read."""

    def __init__(self, graph: Graph, device: str) -> None:
        self._graph, self._device = graph, evaluation.usable(device)
        self._kept: dict[tuple[str, torch.dtype], torch.Tensor] = {}
        self._keepers = _keepers(graph)

    def begin(self, samples: int) -> None:
        """Memory for the edges that are kept, filled with a number of their range."""
        import torch

        for name, dtypes in self._keepers.items():
            spec = self._graph.tensors[name]
            for dtype in dtypes:
                blank = min(max(0, spec.lo), spec.hi)
                self._kept[name, dtype] = torch.full((samples, *spec.shape), blank, dtype=dtype, device=self._device)

    def append(self, x: np.ndarray, first: int, keep: tuple[str, ...]) -> dict[str, np.ndarray]:
        """Tokens from `first` on → their rows of the edges in `keep`."""
        import torch

        with torch.inference_mode():
            values = {self._graph.input_name: torch.from_numpy(x).to(self._device)}
            self._remember(self._graph.input_name, values, first)
            for node in self._graph:
                values[node.name] = self._evaluate(node, values, first)
                self._remember(node.name, values, first)
            return {name: values[name].to("cpu", torch.int64).numpy() for name in keep}

    def _evaluate(self, node: Node, values: dict[str, torch.Tensor], first: int) -> torch.Tensor:
        dtype = self._graph.carriers[node.name]
        inputs = [
            self._kept[name, dtype] if place in node.op.keeps else values[name].to(dtype)
            for place, name in enumerate(node.inputs)
        ]
        return node.op.evaluate_rows(first, self._graph.input.tokens, *inputs)

    def _remember(self, name: str, values: dict[str, torch.Tensor], first: int) -> None:
        for dtype in self._keepers.get(name, ()):
            self._kept[name, dtype][:, first : first + values[name].shape[1]] = values[name]


class _Compiled:
    """Earlier tokens, compiled for this processor: all edges of all tokens."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._native = graph, native.compiled(graph)

    def begin(self, samples: int) -> None:
        """Memory for all edges."""
        self._memory = self._native.sequences(samples)
        self._x = np.zeros((samples, *self._graph.input.shape), np.int64)

    def append(self, x: np.ndarray, first: int, keep: tuple[str, ...]) -> dict[str, np.ndarray]:
        """Tokens from `first` on → their rows of the edges in `keep`."""
        end, source = first + x.shape[1], self._graph.input_name
        self._x[:, first:end] = x
        kept = {name: np.empty((len(x), *self._graph.tensors[name].shape), np.int64) for name in keep}
        for sample, memory in enumerate(self._memory):
            self._native.rows(memory, sample, first, end, kept | {source: self._x})
        return {name: (self._x if name == source else kept[name])[:, first:end].copy() for name in keep}


def _keepers(graph: Graph) -> dict[str, set[torch.dtype]]:
    """Edges of which earlier rows are read, and the dtypes in which they are."""
    found: dict[str, set[torch.dtype]] = {}
    for node in graph:
        for place in node.op.keeps:
            found.setdefault(node.inputs[place], set()).add(graph.carriers[node.name])
    return found
