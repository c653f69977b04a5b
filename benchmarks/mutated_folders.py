"""Hostile files that only accel writes: edited schedules, storage files of graphs, folders of designs and projects."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from accel.design import Design, Figures
from accel.entries import read
from accel.image import Image
from accel.stream import Stream


class Edit(NamedTuple):
    """A name, what `change` does to the folder that holds a design, and the file that an error has to name."""

    name: str
    change: Callable[[Path], None]
    names: str


def schedules() -> Iterator[Edit]:
    """Edits of a design's schedule.json."""

    def edited(key: str, value: Any) -> Callable[[Path], None]:
        def change(folder: Path) -> None:
            path = folder / "schedule.json"
            path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {key: value}), encoding="utf-8")

        return change

    texts: dict[str, bytes] = {
        "empty": b"", "binary": bytes(range(256)), "a number": b"7", "a list": b"[]", "null": b"null", "NaN": b"NaN",
        "cut": b'{"format": 1, "folds": {', "nested": b"[" * 100_000, "nested objects": b'{"folds":' * 50_000,
        "a long number": b'{"format": ' + b"9" * 5000 + b"}", "UTF-16": '{"format": 1}'.encode("utf-16"),
        "a zip": b"PK\3\4" + bytes(64),
    }  # fmt: skip
    for name, text in texts.items():
        yield Edit(f"schedule: {name}", _written("schedule.json", text), "schedule.json")
    lists = [(key, value) for key in ("folds", "memories", "depths") for value in ([], None, 7, "x", [["a", 1]])]
    for key, value in lists:
        yield Edit(f"schedule: {key} is {value!r}", edited(key, value), "schedule.json")
    targets: list[Any] = [None, 7, [], {}, "asic", "../ecp5", ""]
    for target in targets:
        yield Edit(f"schedule: target {target!r}", edited("target", target), "schedule.json")
    versions: list[Any] = [0, 2, "1", None, [], 1.5, 1 << 70]
    for version in versions:
        yield Edit(f"schedule: format {version!r}", edited("format", version), "schedule.json")
    entries: list[tuple[str, str, Any]] = [
        ("folds", "nobody", {"pe": 1}), ("folds", "\x1b[31m\n", {}), ("memories", "nobody", "lut"),
        ("memories", "n", "flash"), ("memories", "n", []), ("depths", "nobody", 4), ("depths", "a\nb", 0),
        ("depths", "n", -1), ("depths", "n", 1 << 70), ("depths", "n", True), ("depths", "n", 1.5),
        ("depths", "n", "4"), ("depths", "n" * 100_000, 4),
    ]  # fmt: skip
    for key, name, value in entries:
        yield Edit(f"schedule: {key} {name[:20]!r} {value!r}", edited(key, {name: value}), "schedule")
    folds: list[Any] = [
        {},
        {"pe": 0},
        {"pe": -1, "simd": -1},
        {"pe": "4"},
        {"pe": [1]},
        {"evil": 1},
        {"pe": 1 << 80},
        {"pe": None},
    ]
    for fold in folds:
        yield Edit(f"schedule: a fold {fold!r}", _first("folds", fold), "schedule")
    depths: list[Any] = [1 << 40, 1, 3, 1e9]
    for depth in depths:
        yield Edit(f"schedule: a depth {depth!r}", _first("depths", depth), "schedule")
    yield Edit("schedule: a folder", lambda folder: _as_folder(folder / "schedule.json"), "schedule.json")
    yield Edit("schedule: a link in a circle", lambda folder: _circle(folder / "schedule.json"), "schedule.json")


def _first(key: str, value: Any) -> Callable[[Path], None]:
    """Replace the first entry of a section."""

    def change(folder: Path) -> None:
        path = folder / "schedule.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        content[key][next(iter(content[key]))] = value
        path.write_text(json.dumps(content), encoding="utf-8")

    return change


