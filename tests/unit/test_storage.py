"""Graphs in one file: exact round trips, and one clear line for every file that is none."""

from __future__ import annotations

import io
import json
import mmap
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from encoders import Shape, encoder, samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accel import archive, reference, storage
from accel.constants import Constant
from accel.errors import UserError
from accel.graph import Graph, Node
from accel.ops import Add, Dense, Norm, Rescale
from accel.tensor import Tensor
from accel.view import Form, View


def same(a: Graph, b: Graph) -> None:
    assert (a.name, list(a.inputs.items()), list(a.outputs), a.tensors) == (
        b.name,
        list(b.inputs.items()),
        list(b.outputs),
        b.tensors,
    )
    for left, right in zip(a, b, strict=True):
        assert (left.name, left.inputs, left.scale, type(left.op)) == (
            right.name,
            right.inputs,
            right.scale,
            type(right.op),
        )
        for spec in fields(left.op):
            mine, other = getattr(left.op, spec.name), getattr(right.op, spec.name)
            assert type(mine) is type(other)
            np.testing.assert_array_equal(mine, other)


def refused(path: Path, match: str) -> None:
    with pytest.raises(UserError, match=match) as caught:
        storage.load(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "graph.accel"


@pytest.mark.parametrize("shape", [Shape(), Shape(form="rms", causal=True, gelu=True, layers=2, heads=4)], ids=str)
def test_round_trip_is_exact(path: Path, shape: Shape) -> None:
    graph = encoder(shape)
    storage.save(graph, path)
    loaded = storage.load(path)
    same(graph, loaded)
    x = samples(graph, 5)
    np.testing.assert_array_equal(reference.run(loaded, x), reference.run(graph, x))
    again = path.with_suffix(".again")
    storage.save(loaded, again)
    assert again.read_bytes() == path.read_bytes()


def test_names_scales_and_big_numbers_survive(path: Path) -> None:
    name = "π/\"'\\ \n $(x)"
    x = Tensor((2, 3), -(1 << 60), 1 << 60, (0.1, 2.0**-40, 3e300))
    rescale = Rescale([1, (1 << 61) - 1, 3], 60, "half_away", -(1 << 61), (1 << 61) + 1)
    norm = Norm("rms", 3, 40, 9, -8, 7, 1 << 50, (5, -5, 2), (1, 2, 3))
    graph = Graph(
        "../" + name,
        {name: x},
        (
            Node("r", Rescale([1], 57, "floor", -8, 7), (name,), 0.1),
            Node("n", norm, ("r",), (1.0, 2.0, 1 / 3)),
            Node("y", rescale, ("n",)),
        ),
        "y",
    )
    storage.save(graph, path)
    same(graph, storage.load(path))


def test_several_inputs_and_outputs_keep_their_order(path: Path) -> None:
    two = Tensor((2, 3), -8, 7, 0.5), Tensor((2, 3), 0, 3, (1.0, 2.0, 4.0))
    nodes = (Node("sum", Add([1, 2]), ("z", "a")), Node("half", Rescale([1], 1, "floor", -8, 7), ("sum",), 0.5))
    graph = Graph("two", dict(zip("za", two, strict=True)), nodes, ("sum", "half", "a"))
    storage.save(graph, path)
    same(graph, storage.load(path))


def test_files_older_than_a_field_with_a_default(path: Path) -> None:
    storage.save(encoder(), path)
    graph = storage.load(path)
    _rewrite(path, lambda header: [node["fields"].pop("kv_heads", None) for node in header["nodes"]])
    same(graph, storage.load(path))


def test_missing_file_directory_and_unwritable_place(tmp_path: Path, path: Path) -> None:
    refused(path, r"cannot read .*graph.accel: No such file or directory; `accel lower` writes a graph beside each")
    refused(tmp_path, "cannot read .*: Is a directory")
    with pytest.raises(UserError, match=r"cannot write .*: No such file or directory; choose another folder"):
        storage.save(encoder(), tmp_path / "none" / "graph.accel")


def test_saving_leaves_nothing_half_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.save(encoder(), path)
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", _full_disk)
    with pytest.raises(UserError, match=r"no space left in .*: free some there"):
        storage.save(encoder(seed=1), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def _full_disk(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_newer_versions_are_refused(path: Path) -> None:
    _rewrite(path, lambda header: header.update(format=3))
    refused(path, "format 3, this accel reads 1 and 2; upgrade accel or save the graph again")


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", bytes(500), b"PK\x03\x04" + bytes(90), b"\x93NUMPY\x01\x00", b"\x80\x04N."],
    ids=["empty", "text", "zeros", "zip", "npy", "pickle"],
)
def test_foreign_files(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refused(path, "not a complete graph file; write it again with accel.storage.save")


def test_foreign_archives(path: Path) -> None:
    for arrays in ({"weights": np.zeros(3)}, {"header": np.array("no json")}, {"header": np.array("[1]")}):
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        path.write_bytes(buffer.getvalue())
        refused(path, "not a complete graph file")
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    path.write_bytes(buffer.getvalue())
    refused(path, "not a complete graph file")
    np.savez(buffer := io.BytesIO(), header=np.array([{"a": 1}], dtype=object))
    path.write_bytes(buffer.getvalue())
    refused(path, "not a complete graph file")


def test_truncated_anywhere(path: Path) -> None:
    storage.save(encoder(), path)
    raw = path.read_bytes()
    for cut in range(0, len(raw), max(1, len(raw) // 50)):
        path.write_bytes(raw[:cut])
        refused(path, "not a complete graph file")


Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda h: h.update(magic="other"), "not a complete graph file"),
        (lambda h: h.update(format="1"), "not a complete graph file"),
        (lambda h: h.pop("nodes"), "not a complete graph file"),
        (lambda h: h["nodes"][0].update(kind="../evil"), r"there is no operator '\.\./evil'"),
        (lambda h: h["nodes"][0].update(kind=["dense"]), "not a complete graph file"),
        (lambda h: h["nodes"][0].update(inputs=["lost"]), "holds an invalid graph .*'lost' is produced by no earlier"),
        (lambda h: h["nodes"][0]["fields"].update(weight={"array": "none"}), "not a complete graph file"),
        (lambda h: h["nodes"][0]["fields"].pop("weight"), "not a complete graph file"),
        (lambda h: h["nodes"][1]["fields"].update(multiplier=1.5), "not a complete graph file"),
        (lambda h: h["nodes"][2]["fields"].update(shift=1 << 40), r"shift is 0\.\.60"),
        (lambda h: h["nodes"][2]["fields"].update(shift=2.0), "not a complete graph file"),
        (lambda h: h["nodes"][2]["fields"].update(shift=True), "not a complete graph file"),
        (lambda h: h["nodes"][2]["fields"].update(rounding="up"), "rounding is one of"),
        (lambda h: h["nodes"][3]["fields"].update(numerator_bits=1 << 60), "at most 62"),
        (lambda h: h["inputs"][0].update(scale=float("nan")), "scales are finite and above 0"),
        (lambda h: h["inputs"][0].update(scale=None), "not a complete graph file"),
        (lambda h: h["inputs"][0].update(lo=1.5), "not a complete graph file"),
        (lambda h: h["inputs"][0].update(shape=[4]), "not a complete graph file"),
        (lambda h: h.update(outputs=["none"]), "output 'none' is produced by no node"),
        (lambda h: h.update(outputs=[]), "at least one input and one output"),
        (lambda h: h.update(outputs=[1]), "not a complete graph file"),
        (lambda h: h.update(inputs=[]), "at least one input and one output"),
        (lambda h: h.update(inputs=h["inputs"] * 2), "inputs have the same name"),
    ],
)
def test_headers_that_say_something_else(path: Path, change: Change, match: str) -> None:
    _rewrite(path, change)
    refused(path, match)


def test_arrays_that_are_no_integers(path: Path) -> None:
    _rewrite(path, lambda header: None, {"0.weight": np.full((8, 4), 0.5)})
    refused(path, "holds an invalid graph .constants are integers; got float64 with fractions")


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_damage_is_refused_or_harmless(tmp_path_factory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.accel"
    storage.save(encoder(Shape(tokens=2, features=2, channels=2, hidden=2)), path)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(raw)
    with suppress(UserError):
        storage.load(path)


def _rewrite(path: Path, change: Change, arrays: dict[str, np.ndarray] | None = None) -> None:
    """A saved encoder whose header or arrays were changed."""
    storage.save(encoder(), path)
    with np.load(path) as file:
        content = {name: file[name] for name in file.files} | (arrays or {})
    header = json.loads(str(content["header"]))
    change(header)
    content["header"] = np.array(json.dumps(header))
    np.savez(buffer := io.BytesIO(), **content)
    path.write_bytes(buffer.getvalue())
    assert zipfile.is_zipfile(path)


def test_files_of_the_first_format_are_read(path: Path) -> None:
    """They held every constant as int64, compressed, and the shapes of one input and output."""
    graph = encoder()
    _first_format(path)
    loaded = storage.load(path)
    same(graph, loaded)
    shape = (1, *graph.input.shape)
    form = Form(shape, 0, graph.input.shape, (0, 1), graph.input.shape)
    assert loaded.view == View((form,), (graph.output_tensor.shape,))
    assert {c.values.dtype for c in _constants(loaded)} == {c.values.dtype for c in _constants(graph)}


def test_what_unpacks_to_gigabytes_is_not_unpacked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _first_format(path)
    unpacked = sum(entry.file_size for entry in zipfile.ZipFile(path).infolist())
    monkeypatch.setattr(archive, "PACKED", unpacked)
    storage.load(path)
    monkeypatch.setattr(archive, "PACKED", unpacked - 1)
    refused(path, r"unpacks to more than \d+ MB; it is no graph that accel saved")


def _first_format(path: Path) -> None:
    storage.save(encoder(), path)
    with np.load(path) as file:
        content = {name: file[name].astype(np.int64) for name in file.files if name != "header"}
        header = json.loads(str(file["header"])) | {"format": 1}
        (header["input"],), (header["output"],) = header.pop("inputs"), header.pop("outputs")
        header["view"] = _first_view(encoder())
    np.savez_compressed(buffer := io.BytesIO(), header=np.array(json.dumps(header)), **content)
    path.write_bytes(buffer.getvalue())


def _first_view(graph: Graph) -> dict[str, object]:
    """A view as it was before there were several inputs and outputs: that of the only ones."""
    shape, result = list(graph.input.shape), list(graph.output_tensor.shape)
    return {"shape": [1, *shape], "batch": 0, "parts": shape, "order": [0, 1], "edge": shape, "result": result}


def _constants(graph: Graph) -> list[Constant]:
    values = (getattr(node.op, spec.name) for node in graph for spec in fields(node.op))
    return [value for value in values if isinstance(value, Constant)]


# ---- constants that are mapped


def wide_graph() -> Graph:
    """A matrix of 300,000 8-bit weights, and a bias of 16 bits."""
    rng = np.random.default_rng(0)
    dense = Dense(rng.integers(-128, 128, (1000, 300)), rng.integers(-30000, 30000, 1000))
    return Graph("wide", {"x": Tensor((1, 300), -8, 7)}, (Node("y", dense, ("x",)),), "y")


def test_constants_are_stored_and_mapped_at_their_width(path: Path) -> None:
    graph = wide_graph()
    storage.save(graph, path)
    assert path.stat().st_size < 1.05 * (300_000 + 2_000)
    loaded = storage.load(path)
    same(graph, loaded)
    weight, bias = _constants(loaded)
    assert (weight.values.dtype, bias.values.dtype) == (np.int8, np.int16)
    assert isinstance(weight.values.base.base.obj, mmap.mmap)
    assert weight.values.ctypes.data % 64 == 0
    assert weight.digest == _constants(graph)[0].digest
    x = np.random.default_rng(1).integers(-8, 8, (3, 1, 300))
    np.testing.assert_array_equal(reference.run(loaded, x), reference.run(graph, x))
    storage.save(graph, path)  # a file that takes its place does not touch what is mapped
    np.testing.assert_array_equal(reference.run(loaded, x), reference.run(graph, x))


def test_numpy_reads_the_file(path: Path) -> None:
    storage.save(wide_graph(), path)
    with np.load(path) as file:
        np.testing.assert_array_equal(file["0.weight"], wide_graph().nodes[0].op.weight)  # type: ignore[attr-defined]


def test_damage_to_mapped_constants_is_found(path: Path) -> None:
    storage.save(wide_graph(), path)
    raw = path.read_bytes()
    with zipfile.ZipFile(path) as file:
        place = file.getinfo("0.weight.npy").header_offset
    for at in (place, place + 26, place + 28, place + 200, place + 250_000):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1 :])
        refused(path, "not a complete graph file")


@pytest.mark.parametrize("field", ["size", "compressed", "place", "crc"])
def test_directories_that_point_elsewhere(path: Path, field: str) -> None:
    """Sizes and places in the archive's directory are claims: none may reach beyond the file."""
    storage.save(wide_graph(), path)
    raw = bytearray(path.read_bytes())
    entry = raw.rindex(b"0.weight.npy") - 46
    at = entry + {"crc": 16, "compressed": 20, "size": 24, "place": 42}[field]
    for value in (0, 1, 299_999, 1 << 31, (1 << 32) - 2):
        raw[at : at + 4] = value.to_bytes(4, "little")
        path.write_bytes(raw)
        refused(path, "not a complete graph file")


def test_a_range_that_no_carrier_holds(path: Path) -> None:
    storage.save(encoder(), path)
    _rewrite(path, lambda header: header["inputs"][0].update(lo=-(1 << 300)))
    refused(path, "input 'x' needs 301 bits; at most 62 are exact")


def test_a_header_that_python_cannot_read(path: Path) -> None:
    """numpy reads the headers of old arrays with Python's own tokenizer."""
    broken = b"\x93NUMPY\x01\x00\x10\x00{'descr': (((   " + bytes(8)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("header.npy", broken)
    refused(path, "not a complete graph file")
