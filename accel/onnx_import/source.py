"""Reading an ONNX file that nobody vouches for: every fault is one clear line, nothing outside its folder is opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import external_data_helper, numpy_helper

from accel.errors import UserError
from accel.onnx_import.values import printable

EXPORT_AGAIN = "export the model again"
#: Beyond this many elements per tensor a file is taken for a mistake.
MAX_ELEMENTS = 1 << 26
#: Names of an input's axis, in small letters, that may be of any size: it becomes 1.
BATCH = ("batch", "batch_size", "n", "b")


@dataclass(frozen=True)
class Source:
    """A structurally sound file: one input of static shape, one output, nodes in execution order."""

    path: Path
    model: onnx.ModelProto
    nodes: tuple[onnx.NodeProto, ...]
    constants: dict[str, np.ndarray]
    input: str
    shape: tuple[int, ...]
    is_integer: bool
    output: str
    uses: Counter[str]

    @property
    def opset(self) -> int:
        """Version of the standard operators."""
        return max((o.version for o in self.model.opset_import if o.domain in ("", "ai.onnx")), default=13)


def open_source(path: Path) -> Source:
    """Parse and check a file. Raises UserError, naming the tensor or node, when it is damaged or not importable."""
    model = _parse(path)
    graph = model.graph
    constants = {t.name: _array(path, t) for t in graph.initializer}
    inputs = [v for v in graph.input if v.name not in constants]
    _expect_one(path, "input", [v.name for v in inputs])
    _expect_one(path, "output", [v.name for v in graph.output])
    nodes = needed(_sorted(path, graph, {*constants, inputs[0].name}), graph.output[0].name)
    uses = Counter([graph.output[0].name, *(name for node in nodes for name in node.input)])
    shape = _static_shape(path, inputs[0])
    integer = inputs[0].type.tensor_type.elem_type in (onnx.TensorProto.INT32, onnx.TensorProto.INT64)
    return Source(path, model, nodes, constants, inputs[0].name, shape, integer, graph.output[0].name, uses)


def _parse(path: Path) -> onnx.ModelProto:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; `accel export` writes a model") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a directory; name the .onnx file in it") from None
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'not a valid file name'}") from None
    try:
        model = onnx.load_model_from_string(raw)
        if not model.opset_import or not model.graph.node:
            raise DecodeError
        if not all(isinstance(text, str) for text in _texts(model)):
            raise DecodeError  # protobuf hands out bytes where a name is no UTF-8
    except DecodeError:
        raise UserError(
            f"{path}: not a complete ONNX file ({len(raw)} bytes); it is truncated or of another kind, {EXPORT_AGAIN}"
        ) from None
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            _read_external(path, tensor)
    return model


def _texts(model: onnx.ModelProto) -> Iterator[str]:
    """Every name that the import looks at."""
    for node in model.graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    for value in (*model.graph.input, *model.graph.output):
        yield from (value.name, *(dim.dim_param for dim in value.type.tensor_type.shape.dim))
    for tensor in _tensors(model):
        yield from (tensor.name, *(text for entry in tensor.external_data for text in (entry.key, entry.value)))


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        yield from (a.t for a in node.attribute if a.type == onnx.AttributeProto.TENSOR)


def _read_external(path: Path, tensor: onnx.TensorProto) -> None:
    """Load data kept in a file beside the model; a location that leads out of the model's folder is refused."""
    folder = path.resolve().parent
    named = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
    where = f"{path}: tensor {printable(tensor.name)!r}"
    try:
        target = (folder / named).resolve()
        inside = not Path(named).is_absolute() and target.is_relative_to(folder)
    except (OSError, ValueError):
        inside = False
    if not named or not inside:
        raise UserError(f"{where} names data outside the model's folder ({printable(named)!r}); it is not opened")
    if not target.is_file():
        raise UserError(f"{where}: its data file {printable(named)!r} is missing; copy it next to the model")
    try:
        external_data_helper.load_external_data_for_tensor(tensor, str(folder))
    except Exception as error:  # onnx raises many kinds, from several layers
        raise UserError(f"{where}: cannot read {printable(named)!r} ({printable(str(error))})") from None


def _array(path: Path, tensor: onnx.TensorProto) -> np.ndarray:
    try:
        return to_array(tensor)
    except ValueError:
        raise UserError(
            f"{path}: tensor {printable(tensor.name)!r} is damaged or of an unknown type; {EXPORT_AGAIN}"
        ) from None


