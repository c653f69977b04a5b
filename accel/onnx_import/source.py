"""Reading an ONNX file that nobody vouches for: every fault is one clear line, nothing outside its folder is opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import external_data_helper, numpy_helper

from accel.archive import LANGUAGE_MODEL, magic
from accel.errors import UserError
from accel.files import kind, require_ordinary
from accel.onnx_import.standard import MICROSOFT, nodes_of, standardize
from accel.onnx_import.writing_out import write_out
from accel.spelling import printable, shortened

EXPORT_AGAIN = "export the model again"
#: Beyond this many elements per tensor a file is taken for a mistake.
MAX_ELEMENTS = 1 << 26
MODEL = "a language model of accel"
#: What to do with a file of another kind.
OTHERS = {
    "a PyTorch file": "`accel export` converts a checkpoint of `accel train`, torch.onnx.export a network",
    "a Python program": "run it, and let it export the network: brevitas.export.export_qonnx or torch.onnx.export",
    "a NumPy file": "samples go to --data",
    "a graph file of accel": "name the .onnx file that it was made from; `accel simulate` and `accel report` take its "
    "folder, accel.storage.load the file itself",
    MODEL: "`accel lm check` compares its levels; in Python, "
    "accel.lower(accel.lm.load(path).graph(tokens), 'rtl', out) writes hardware for that number of tokens",
    "a GGUF file": "`accel lm import` makes a language model of it",
    "a Keras file": "tf2onnx, or qonnx for QKeras, converts it",
    "a TensorFlow Lite file": "tf2onnx converts it",
}
#: Names of an input's axis, in small letters, that may be of any size: it becomes 1.
BATCH = ("batch", "batch_size", "n", "b")
#: Parts of an axis' name that say that it is no batch.
SEQUENCE = ("seq", "len", "token", "time", "frame")
#: What onnxruntime, which executes the file for comparison, still vouches for.
OLDEST_OPSET = 7
#: Operators behind which no input is an identifier any more.
ACTIVATING = {
    "Shape", "Gather", "MatMul", "Gemm", "Conv", "Attention", "Softmax", "Quant", "IntQuant", "BipolarQuant",
    "QuantizeLinear",
}  # fmt: skip
CONTROL_FLOW = ("If", "Loop", "Scan", "SequenceMap")


@dataclass(frozen=True)
class FileInput:
    """An input of a file, of static shape. `datatype` is qonnx' name of its numbers; empty where there is none.

    An integer one that is looked up nowhere is a mask, of which nothing but 0 and 1 is taken, as of a boolean one.
    """

    name: str
    shape: tuple[int, ...]
    kind: int = onnx.TensorProto.FLOAT
    is_mask: bool = False
    datatype: str = ""

    @property
    def is_integer(self) -> bool:
        """True for identifiers and integer masks."""
        return self.kind in (onnx.TensorProto.INT32, onnx.TensorProto.INT64)

    @property
    def is_identifiers(self) -> bool:
        return self.is_integer and not self.is_mask

    @property
    def dtype(self) -> np.dtype:
        """Type of the numbers that the file takes."""
        return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(self.kind))


@dataclass(frozen=True)
class Ending:
    """Output `output` of the file, which `nodes` make of tensor `tensor`: the host computes them."""

    output: str
    tensor: str
    nodes: tuple[onnx.NodeProto, ...] = ()


@dataclass(frozen=True)
class Source:
    """A structurally sound file: inputs of static shapes that are read, outputs, nodes in execution order."""

    path: Path
    model: onnx.ModelProto
    nodes: tuple[onnx.NodeProto, ...]
    constants: dict[str, np.ndarray]
    inputs: tuple[FileInput, ...]
    outputs: tuple[str, ...]
    uses: Counter[str]
    endings: tuple[Ending, ...] = ()  # one for each output of the file

    @property
    def opset(self) -> int:
        """Version of the standard operators."""
        return max((o.version for o in self.model.opset_import if o.domain in ("", "ai.onnx")), default=13)


def open_source(path: Path, model: onnx.ModelProto) -> Source:
    """Check a parsed file that is not `unfit`. Raises UserError, naming the tensor or node, when it is damaged."""
    graph = model.graph
    constants = {t.name: _array(path, t) for t in graph.initializer}
    given, outputs = _inputs(model), tuple(value.name for value in graph.output)
    nodes = needed(_sorted(path, graph, {*constants, *(value.name for value in given)}), *outputs)
    uses = Counter([*outputs, *(name for node in nodes for name in node.input)])
    read = [value for value in given if uses[value.name]] or given[:1]
    inputs = tuple(_input(model, nodes, value) for value in read)
    return Source(path, model, nodes, constants, inputs, outputs, uses)


def _input(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], value: onnx.ValueInfoProto) -> FileInput:
    kind, found = value.type.tensor_type, ""
    for entry in model.graph.quantization_annotation:
        named = {pair.key: pair.value for pair in entry.quant_parameter_tensor_names}
        found = named.get("finn_datatype", "") if entry.tensor_name == value.name else found
    shape = tuple(d.dim_value for d in kind.shape.dim)
    return FileInput(value.name, shape, kind.elem_type, is_mask(nodes, value), found)


def is_mask(nodes: Sequence[onnx.NodeProto], value: onnx.ValueInfoProto) -> bool:
    """True for an input of booleans, and for one of integers that no table is read with."""
    kind = value.type.tensor_type.elem_type
    integer = kind in (onnx.TensorProto.INT32, onnx.TensorProto.INT64)
    return kind == onnx.TensorProto.BOOL or (integer and not _is_looked_up(nodes, value.name))


def _is_looked_up(nodes: Sequence[onnx.NodeProto], name: str) -> bool:
    """True for a tensor of which an index of a Gather is made."""
    reached = {name}
    for node in nodes:
        if node.op_type == "Gather" and len(node.input) > 1 and node.input[1] in reached:
            return True
        if node.op_type not in ACTIVATING and not reached.isdisjoint(node.input):
            reached.update(filter(None, node.output))
    return False


def unfit(model: onnx.ModelProto) -> list[str]:
    """Every reason why the file as a whole cannot be an integer graph, whatever its operators compute."""
    graph, inputs = model.graph, _inputs(model)
    branching = [n for n in nodes_of(graph) if n.op_type in CONTROL_FLOW and n.domain in ("", "ai.onnx")]
    named = [f"{n.op_type} {title(n, 40)!r}" for n in branching]
    found = []
    if named:
        found.append(f"control flow: {shortened(named, 3)}; export one path alone, without branches and loops")
    names, outputs = [value.name for value in inputs], [value.name for value in graph.output]
    if not names or len(set(names)) < len(names):
        found.append(f"inputs have names of their own, the file has {_listed(names)}; {EXPORT_AGAIN}")
    if not outputs or len(set(outputs)) < len(outputs):
        found.append(f"outputs have names of their own, the file has {_listed(outputs)}; export the model again")
    return found + _shape_problems(inputs) + _version_problems(model)


def _listed(names: list[str]) -> str:
    return shortened([repr(printable(name)) for name in names]) or "none"


def title(node: onnx.NodeProto, limit: int = 80) -> str:
    """Name of a node in messages: its own, or its output's where it has none."""
    return printable(node.name or (node.output[0] if node.output else ""), limit)


