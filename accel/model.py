"""A graph with the shapes of the file that it was made from: what `accel.load` and `accel.storage.load` return."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np

from accel import reference
from accel.errors import GraphError
from accel.graph import Graph
from accel.view import View


@dataclass(frozen=True)
class Model(Graph):
    """`view`, if known, holds the shapes that input and output have in the file.

    Raises GraphError where the view is another graph's, and as `Graph` does.
    """

    view: View | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.view and (self.view.edge != self.input.shape or prod(self.view.result) != self.output_tensor.size):
            raise GraphError(
                f"graph {self.name!r}: its view has input {self.view.edge} and result {self.view.result}, the graph "
                f"{self.input.shape} and {self.output_tensor.shape}: it is another graph's; use view=None here"
            )

    @classmethod
    def of(cls, graph: Graph, view: View | None) -> Model:
        """The model of a graph; errors as of the constructor."""
        return cls(graph.name, graph.input_name, graph.input, graph.nodes, graph.output, view)

    def samples(self, x: np.ndarray) -> np.ndarray:
        """Samples, shaped as the file takes them or (samples, tokens, channels), as (samples, tokens, channels).

        Raises UserError on any other shape. A model without a view takes only the latter.
        """
        return self.view.samples(np.asarray(x)) if self.view else np.asarray(x)

    def predict(self, x: np.ndarray, *, device: str = "cpu") -> np.ndarray:
        """Real samples, shaped as the file takes them → real results (samples, …) as the file has them, float64.

        Inputs are quantized as the model does, identifiers are taken as they are; every integer in between is the
        graph's. `device` as in `accel.reference.run`. Raises UserError on unfit samples.
        """
        integers = reference.as_integers(self.input, self.samples(x))
        y = reference.run(self, integers, device=device) * np.asarray(self.output_tensor.scale)
        return self.view.results(y) if self.view else y


def view_of(graph: Graph) -> View | None:
    """The view of a graph that is a model and has one."""
    return graph.view if isinstance(graph, Model) else None