def to_array(tensor: onnx.TensorProto) -> np.ndarray:
    """A stored tensor as float32, float64 or integers. Raises ValueError when it is damaged."""
    try:
        array = np.asarray(numpy_helper.to_array(tensor))
        small_float = array.dtype.kind not in "fiub" or array.dtype == np.float16
        return array.astype(np.float32) if small_float else array
    except Exception as error:  # onnx and numpy raise many kinds
        raise ValueError(f"damaged tensor ({type(error).__name__})") from None


def _expect_one(path: Path, what: str, names: list[str]) -> None:
    if len(names) != 1:
        listed = ", ".join(repr(printable(name)) for name in names) or "none"
        raise UserError(f"{path}: the integer graph takes one {what}, the file has {len(names)} ({listed})")


def _static_shape(path: Path, value: onnx.ValueInfoProto) -> tuple[int, ...]:
    """The input's shape. An axis of unknown size that is called after the batch is made 1, in the file too."""
    name = printable(value.name)
    dims = value.type.tensor_type.shape.dim
    dynamic = [d for d in dims if d.dim_value == 0]
    if len(dynamic) == 1 and dynamic[0].dim_param.lower() in BATCH:
        dynamic[0].dim_value = 1
    shape = tuple(d.dim_value for d in dims)
    if not shape or min(shape) < 1:
        shown = ", ".join(printable(d.dim_param) or (str(d.dim_value) if d.dim_value > 0 else "?") for d in dims)
        raise UserError(
            f"{path}: input {name!r} has a dynamic shape ({shown}); export with fixed sizes (batch, tokens, channels), "
            f"only an axis called {' or '.join(BATCH[:2])} may be dynamic"
        )
    if np.prod(shape, dtype=float) > MAX_ELEMENTS:
        raise UserError(f"{path}: input {name!r} has shape {shape}; at most {MAX_ELEMENTS} elements are taken")
    return shape


def _sorted(path: Path, graph: onnx.GraphProto, known: set[str]) -> tuple[onnx.NodeProto, ...]:
    """Nodes in execution order. Raises UserError on tensors that nobody produces, on double producers and cycles."""
    produced: set[str] = set()
    for node in graph.node:
        for name in filter(None, node.output):
            if name in produced or name in known:
                raise UserError(f"{path}: tensor {printable(name)!r} is produced twice; {EXPORT_AGAIN}")
            produced.add(name)
    for node in graph.node:
        for name in filter(None, node.input):
            if name not in produced and name not in known:
                raise UserError(
                    f"{path}: node {printable(node.name)!r} ({printable(node.op_type)}) reads {printable(name)!r}, "
                    f"which no node produces and no initialiser holds; {EXPORT_AGAIN}"
                )
    if graph.output[0].name not in produced:
        raise UserError(f"{path}: output {printable(graph.output[0].name)!r} is produced by no node; {EXPORT_AGAIN}")
    return _in_order(path, list(graph.node), known, produced)


def needed(nodes: tuple[onnx.NodeProto, ...], output: str) -> tuple[onnx.NodeProto, ...]:
    """The nodes that the output depends on."""
    wanted, kept = {output}, []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(filter(None, node.input))
            kept.append(node)
    return tuple(reversed(kept))


def _in_order(
    path: Path, nodes: list[onnx.NodeProto], known: set[str], produced: set[str]
) -> tuple[onnx.NodeProto, ...]:
    """The file's own order when it is one that executes (ONNX demands it), else a topological order."""
    ready = set(known) | {""}
    for node in nodes:
        if not ready.issuperset(node.input):
            break
        ready.update(node.output)
    else:
        return tuple(nodes)
    index = {name: i for i, node in enumerate(nodes) for name in node.output}
    readers = {i: {index[name] for name in node.input if name in produced} for i, node in enumerate(nodes)}
    try:
        return tuple(nodes[i] for i in TopologicalSorter(readers).static_order())
    except CycleError as error:
        names = ", ".join(repr(printable(nodes[i].name or nodes[i].op_type)) for i in dict.fromkeys(error.args[1]))
        raise UserError(f"{path}: the nodes form a cycle ({names}); {EXPORT_AGAIN}") from None