def _inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Inputs that are not initializers with another name for it."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def parse(path: Path) -> onnx.ModelProto:
    """The file's content, with its data beside it. Raises UserError when it is missing, damaged or of another kind."""
    require_ordinary(path)
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
        if (other := kind(path, raw)) not in (None, "an ONNX file"):
            other = MODEL if other == "a graph file of accel" and magic(path) == LANGUAGE_MODEL else other
            raise UserError(f"{path}: is {other}, no ONNX file; {OTHERS.get(other or '', EXPORT_AGAIN)}") from None
        raise UserError(
            f"{path}: not a complete ONNX file ({len(raw)} bytes); it is truncated or of another kind, {EXPORT_AGAIN}"
        ) from None
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            _read_external(path, tensor)
    standardize(model)
    _make_batch_one(model)
    write_out(model, MICROSOFT)
    return model


def _make_batch_one(model: onnx.ModelProto) -> None:
    """The batch, where it is the only axis of unknown size, gets size 1: an axis that is called so, or the first one.

    The first axis may have any name that does not speak of a sequence, if the output begins with the same.
    """
    ends = [dims[0] for value in model.graph.output if (dims := value.type.tensor_type.shape.dim)]
    for value in _inputs(model):
        dims = value.type.tensor_type.shape.dim
        dynamic = [place for place, axis in enumerate(dims) if axis.dim_value == 0]
        if len(dynamic) != 1:
            continue
        axis = dims[dynamic[0]]
        name = axis.dim_param.lower()
        first = not dynamic[0] and all(end.dim_value == 0 and end.dim_param.lower() == name for end in ends)
        if name in BATCH or (first and not any(word in name for word in SEQUENCE)):
            axis.dim_value = 1


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
        exists = target.is_file()
    except (OSError, ValueError, RuntimeError):  # too long a name, a zero in it, links in a circle
        inside = False
    if not named or not inside:
        raise UserError(f"{where} names data outside the model's folder ({printable(named)!r}); it is not opened")
    if not exists:
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


