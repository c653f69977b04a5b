"""A hardware design as a value: files, top module, its streams and a hash. Executing it is a separate act."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from accel.errors import UserError
from accel.files import require_ordinary, write_atomic, writing

FORMAT = 1
DESIGN_FILE = "design.json"
GRAPH_FILE = "graph.accel"
"""The graph beside a design or an HLS project, by which it is simulated and compared."""
MAX_SIZE = 1 << 31
"""Of a stream that somebody's file declares."""


@dataclass(frozen=True)
class Stream:
    """A valid/ready/data/last port: `beats` per sample, each of `lanes` elements of `width` bits, lane 0 lowest."""

    lanes: int
    width: int
    signed: bool
    beats: int

    @property
    def bits(self) -> int:
        """Width of the data port."""
        return self.lanes * self.width


@dataclass(frozen=True)
class Design:
    """SystemVerilog `files` (name → text), module `top` with ports clk, rst, s_* (`input`) and m_* (`output`).

    `rst` is synchronous and active high. `info` travels along for people and reports: folding, predicted cycles,
    resources, and in a folder of `accel lower` the SHA-256 of the graph's file beside it ("graph"). File names are
    plain names: tools run inside the design's folder. `structure` is what the text was made from (`hls.rtl.Structure`);
    a design that was read from a folder has none.
    """

    name: str
    top: str
    files: dict[str, str]
    input: Stream
    output: Stream
    info: dict[str, Any] = field(default_factory=dict)
    structure: object | None = field(default=None, compare=False, repr=False)

    @property
    def hash(self) -> str:
        """SHA-256 over top name, stream shapes and all files: equal hashes are equal hardware."""
        digest = hashlib.sha256()
        for part in (self.top, json.dumps([asdict(self.input), asdict(self.output)])):
            digest.update(part.encode() + b"\0")
        for name in sorted(self.files):
            digest.update(name.encode() + b"\0" + self.files[name].encode() + b"\0")
        return digest.hexdigest()

    @property
    def sources(self) -> list[str]:
        """Names of the SystemVerilog files, packages first, in the order tools must read them."""
        names = sorted(name for name in self.files if name.endswith(".sv"))
        return sorted(names, key=lambda name: not name.endswith("_pkg.sv"))

    def write(self, folder: Path) -> None:
        """Write every file and `design.json` into `folder`; nothing is left behind when writing fails."""
        folder = Path(folder)
        with writing(folder, "choose another --out"):
            folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            write_atomic(folder / name, text)
        write_atomic(folder / DESIGN_FILE, json.dumps(self._header(), indent=1))

    def _header(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "top": self.top,
            "files": sorted(self.files),
            "input": asdict(self.input),
            "output": asdict(self.output),
            "info": self.info,
            "hash": self.hash,
        }

    @classmethod
    def load(cls, folder: Path) -> Design:
        """Read a design that `write` wrote.

        Raises UserError when files are missing, were changed or name others, or when the graph beside them is another
        design's.
        """
        folder, path = Path(folder), Path(folder) / DESIGN_FILE
        try:
            header = json.loads(_text(path))
            problem = _problem(header)
            if problem:
                raise UserError(f"{path}: not a design ({problem}); write it again with `accel lower`")
            design = cls(
                header["name"],
                header["top"],
                {name: _text(folder / name) for name in header["files"]},
                Stream(**header["input"]),
                Stream(**header["output"]),
                header["info"],
            )
        except FileNotFoundError as error:
            raise UserError(f"{error.filename}: no such file; `accel lower --target rtl` writes a design") from None
        except OSError as error:
            raise UserError(
                f"cannot read {error.filename}: {error.strerror}; name a folder that holds a design"
            ) from None
        except (ValueError, RecursionError):
            raise UserError(f"{path}: not a design (no JSON); write it again with `accel lower`") from None
        if not any(re.search(rf"\bmodule\s+{design.top}\b", text) for text in design.files.values()):
            raise UserError(f"{path}: no file holds module {design.top!r}; write it again with `accel lower`")
        if design.hash != header["hash"]:
            raise UserError(f"{folder}: files differ from the recorded hash; write it again with `accel lower`")
        require_digest(folder, [design.info["graph"]] if "graph" in design.info else [])
        return design


def require_digest(folder: Path, recorded: list[str]) -> None:
    """Raise UserError when the graph in `folder` is not the one that was recorded; neither of them has to be there."""
    path = folder / GRAPH_FILE
    if recorded and path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() not in recorded:
        raise UserError(f"{path} is not the graph that {folder} was made from; write both again with `accel lower`")


def _problem(header: Any) -> str | None:
    """Describe what is wrong in a design.json: it may name nothing but plain files of its folder."""
    if not isinstance(header, dict) or not isinstance(header.get("format"), int):
        return "no format"
    if header["format"] > FORMAT:
        return f"format {header['format']} is newer than this accel reads, {FORMAT}"
    for key, kind in (("name", str), ("top", str), ("files", list), ("info", dict), ("hash", str)):
        if not isinstance(header.get(key), kind):
            return f"{key} is missing or of another type"
    if not header["name"].isprintable() or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", header["top"]):
        return "name or top is no name"
    for name in header["files"]:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
            return f"{name!a:.40} is no plain file name"
    return next((found for end in ("input", "output") if (found := _stream_problem(header, end))), None)


def _stream_problem(header: dict[str, Any], end: str) -> str | None:
    stream, spec = header.get(end), header["info"].get(end)
    if not isinstance(stream, dict) or stream.keys() != Stream.__dataclass_fields__.keys():
        return f"{end} is no stream"
    sizes = [stream[key] for key in ("lanes", "width", "beats")]
    if not all(type(size) is int and 0 < size <= MAX_SIZE for size in sizes) or not isinstance(stream["signed"], bool):
        return f"{end} has sizes that are no numbers of a stream"
    if spec is not None and (not isinstance(spec, dict) or prod(spec.get("shape", ())) != sizes[0] * sizes[2]):
        return f"{end} and info disagree"
    return None


def _text(path: Path) -> str:
    require_ordinary(path)
    return path.read_text(encoding="utf-8")
