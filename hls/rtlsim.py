"""RTL execution of qonnx models: `qonnx.core.onnx_exec.execute_onnx`, with Verilator in place of numpy.

    from hls import rtlsim

    model = ModelWrapper("model.onnx")
    y = rtlsim.execute(model, {"input": x})                                  # the whole model as one design
    y = rtlsim.execute(model, {"input": x}, nodes=["blocks.0/norm1/IntNorm"])  # one node in RTL, the others in qonnx

Instead of `nodes`, a model can say it itself, by finn-base's exec_mode = "rtlsim": `mark(model, names)` sets it for
nodes, `model.set_metadata_prop("exec_mode", "rtlsim")` for the whole.

The model has to be one that accel imports: its integer graph becomes the hardware. What a node becomes there is found
by its output. A node whose output the integer graph does not have cannot run alone, and the error says which one
contains it: a MatMul is part of the Add of its bias, a Relu of the quantizer behind it, a Reshape nothing but another
order. The model's first quantizer is never hardware: it makes the integers that the hardware takes.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from accel import reference, scratch
from accel.cut import cut, side_by_side
from accel.dataflow import folding
from accel.dataflow.schedule import Schedule
from accel.errors import GraphError, UserError
from accel.graph import Graph
from accel.onnx_import import Imported, read
from accel.onnx_import.execute import integers
from accel.onnx_import.runner import QonnxRunner, Tensors
from hls.rtl import lower
from hls.simulation import simulate

__all__ = ["execute", "mark"]

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

KEY, MODE = "exec_mode", "rtlsim"


def mark(model: ModelWrapper, nodes: Collection[str]) -> None:
    """Set exec_mode = "rtlsim" in the metadata of these nodes, and of no others. Raises UserError on an unknown one."""
    _require_known(model.graph.node, nodes)
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if entry.key != KEY]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
        if node.name in nodes:
            node.metadata_props.add(key=KEY, value=MODE)


def marked(model: ModelWrapper) -> list[str]:
    """Names of the nodes that are marked."""
    return [node.name for node in model.graph.node if _is_marked(node)]


def _is_marked(part: GraphProto | NodeProto) -> bool:
    return any((entry.key, entry.value) == (KEY, MODE) for entry in part.metadata_props)


def execute(
    model: ModelWrapper | Path | str,
    inputs: Tensors,
    *,
    nodes: Collection[str] | str | None = None,
    schedule: Schedule | None = None,
    return_full_exec_context: bool = False,
) -> Tensors:
    """Execute a model in RTL simulation: real tensors by name in, real tensors by name out.

    If the import is exact, the results are those of qonnx's own execution. With `nodes` (default: the marked ones),
    each of these nodes is simulated alone and qonnx executes the others. Without any, or in a marked model, the whole
    model is one design. `schedule` folds the nodes of the model's integer graph (default: as `hls.rtl.lower` does).

    Returns the model's output, or with `return_full_exec_context` every tensor that was computed; for a whole model,
    these are the tensors of its integer graph. Raises UserError when the model cannot be imported, when inputs are
    missing or do not fit, and when a node is unknown or cannot run alone; SimulationError when a design hangs.
    """
    imported = _imported(model)
    runner = QonnxRunner(imported)
    if nodes is None:
        nodes = [] if _is_marked(imported.source.model.graph) else marked(runner.model)
    names = [nodes] if isinstance(nodes, str) else list(nodes)
    _require_known(runner.model.graph.node, names)
    tensors = _checked(imported, inputs)
    if names:
        tensors = _node_by_node(imported, runner, names, tensors, schedule)
    else:
        tensors = _whole(imported, runner, tensors, schedule)
    return tensors if return_full_exec_context else {name: tensors[name] for name in imported.source.outputs}


def _imported(model: ModelWrapper | Path | str) -> Imported:
    if isinstance(model, (str, Path)):
        return read(model)
    with scratch.folder() as folder:
        path = folder / "model.onnx"
        path.write_bytes(model.model.SerializeToString())
        try:
            return read(path)
        except UserError as error:
            raise type(error)(str(error).replace(str(path), "model")) from None


def _require_known(nodes: Collection[NodeProto], names: Collection[str]) -> None:
    known = {node.name for node in nodes}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(sorted(known)[:8])}, …"
            raise UserError(f"the model has no node {name!r}{hint}")


def _checked(imported: Imported, inputs: Tensors) -> Tensors:
    """The model's inputs in the file's types. Raises UserError when one is missing, misshapen or not finite."""
    known = {given.name: given for given in imported.source.inputs}
    if set(inputs) != set(known):
        raise UserError(f"the model's inputs are {sorted(known)}; got {sorted(inputs)}")
    found: Tensors = {}
    for name, given in known.items():
        x = np.asarray(inputs[name])
        if x.shape != given.shape or x.dtype.kind not in "fiub":
            raise UserError(f"input {name!r} is {x.dtype} {x.shape}; the model takes real numbers {given.shape}")
        if not np.isfinite(x).all():
            raise UserError(f"input {name!r} holds NaN or infinity: only finite numbers can be quantized")
        found[name] = x.astype(given.dtype)
    return found


def _whole(imported: Imported, runner: QonnxRunner, tensors: Tensors, schedule: Schedule | None) -> Tensors:
    """qonnx up to the first quantizer of each input, then one design."""
    graph = imported.graph
    x = {name: _entering(imported, runner, tensors, given, name) for given, name in imported.entered.items()}
    edges = simulate.run(lower(graph, schedule), x, trace=True).edges or {}
    return tensors | {imported.origins[edge].tensor: _real(imported, edge, edges[edge]) for edge in imported.origins}


def _entering(imported: Imported, runner: QonnxRunner, tensors: Tensors, given: str, name: str) -> np.ndarray:
    """The integers of input `name` of the graph, which is `given` in the file."""
    origin = imported.origins.get(name)
    if origin is None:  # no tensor of the file holds it
        form = imported.readings[given].form
        return reference.quantize_to(imported.graph.inputs[name], form.samples(tensors[given]))
    order = enumerate(runner.model.graph.node)
    maker = next((place for place, node in order if origin.tensor in node.output), -1)  # identifiers have none
    quantized = runner.run_part(tensors, 0, maker + 1)[origin.tensor]
    return integers(name, origin, quantized, imported.is_exact)


def _node_by_node(
    imported: Imported, runner: QonnxRunner, names: Collection[str], tensors: Tensors, schedule: Schedule | None
) -> Tensors:
    """qonnx for every node but the named ones, which get designs of their own."""
    order, start = list(runner.model.graph.node), 0
    parts = {place: _part(imported, node) for place, node in enumerate(order) if node.name in names}
    for place, (part, sources) in parts.items():
        tensors = runner.run_part(tensors, start, place)
        known = ((edge, imported.origins[edge]) for edge in sources)
        x = np.concatenate(
            [integers(edge, origin, tensors[origin.tensor], imported.is_exact) for edge, origin in known], axis=2
        )
        y = simulate.run(lower(part, _folded(part, schedule)), x).outputs
        tensors = tensors | {order[place].output[0]: _real(imported, part.output, y)}
        start = place + 1
    return runner.run_part(tensors, start)


def _part(imported: Imported, node: NodeProto) -> tuple[Graph, tuple[str, ...]]:
    """The part of the graph that a node becomes, and the edges that enter it side by side. Raises UserError."""
    edges = {origin.tensor: edge for edge, origin in imported.origins.items()}
    edge = edges.get(node.output[0])
    if edge is None or edge in imported.graph.inputs:
        raise UserError(
            f"node {node.name!r} ({node.op_type}) cannot run alone in RTL: {_reason(imported, node, edges)}"
        )
    try:
        part = cut(imported.graph, edge, edges.values())
        return side_by_side(part), tuple(part.inputs)
    except GraphError as error:
        raise UserError(f"node {node.name!r} ({node.op_type}) cannot run alone in RTL: {error}") from None


def _reason(imported: Imported, node: NodeProto, edges: dict[str, str]) -> str:
    """Why a node is no layer of the graph, and which one contains it."""
    if node.output[0] in edges:
        return "it makes the integers that the hardware takes"
    readers, pending = list[str](), [node.output[0]]
    while pending:
        tensor = pending.pop()
        for reader in (other for other in imported.source.nodes if tensor in other.input):
            if reader.output[0] in edges:
                readers.append(reader.name)
            else:
                pending.append(reader.output[0])
    return (
        f"it is part of {' and '.join(map(repr, dict.fromkeys(readers)))}"
        if readers
        else "the hardware has no use for it"
    )


def _folded(part: Graph, schedule: Schedule | None) -> Schedule:
    """The folds that a schedule of the whole graph has for the nodes of a part; the default for all others."""
    default = folding.default(part)
    if schedule is None:
        return default
    folds = {name: schedule.folds.get(name, fold) for name, fold in default.folds.items()}
    return Schedule(folds, target=schedule.target)


def _real(imported: Imported, edge: str, values: np.ndarray) -> np.ndarray:
    """Integers of an edge as the tensor of the file: float32, like everything in qonnx."""
    origin = imported.origins[edge]
    exact = origin.layout.from_edge(values * origin.scale)
    real = exact.astype(np.float32)
    if (real != exact).any():
        raise UserError(f"edge {edge!r} has values of more than float32's 24 bits, in which qonnx would round them")
    return real