def is_integer(array: np.ndarray) -> bool:
    """True for integers of any width, those of 2 and 4 bits included."""
    return array.dtype.kind in "iu" or array.dtype.name in ("int4", "uint4", "int2", "uint2")


def to_array(tensor: onnx.TensorProto) -> np.ndarray:
    """A stored tensor as float32, float64 or integers. Raises ValueError when it is damaged."""
    try:
        array = np.asarray(numpy_helper.to_array(tensor))
        small_float = (array.dtype.kind not in "fiub" and not is_integer(array)) or array.dtype == np.float16
        return array.astype(np.float32) if small_float else array
    except Exception as error:  # onnx and numpy raise many kinds
        raise ValueError(f"damaged tensor ({type(error).__name__})") from None


def _shape_problems(inputs: list[onnx.ValueInfoProto]) -> list[str]:
    shapes = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in inputs}
    dynamic = [v for v in inputs if not shapes[v.name] or min(shapes[v.name]) < 1]
    if dynamic:
        shown = ", ".join(f"{printable(v.name)!r} has shape ({_dims(v)})" for v in dynamic)
        fixed = "export with fixed sizes (batch, tokens, channels); only the batch, as the first axis, may be dynamic"
        return [f"dynamic shape: input {shown}; {fixed}"]
    return [
        f"input {printable(name)!r} has shape {tuple(shape)}; at most {MAX_ELEMENTS} elements are taken"
        for name, shape in shapes.items()
        if np.prod(shape, dtype=float) > MAX_ELEMENTS
    ]


def _dims(value: onnx.ValueInfoProto) -> str:
    dims = value.type.tensor_type.shape.dim
    return ", ".join(printable(d.dim_param) or (str(d.dim_value) if d.dim_value > 0 else "?") for d in dims)


def _version_problems(model: onnx.ModelProto) -> list[str]:
    newest = onnx.defs.onnx_opset_version()
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    wrong = [version for version in versions if not OLDEST_OPSET <= version <= newest]
    return [f"ONNX operators of version {v}; export with opset {OLDEST_OPSET} to {newest}" for v in wrong]


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
                    f"which no node produces and no initializer holds; {EXPORT_AGAIN}"
                )
    for value in graph.output:
        if value.name not in produced:
            raise UserError(f"{path}: output {printable(value.name)!r} is produced by no node; {EXPORT_AGAIN}")
    return _in_order(path, list(graph.node), known, produced)


def needed(nodes: tuple[onnx.NodeProto, ...], *outputs: str) -> tuple[onnx.NodeProto, ...]:
    """The nodes that the outputs depend on."""
    wanted, kept = set(outputs), []
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
        names = [repr(printable(nodes[i].name or nodes[i].op_type)) for i in dict.fromkeys(error.args[1])]
        raise UserError(f"{path}: the nodes form a cycle ({shortened(names)}); {EXPORT_AGAIN}") from None
