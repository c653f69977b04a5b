"""A graph with the shapes of the file that it was made from: what `accel.load` and `accel.storage.load` return."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np

from accel import reference
from accel.arrays import Arrays, Results, by_name, each, named, plain
from accel.errors import GraphError
from accel.graph import Graph, Node
from accel.tensor import Tensor
from accel.view import View


@dataclass(frozen=True, init=False)
class Model(Graph):
    """`view`, if known, holds the shapes that inputs and outputs have in the file.

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
        edges, results = [form.edge for form in view.inputs], view.outputs
        entering, leaving = ([tensor.shape for tensor in ends.values()] for ends in (self.inputs, self.outputs))
        if edges != entering or list(map(prod, results)) != list(map(prod, leaving)):
            raise GraphError(
                f"graph {self.name!r}: its view has inputs {_listed(edges)} and results {_listed(results)}, the graph "
                f"{_listed(entering)} and {_listed(leaving)}: it is another graph's; use view=None here"
            )

    @classmethod
    def of(cls, graph: Graph, view: View | None) -> Model:
        """The model of a graph; errors as of the constructor."""
        return cls(graph.name, graph.inputs, graph.nodes, graph.outputs, view)

    __hash__ = Graph.__hash__

    def samples(self, x: Arrays) -> Results:
        """Samples, shaped as the file takes them or (samples, tokens, channels), as the latter.

        A dict of arrays by name where there are several inputs. Raises UserError on any other shape. A model without a
        view takes only the latter.
        """
        found, view = by_name(self.inputs, x), self.view
        if view:
            places = {name: place for place, name in enumerate(found)}
            found = each(found, lambda name, array: view.samples(array, places[name]))
        return plain(self.inputs, found)

    def predict(self, x: Arrays, *, device: str = "cpu") -> Results:
        """Real samples, shaped as the file takes them → real results (samples, …) as the file has them, float64.

        A model of several inputs takes a dict of arrays by name, one of several outputs gives such a dict. Inputs are
        quantized as the model does, identifiers and masks are taken as they are; every integer in between is the
        graph's. `device` as in `accel.reference.run`. Raises UserError on unfit samples.
        """
        integers = reference.inputs_by(self, self.samples(x), reference.as_integers)
        found = named(self.outputs, reference.run(self, integers, device=device))
        real = {name: y * np.asarray(self.outputs[name].scale) for name, y in found.items()}
        if self.view:
            real = {name: self.view.results(y, place) for place, (name, y) in enumerate(real.items())}
        return plain(self.outputs, real)


def _listed(shapes: Iterable[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes))


def view_of(graph: Graph) -> View | None:
    """The view of a graph that is a model and has one."""
    return graph.view if isinstance(graph, Model) else None