def _written(name: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return change


def _as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _circle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def graphs() -> Iterator[Edit]:
    """Edits of a design's graph.accel, with a digest in design.json that fits: nobody is stopped from writing one."""
    for edit in _graph_edits():
        yield edit._replace(change=_recorded(edit.change))


def _recorded(change: Callable[[Path], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        change(folder)
        graph, path = folder / "graph.accel", folder / "design.json"
        if graph.is_file():
            header = json.loads(path.read_text(encoding="utf-8"))
            header["graph"] = hashlib.sha256(graph.read_bytes()).hexdigest()
            path.write_text(json.dumps(header), encoding="utf-8")

    return apply


def _graph_edits() -> Iterator[Edit]:
    """Edits of an npz file with a JSON header."""
    changes: dict[str, Callable[[dict[str, Any], dict[str, np.ndarray]], Any]] = {
        "format 99": lambda h, a: h.update(format=99),
        "format a list": lambda h, a: h.update(format=[]),
        "magic of another": lambda h, a: h.update(magic="other"),
        "no input": lambda h, a: h.pop("inputs"),
        "input shape huge": lambda h, a: h["inputs"][0].update(shape=[1 << 40, 1 << 40]),
        "input shape negative": lambda h, a: h["inputs"][0].update(shape=[-1, 4]),
        "input shape text": lambda h, a: h["inputs"][0].update(shape="44"),
        "input range empty": lambda h, a: h["inputs"][0].update(lo=5, hi=-5),
        "input range huge": lambda h, a: h["inputs"][0].update(lo=-(1 << 300), hi=1 << 300),
        "scale NaN": lambda h, a: h["inputs"][0].update(scale=float("nan")),
        "scale text": lambda h, a: h["inputs"][0].update(scale="x"),
        "scale negative": lambda h, a: h["inputs"][0].update(scale=-1.0),
        "scales too many": lambda h, a: h["inputs"][0].update(scale=[1.0] * 100),
        "nodes text": lambda h, a: h.update(nodes="x"),
        "nodes gone": lambda h, a: h.update(nodes=[]),
        "nodes reversed": lambda h, a: h["nodes"].reverse(),
        "a node twice": lambda h, a: h["nodes"].append(h["nodes"][0]),
        "a kind like a module": lambda h, a: h["nodes"][0].update(kind="os"),
        "a kind like a path": lambda h, a: h["nodes"][0].update(kind="../softmax"),
        "a kind of no text": lambda h, a: h["nodes"][0].update(kind=["dense"]),
        "inputs text": lambda h, a: h["nodes"][1].update(inputs="in"),
        "inputs unknown": lambda h, a: h["nodes"][1].update(inputs=["nobody"]),
        "a name of control characters": lambda h, a: h["nodes"][0].update(name="\x1b[2J\n"),
        "a name of a megabyte": lambda h, a: h["nodes"][0].update(name="x" * (1 << 20)),
        "fields gone": lambda h, a: h["nodes"][0].update(fields={}),
        "fields of a list": lambda h, a: h["nodes"][0].update(fields=[]),
        "an array that is not there": lambda h, a: h["nodes"][0]["fields"].update(weight={"array": "none"}),
        "output unknown": lambda h, a: h.update(outputs=["nobody"]),
        "output a number": lambda h, a: h.update(outputs=[7]),
        "weights of reals": lambda h, a: a.update({_weight(a): np.full((3, 3), 0.5)}),
        "weights of NaN": lambda h, a: a.update({_weight(a): np.full(a[_weight(a)].shape, np.nan)}),
        "weights of text": lambda h, a: a.update({_weight(a): np.full(a[_weight(a)].shape, "x")}),
        "weights of 2^62": lambda h, a: a.update({_weight(a): np.full(a[_weight(a)].shape, 1 << 62)}),
        "weights of another shape": lambda h, a: a.update({_weight(a): np.ones((3, 5, 7), np.int64)}),
        "weights empty": lambda h, a: a.update({_weight(a): np.zeros((0, 0), np.int64)}),
        "weights pickled": lambda h, a: a.update({_weight(a): np.array([{"a": 1}], object)}),
        "header pickled": lambda h, a: a.update(header=np.array([h], object)),
    }
    for name, change in changes.items():
        yield Edit(f"graph: {name}", _graph(change), "graph.accel")
    for name, content in {
        "empty": b"", "an array": _array(np.zeros(3)), "a pickled array": _array(np.array([{}], object)),
        "text": b"x" * 99, "a zip's head": b"PK\3\4" + bytes(99),
        "an array of 2^50 bytes": _array(np.zeros(1)).replace(b"(1,)", b"(%d,)" % 2**47),
    }.items():  # fmt: skip
        yield Edit(f"graph: {name}", _written("graph.accel", content), "graph.accel")
    for cut in (10, 100, 1000, -1, -30):
        yield Edit(f"graph: cut at {cut}", _cut("graph.accel", cut), "graph.accel")
    zeros = np.broadcast_to(np.uint8(0), 5 << 28)
    yield Edit("graph: a bomb", _graph(lambda h, a: a.update(more=zeros)), "graph.accel")
    yield Edit("graph: a heavy header", _graph(lambda h, a: h.update(more="x" * (1 << 24))), "graph.accel")
    yield Edit("graph: a folder", lambda folder: _as_folder(folder / "graph.accel"), "graph.accel")


def _weight(arrays: dict[str, np.ndarray]) -> str:
    return next(name for name in arrays if name.endswith(".weight"))


def _array(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=True)
    return buffer.getvalue()


def _graph(change: Callable[[dict[str, Any], dict[str, np.ndarray]], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "graph.accel"
        with np.load(path) as file:
            arrays = dict(file)
        header = json.loads(str(arrays.pop("header")))
        change(header, arrays)
        arrays.setdefault("header", np.array(json.dumps(header)))
        with path.open("wb") as out:
            np.savez_compressed(out, **arrays)  # type: ignore[arg-type]

    return apply


def _cut(name: str, at: int) -> Callable[[Path], None]:
    return lambda folder: _written(name, (folder / name).read_bytes()[:at])(folder)


def designs() -> Iterator[Edit]:
    """Edits of a design's design.json, with a hash that fits: nobody is stopped from writing one."""
    changes: dict[str, Callable[[dict[str, Any]], Any]] = {
        "a list": lambda d: d.clear(),
        "format 99": lambda d: d.update(format=99),
        "format text": lambda d: d.update(format="x"),
        "an older format": lambda d: d.update(format=1),
        "an entry more": lambda d: d.update(info={}),
        "no schedule": lambda d: d.pop("schedule"),
        "no depths": lambda d: d["schedule"].update(depths={}),
        "a depth of text": lambda d: d["schedule"].update(depths={"a": "8"}),
        "no units": lambda d: d.update(units=[]),
        "a unit of another": lambda d: d["units"][0].update(name="other"),
        "no taps": lambda d: d.update(taps=[]),
        "a tap of nothing": lambda d: d["taps"].append(d["inputs"][0]),
        "latency negative": lambda d: d["predicted"].update(latency=-1),
        "latency huge": lambda d: d["predicted"].update(latency=1 << 99),
        "interval NaN": lambda d: d["predicted"].update(interval=float("nan")),
        "a view of another": lambda d: d.update(view={"shape": [9], "batch": None, "parts": [9], "order": [0]}),
        "shape of another": lambda d: d["inputs"][0]["tensor"].update(shape=[1, 1]),
        "range huge": lambda d: d["inputs"][0]["tensor"].update(lo=-(1 << 99)),
        "scale zero": lambda d: d["outputs"][0]["tensor"].update(scale=0),
        "a memory of no bits": lambda d: _memory(d).update(width=0),
        "a memory of 2^60 bits": lambda d: _memory(d).update(width=1 << 60),
        "a memory more": lambda d: d["memories"].update({"none.hex": _memory(d)}),
        "a memory outside": lambda d: d["memories"].update({"../none.hex": _memory(d)}),
        "memories a list": lambda d: d.update(memories=[]),
        "name a number": lambda d: d.update(name=7),
        "name of control characters": lambda d: d.update(name="\x1b[2J\n"),
        "top of another": lambda d: d.update(top="nobody"),
        "top that is code": lambda d: d.update(top="top; $system(1)"),
        "top an option": lambda d: d.update(top="--help"),
        "files a number": lambda d: d.update(files=7),
        "a file outside": lambda d: d.update(files={"../../secret.sv": ""}),
        "a file by its full path": lambda d: d.update(files={str(Path(d["folder"]).parents[1] / "secret.sv"): ""}),
        "a file that blocks": lambda d: d.update(files={"/dev/stdin": ""}),
        "an endless file": lambda d: d.update(files={"/dev/zero": ""}),
        "a folder as file": lambda d: d.update(files={".": ""}),
        "a file like an option": lambda d: d.update(files={"-o.sv": ""}),
        "a file with a zero": lambda d: d.update(files={"a\0b": ""}),
        "a file that is no text": lambda d: d.update(files={"graph.accel": ""}),
        "a missing file": lambda d: d.update(files={"none.sv": ""}),
        "no files": lambda d: d.update(files={}),
        "lanes 0": lambda d: d["inputs"][0].update(lanes=0),
        "lanes huge": lambda d: d["inputs"][0].update(lanes=1 << 40),
        "width negative": lambda d: d["outputs"][0].update(width=-1),
        "width text": lambda d: d["outputs"][0].update(width="8"),
        "beats huge": lambda d: d["outputs"][0].update(beats=1 << 62),
        "a stream more": lambda d: d["inputs"][0].update(more=1),
        "no stream": lambda d: d.update(input=None),
    }
    for name, change in changes.items():
        yield Edit(f"design: {name}", _design(change), "design")
    for name, content in {"empty": b"", "text": b"x", "binary": bytes(range(256)), "nested": b"[" * 100_000}.items():
        yield Edit(f"design: {name}", _written("design.json", content), "design")
    yield Edit("design: a hash of another", _design(lambda d: None, {"hash": "0" * 64}), "design")
    yield Edit("design: a folder", lambda folder: _as_folder(folder / "design.json"), "design")
    yield Edit("design: gone", lambda folder: shutil.rmtree(folder), "design")


def _design(change: Callable[[dict[str, Any]], Any], digest: dict[str, Any] | None = None) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder.parent.parent / "secret.sv").write_text("module secret; endmodule\n", encoding="utf-8")
        path = folder / "design.json"
        header = json.loads(path.read_text(encoding="utf-8")) | {"folder": str(folder.resolve())}
        change(header)
        header.pop("folder", None)
        path.write_text(json.dumps(header | (digest or _digests(folder, header))), encoding="utf-8")

    return apply


def _memory(header: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(iter(header["memories"].values()))
    return found


def _digests(folder: Path, header: dict[str, Any]) -> dict[str, Any]:
    """Digests of everything that the header names, if it is readable; a loader has to notice the rest."""
    try:
        texts = {name: (folder / name).read_bytes() for name in header["files"] if not name.startswith("/dev/")}
        digests = {name: hashlib.sha256(text).hexdigest() for name, text in texts.items()}
        entries = (header["inputs"], header["outputs"])
        ends = [tuple(read(Stream, json.loads(json.dumps(one))) for one in streams) for streams in entries]
        memories = {n: Image.parse((folder / n).read_bytes(), m["width"]) for n, m in header["memories"].items()}
        files = {name: text.decode() for name, text in texts.items()}
        made = Design(header["name"], header["top"], files, *ends, Figures(1, 1), memories)
        return {"files": header["files"] | digests, "hash": made.hash}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return {"hash": ""}
