"""A graph with the shapes of the file that it was made from: what `accel.load` and `accel.storage.load` return."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from accel import reference
from accel.arrays import Arrays, named, plain
from accel.errors import GraphError
from accel.graph import Graph, Node
from accel.tensor import Tensor
from accel.view import View


@dataclass(frozen=True, init=False)
class Model(Graph):
    """`view`, if known, holds the shapes that outputs and the only input have in the file.

    Raises GraphError where the view is another graph's, and as `Graph` does.
    """

    view: View | None = field(default=None, compare=False)

    def __init__(
        self,
        name: str,
        inputs: Mapping[str, Tensor],
        nodes: Iterable[Node],
        outputs: str | Iterable[str],
        view: View | None = None,
    ) -> None:
        super().__init__(name, inputs, nodes, outputs)
        object.__setattr__(self, "view", view)
        if view is None:
            return
        results, shapes = [view.result, *view.others], [tensor.shape for tensor in self.outputs.values()]
        if view.edge != self.input.shape or [prod(result) for result in results] != [prod(shape) for shape in shapes]:
            raise GraphError(
                f"graph {self.name!r}: its view has input {view.edge} and result {', '.join(map(str, results))}, the "
                f"graph {self.input.shape} and {', '.join(map(str, shapes))}: it is another graph's; use view=None here"
            )

    @classmethod
    def of(cls, graph: Graph, view: View | None) -> Model:
        """The model of a graph; errors as of the constructor."""
        return cls(graph.name, graph.inputs, graph.nodes, graph.outputs, view)

    __hash__ = Graph.__hash__

    def samples(self, x: np.ndarray) -> np.ndarray:
        """Samples of the only input, shaped as the file takes them or (samples, tokens, channels), as the latter.

        Raises UserError on any other shape. A model without a view takes only the latter.
        """
        return self.view.samples(np.asarray(x)) if self.view else np.asarray(x)

    def predict(self, x: Arrays, *, device: str = "cpu") -> np.ndarray | Any:
        """Real samples, shaped as the file takes them → real results (samples, …) as the file has them, float64.

        A model of several inputs takes a dict of arrays (samples, tokens, channels), one of several outputs gives such
        a dict. Inputs are quantized as the model does, identifiers are taken as they are; every integer in between is
        the graph's. `device` as in `accel.reference.run`. Raises UserError on unfit samples.
        """
        given = named(self.inputs, x if isinstance(x, Mapping) else self.samples(x))
        integers = {name: reference.as_integers(spec, given[name]) for name, spec in self.inputs.items()}
        found = named(self.outputs, reference.run(self, integers, device=device))
        real = {name: y * np.asarray(self.outputs[name].scale) for name, y in found.items()}
        if self.view:
            real = {name: self.view.results(y, place) for place, (name, y) in enumerate(real.items())}
        return plain(self.outputs, real)


def view_of(graph: Graph) -> View | None:
    """The view of a graph that is a model and has one."""
    return graph.view if isinstance(graph, Model) else None
