"""One file holds one integer graph: a JSON header, and the operators' constants as they are kept (`accel/archive.py`).

The header carries a format version; a reader refuses versions it does not know. Nothing is pickled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from accel import archive, entries
from accel.archive import DAMAGE, Archive
from accel.constants import Constant
from accel.errors import GraphError, UserError
from accel.files import require_ordinary
from accel.graph import Graph, Node
from accel.model import Model, view_of
from accel.op import Op
from accel.ops import OPERATORS, operator
from accel.spelling import brief
from accel.tensor import Scale, Tensor
from accel.view import View

FORMATS = 1, 2
"""Those that are read; the last one is written. The first had one input and output, and int64 arrays, compressed."""
MAGIC = "accel-graph"


def save(graph: Graph, path: Path | str) -> str:
    """Write a graph and return the file's SHA-256; the file is complete or absent.

    Equal graphs with equal views give equal bytes. Raises UserError when the place is not writable.
    """
    arrays: dict[str, np.ndarray] = {}
    view = view_of(graph)
    header = {
        "magic": MAGIC,
        "format": FORMATS[-1],
        "name": graph.name,
        "inputs": [{"name": name, **_tensor_entry(tensor)} for name, tensor in graph.inputs.items()],
        "nodes": [_node_entry(index, node, arrays) for index, node in enumerate(graph)],
        "outputs": list(graph.outputs),
        "view": asdict(view) if view else None,
    }
    return archive.write(Path(path), header, arrays)


def load(path: Path | str) -> Model:
    """Read a graph that `save` wrote.

    Raises UserError when the file is missing, truncated, of another kind or of a newer format.
    """
    path = Path(path)
    require_ordinary(path)
    try:
        with Archive(path) as file:
            _check_format(path, file.header)
            return _model(file.header, file)
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror or 'not a graph file'}; `accel lower` writes a graph beside each "
            "design, accel.storage.save any graph"
        ) from None
    except GraphError as error:
        raise UserError(f"{path}: holds an invalid graph ({brief(str(error))}); save it again") from None
    except DAMAGE:
        raise UserError(f"{path}: not a complete graph file; write it again with accel.storage.save") from None


def _check_format(path: Path, header: Any) -> None:
    if header["magic"] != MAGIC:
        raise ValueError("another kind of file")
    if _integer(header["format"]) not in FORMATS:
        raise UserError(
            f"{path}: format {header['format']}, this accel reads {' and '.join(map(str, FORMATS))}; upgrade accel or "
            "save the graph again"
        )


def _tensor_entry(tensor: Tensor) -> dict[str, object]:
    entry = {"shape": tensor.shape, "lo": tensor.lo, "hi": tensor.hi, "scale": tensor.scale}
    return entry | ({"offset": tensor.offset} if tensor.offset else {})


def _node_entry(index: int, node: Node, arrays: dict[str, np.ndarray]) -> dict[str, object]:
    """Header entry of a node; its array fields go to `arrays` and are referred to by key."""
    values: dict[str, object] = {}
    for spec in fields(node.op):
        value = getattr(node.op, spec.name)
        if isinstance(value, Constant):
            key = f"{index}.{spec.name}"
            arrays[key] = value.values
            value = {"array": key}
        values[spec.name] = value
    return {"name": node.name, "kind": node.op.kind, "inputs": node.inputs, "scale": node.scale, "fields": values}


def _model(header: dict[str, Any], file: Archive) -> Model:
    first = header["format"] == 1  # it had one input and one output
    sources, outputs = ([header["input"]], [header["output"]]) if first else (header["inputs"], header["outputs"])
    inputs = {_text(source["name"]): _tensor(source) for source in sources}
    if len(inputs) < len(sources):
        raise GraphError("inputs have the same name")
    nodes = [_node(entry, file) for entry in header["nodes"]]
    view = header.get("view")  # graphs from before there were views have none
    return Model(_text(header["name"]), inputs, nodes, [_text(name) for name in outputs], view and _view(view))


def _view(entry: dict[str, Any]) -> View:
    if "shape" in entry:  # from before there were several inputs
        form = {name: entry[name] for name in ("shape", "batch", "parts", "order", "edge")}
        entry = {"inputs": [form], "outputs": [entry["result"], *entry.get("others", ())]}
    return entries.read(View, entry)


def _tensor(source: dict[str, Any]) -> Tensor:
    shape = (_integer(source["shape"][0]), _integer(source["shape"][1]))
    real = _scale(source["scale"]), _scale(source.get("offset", 0.0))
    return Tensor(shape, _integer(source["lo"]), _integer(source["hi"]), *real)


def _node(entry: dict[str, Any], file: Archive) -> Node:
    if entry["kind"] not in OPERATORS:
        raise GraphError(f"there is no operator {entry['kind']!r}")
    return Node(
        _text(entry["name"]),
        _op(operator(entry["kind"]), entry["fields"], file),
        tuple(_text(name) for name in entry["inputs"]),
        _scale(entry["scale"]),
    )


def _op(kind: type[Op], values: dict[str, Any], file: Archive) -> Op:
    """The operator from its header fields, each checked against the field's declared type.

    A field with a default may be missing: it is younger than the file.
    """

    def constant(value: Any) -> Constant:
        return Constant(file[value["array"]], own=True)

    readers: defaultdict[str, Callable[[object], object]] = defaultdict(lambda: constant, int=_integer, str=_text)
    given = (s for s in fields(kind) if s.name in values or s.default is MISSING)
    return kind(**{s.name: readers[str(s.type)](values[s.name]) for s in given})


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected an integer, got {value!r}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, got {value!r}")
    return value


def _scale(value: Any) -> Scale:
    return tuple(float(step) for step in value) if isinstance(value, list) else float(value)
