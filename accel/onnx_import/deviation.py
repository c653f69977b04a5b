"""How far an imported graph is from the file's own execution, operator by operator, each in isolation.

Between two quantizers of the file both sides have integers. The graph's nodes there get the file's own integers, as
qonnx computes them, and what they give is compared with what the file's quantizer gives behind them. Errors of one
operator are therefore never counted for another. `rounding` measures what powers of two for the file's scales change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from accel import reference
from accel.arrays import Arrays, named
from accel.graph import Graph, Node
from accel.numeric import INT64_EXACT, carrier
from accel.onnx_import.execute import steps
from accel.onnx_import.importer import Imported
from accel.ops.embedding.op import Embedding
from accel.ops.lookup.op import Lookup

if TYPE_CHECKING:
    import torch

REAL_BITS = 16
STEP_MORE = 4
"""How much larger a product of two integers is at most when both are one step larger."""


@dataclass(frozen=True)
class Deviation:
    """Operators up to edge `layer` against the file, in steps of that edge (LSB), over `values` elements.

    The output, where no quantizer of the file makes it, is counted in steps of at least 2^-REAL_BITS of its largest
    number: the file's float32 holds no finer ones.
    `differing` is the fraction of elements that are not equal.
    """

    layer: str
    operators: tuple[str, ...]
    values: int
    max_lsb: int
    mean_lsb: float
    differing: float


@dataclass(frozen=True)
class ScaleRounding:
    """Outputs of a network with rounded scales against those of its file, over all samples.

    `largest` and `mean` are deviations as shares of the file's largest output; `changed` is the share of samples whose
    largest output is another one.
    """

    largest: float
    mean: float
    changed: float


def deviations(imported: Imported, x: Arrays) -> tuple[Deviation, ...]:
    """Every operator's deviation on integer inputs (samples, tokens, channels), in execution order.

    Raises UserError when qonnx cannot run the file or the inputs do not fit.
    """
    graph = imported.graph
    known = [name for name in graph.tensors if name in graph.outputs or _is_quantized(imported, name)]
    real = steps(imported, reference.dequantize(graph, x), known)
    integers = {name: np.rint(values).astype(np.int64) for name, values in real.items()}
    for name, array in named(graph.inputs, x).items():
        integers.setdefault(name, array)  # no tensor holds integers that are moved before they are numbers
    return tuple(
        _deviation(graph, name, integers, _is_quantized(imported, name)) for name in known if name not in graph.inputs
    )


def _is_quantized(imported: Imported, edge: str) -> bool:
    return edge in imported.origins and imported.origins[edge].quantized


def _deviation(graph: Graph, layer: str, file: dict[str, np.ndarray], quantized: bool) -> Deviation:
    nodes = segment(graph, layer, set(file))
    values = computed(graph, nodes, file)
    step = 1.0 if quantized else max(1.0, float(np.abs(file[layer]).max()) * 2.0**-REAL_BITS)
    wrong = np.floor(np.abs(values[layer].numpy().astype(np.int64) - file[layer]) / step)
    kinds = tuple(node.op.kind for node in nodes)
    return Deviation(layer, kinds, wrong.size, int(wrong.max()), float(wrong.mean()), float((wrong > 0).mean()))


def computed(graph: Graph, nodes: list[Node], file: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """All edges between the file's integers and the last of `nodes`, which are given those integers.

    The file may round to one step more than an edge of the graph has, which is no error of the operators behind it:
    products and sums take that step as it is. A table has no entry for it, and takes its last one.
    """
    import torch

    values = {name: torch.from_numpy(integers.astype(np.int64)) for name, integers in file.items()}
    with torch.inference_mode():
        for node in nodes:
            inputs = [(values[name], graph.tensors[name]) for name in node.inputs]
            if isinstance(node.op, Lookup | Embedding):
                inputs = [(x.clamp(tensor.lo, tensor.hi), tensor) for x, tensor in inputs]
            dtype = carrier(min(STEP_MORE * graph.peak(node), INT64_EXACT - 1))
            values[node.name] = node.op.evaluate(*(x.to(dtype) for x, _ in inputs))
    return values


def segment(graph: Graph, layer: str, known: set[str]) -> list[Node]:
    """The nodes between the edges that are known and `layer`, in execution order."""
    wanted, nodes = {layer}, []
    for node in reversed(graph.nodes):
        if node.name in wanted and (node.name == layer or node.name not in known):
            wanted.update(node.inputs)
            nodes.append(node)
    return nodes[::-1]


def rounding(imported: Imported, original: Imported, x: Arrays) -> ScaleRounding:
    """How far the first output of a network with rounded scales is from its file, on integer samples of the network.

    Raises UserError when qonnx cannot run the file.
    """
    graph, output = imported.graph, next(iter(original.graph.outputs))
    real = reference.dequantize(graph, x)
    expected = steps(original, real, [output])[output] * np.asarray(original.graph.outputs[output].scale)
    name = next(iter(graph.outputs))
    made = named(graph.outputs, reference.run(graph, x))[name] * np.asarray(graph.outputs[name].scale)
    wrong = np.abs(made - expected) / max(float(np.abs(expected).max()), np.finfo(np.float64).tiny)
    best = (values.reshape(len(values), -1).argmax(1) for values in (made, expected))
    return ScaleRounding(float(wrong.max()), float(wrong.mean()), float(np.not_equal(*best).mean()))
