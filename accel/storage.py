"""One file holds one integer graph: an npz with a JSON header and the operators' constant arrays.

The header carries a format version; a reader refuses versions it does not know. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from accel.design import write_atomic
from accel.errors import GraphError, UserError
from accel.files import require_ordinary
from accel.graph import Graph, Node
from accel.model import Model, view_of
from accel.op import Op
from accel.ops import OPERATORS, operator
from accel.tensor import Scale, Tensor
from accel.view import View

FORMAT = 1
MAGIC = "accel-graph"
MAX_BYTES = 1 << 30
#: What numpy, json and zipfile raise on files that are truncated, damaged or of another kind.
DAMAGE = (
    ValueError, LookupError, TypeError, AttributeError, EOFError, ArithmeticError, RuntimeError, MemoryError,
    TokenError,
)  # fmt: skip


def save(graph: Graph, path: Path | str) -> str:
    """Write a graph and return the file's SHA-256; the file is complete or absent.

    Equal graphs with equal views give equal bytes. Raises UserError when the place is not writable.
    """
    arrays: dict[str, np.ndarray] = {}
    view = view_of(graph)
    header = {
        "magic": MAGIC,
        "format": FORMAT,
        "name": graph.name,
        "input": {"name": graph.input_name, **_tensor_entry(graph.input)},
        "nodes": [_node_entry(index, node, arrays) for index, node in enumerate(graph)],
        "output": graph.output,
        "view": asdict(view) if view else None,
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, header=np.array(json.dumps(header)), **arrays)  # type: ignore[arg-type]
    write_atomic(Path(path), buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def load(path: Path | str) -> Model:
    """Read a graph that `save` wrote.

    Raises UserError when the file is missing, truncated, of another kind or of a newer format.
    """
    path = Path(path)
    require_ordinary(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ValueError("a single array")
            if file.zip is None or sum(entry.file_size for entry in file.zip.infolist()) > MAX_BYTES:
                raise UserError(f"{path}: unpacks to more than {MAX_BYTES >> 20} MB; it is no graph that accel saved")
            header = json.loads(str(file["header"]))
            _check_format(path, header)
            return _model(header, file)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or 'not a graph file'}") from None
    except GraphError as error:
        raise UserError(f"{path}: holds an invalid graph ({error}); save it again") from None
    except (*DAMAGE, TokenError, zipfile.BadZipFile, zlib.error):
        raise UserError(f"{path}: not a complete graph file; write it again with accel.storage.save") from None


def _check_format(path: Path, header: Any) -> None:
    if header["magic"] != MAGIC:
        raise ValueError("another kind of file")
    if header["format"] != FORMAT:
        found = _integer(header["format"])
        raise UserError(f"{path}: format {found}, this accel reads {FORMAT}; upgrade accel or save the graph again")


def _tensor_entry(tensor: Tensor) -> dict[str, Any]:
    entry = {"shape": tensor.shape, "lo": tensor.lo, "hi": tensor.hi, "scale": tensor.scale}
    return entry | ({"offset": tensor.offset} if tensor.offset else {})


def _node_entry(index: int, node: Node, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Header entry of a node; its array fields go to `arrays` and are referred to by key."""
    values: dict[str, Any] = {}
    for spec in fields(node.op):
        value = getattr(node.op, spec.name)
        if isinstance(value, np.ndarray):
            key = f"{index}.{spec.name}"
            arrays[key] = value
            value = {"array": key}
        values[spec.name] = value
    return {"name": node.name, "kind": node.op.kind, "inputs": node.inputs, "scale": node.scale, "fields": values}


def _model(header: dict[str, Any], file: Any) -> Model:
    source = header["input"]
    shape = (_integer(source["shape"][0]), _integer(source["shape"][1]))
    real = _scale(source["scale"]), _scale(source.get("offset", 0.0))
    tensor = Tensor(shape, _integer(source["lo"]), _integer(source["hi"]), *real)
    nodes = tuple(_node(entry, file) for entry in header["nodes"])
    view = None if header.get("view") is None else View.of(header["view"])  # graphs from before there were views
    return Model(_text(header["name"]), _text(source["name"]), tensor, nodes, _text(header["output"]), view)


def _node(entry: dict[str, Any], file: Any) -> Node:
    if entry["kind"] not in OPERATORS:
        raise GraphError(f"there is no operator {entry['kind']!r}")
    return Node(
        _text(entry["name"]),
        _op(operator(entry["kind"]), entry["fields"], file),
        tuple(_text(name) for name in entry["inputs"]),
        _scale(entry["scale"]),
    )


def _op(kind: type[Op], values: dict[str, Any], file: Any) -> Op:
    """The operator from its header fields, each checked against the field's declared type.

    A field with a default may be missing: it is younger than the file.
    """
    readers = {"int": _integer, "str": _text}
    given = (s for s in fields(kind) if s.name in values or s.default is MISSING)
    return kind(**{s.name: readers.get(str(s.type), lambda v: file[v["array"]])(values[s.name]) for s in given})


def _integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected an integer, got {value!r}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, got {value!r}")
    return value


def _scale(value: Any) -> Scale:
    return tuple(float(step) for step in value) if isinstance(value, list) else float(value)
