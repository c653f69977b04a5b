"""A hardware design as a value: files, top module, its streams and a hash. Executing it is a separate act."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from accel.errors import UserError

FORMAT = 1


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

    `rst` is synchronous and active high. `info` is what travels along for people and reports: folding,
    predicted cycles, resources. File names are plain names: tools run inside the design's folder.
    """

    name: str
    top: str
    files: dict[str, str]
    input: Stream
    output: Stream
    info: dict[str, Any] = field(default_factory=dict)

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
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot create folder {folder}: {error.strerror}; choose another --out") from None
        for name, text in self.files.items():
            write_atomic(folder / name, text)
        write_atomic(folder / "design.json", json.dumps(self._header(), indent=1))

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
        """Read a design that `write` wrote. Raises UserError when files are missing or were changed."""
        path = Path(folder) / "design.json"
        try:
            header = json.loads(path.read_text())
            if header["format"] > FORMAT:
                raise UserError(f"{path}: format {header['format']} is newer than this accel reads ({FORMAT}); upgrade")
            design = cls(
                header["name"],
                header["top"],
                {name: (Path(folder) / name).read_text() for name in header["files"]},
                Stream(**header["input"]),
                Stream(**header["output"]),
                header["info"],
            )
        except FileNotFoundError as error:
            raise UserError(f"{error.filename}: no such file; `accel lower --target rtl` writes a design") from None
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path}: not a design ({error}); write it again with `accel lower`") from None
        if design.hash != header["hash"]:
            raise UserError(f"{folder}: files differ from the recorded hash; write it again with `accel lower`")
        return design


def write_atomic(path: Path, data: str | bytes) -> None:
    """Write a file so that it is either complete or absent. Raises UserError when the place is not writable."""
    raw = data.encode() if isinstance(data, str) else data
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(raw)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose another folder") from None
