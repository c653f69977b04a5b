"""A hardware design as a value: files, top module, its streams and a hash. Executing it is a separate act.

`Design.write` makes a folder of it and `Design.load` reads one: what `design.json` holds, `DesignHeader` says.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

from accel import entries, image
from accel.dataflow.schedule import Schedule
from accel.dataflow.structure import Structure
from accel.errors import GraphError, UserError
from accel.files import require_ordinary, write_atomic, writing
from accel.image import Content, Image
from accel.spelling import brief
from accel.stream import Stream, port_names
from accel.view import View

FORMAT = 3
"""The first one had its facts in an object `info` and no digests of files, the second one input and one output."""
DESIGN_FILE = "design.json"
GRAPH_FILE = "graph.accel"
"""The graph beside a design or an HLS project, by which it is simulated and compared."""
MAX_BITS = 1 << 40
"""Largest memory that is read."""
MAX_CYCLES = 1 << 50
"""Largest latency and interval that are read."""


@dataclass(frozen=True)
class Figures:
    """Figures of a design that are known before it runs.

    `latency` is in cycles from the first beat of a sample on any input to its last beat on all outputs, `interval` in
    cycles between samples. `macs` are the multiply-accumulates of a sample, `multipliers` those of a cycle, and
    `mac_utilization` is the share of the latter that a sample needs, 0 to 1.
    """

    latency: int
    interval: float
    macs: int = 0
    multipliers: int = 0
    mac_utilization: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.latency <= MAX_CYCLES and 0 < self.interval <= MAX_CYCLES):
            raise GraphError(f"latency {self.latency} and interval {self.interval} are no numbers of cycles")


@dataclass(frozen=True)
class PlacedUnit:
    """A unit: `cycles` of work per sample, and the `layers` whose values it makes, those of its `Instance`."""

    name: str
    cycles: int
    layers: tuple[str | None, ...]


@dataclass(frozen=True)
class Design:
    """SystemVerilog `files` (name → text), module `top` with ports clk, rst and those of its `inputs` and `outputs`.

    A stream has the pins PORT_valid, _ready, _data and _last; `ports` are s and m where there is one input or output,
    else s_NAME and m_NAME. Streams of several inputs come independently of each other, each a sample after the other.
    `rst` is synchronous and active high. `memories` are the files that `$readmemh` reads. File names are plain names:
    tools run inside the design's folder. `predicted` holds without pauses at either end.

    A design that was lowered from a graph has a complete `schedule`, its `units` in the order of their numbers, and the
    `taps` that a traced simulation reads: streams of edges, in the order of their numbers. `view` holds the shapes of
    the file that the graph was made from, and `graph` is the SHA-256 of the graph's file beside a design in a folder.
    `structure` is what the text was made from; a design that was read from a folder has none.

    `context` is the number of tokens of a sequence where the design is a decode engine: its input is a token with its
    position, and a seed where tokens are drawn; its output is the tokens that follow. Samples of any other design have
    nothing to do with each other.
    """

    name: str
    top: str
    files: dict[str, str]
    inputs: tuple[Stream, ...]
    outputs: tuple[Stream, ...]
    predicted: Figures
    memories: dict[str, Image] = field(default_factory=dict)
    schedule: Schedule = field(default_factory=Schedule)
    units: tuple[PlacedUnit, ...] = ()
    taps: tuple[Stream, ...] = ()
    view: View | None = None
    graph: str | None = None
    context: int | None = None
    structure: Structure | None = field(default=None, compare=False, repr=False)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over top name, stream sizes, context and all files: equal hashes are equal hardware."""
        digest = hashlib.sha256()
        sizes = [
            {key: getattr(stream, key) for key in ("lanes", "width", "signed", "beats")}
            for stream in (*self.inputs, *self.outputs)
        ]
        context = [] if self.context is None else [str(self.context)]
        for part in (self.top, json.dumps(sizes), *context):
            digest.update(part.encode() + b"\0")
        for name, content in sorted(self.contents.items()):
            digest.update(name.encode() + b"\0")
            for some in image.parts(content):
                digest.update(some)
            digest.update(b"\0")
        return digest.hexdigest()

    @property
    def ports(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The ports of the inputs and of the outputs."""
        ends = ("s", self.inputs), ("m", self.outputs)
        inputs, outputs = (port_names(side, [stream.name for stream in streams]) for side, streams in ends)
        return inputs, outputs

    @property
    def input(self) -> Stream:
        """The only input. Raises UserError where there are several."""
        return self._only("inputs", self.inputs)

    @property
    def output(self) -> Stream:
        """The only output. Raises UserError where there are several."""
        return self._only("outputs", self.outputs)

    def _only(self, what: str, streams: tuple[Stream, ...]) -> Stream:
        if len(streams) > 1:
            names = ", ".join(repr(stream.name) for stream in streams)
            raise UserError(
                f"{self.name} has {len(streams)} {what} ({names}), a board one stream in and one out: simulate it with "
                "`accel simulate`, or build a part; in Python, accel.cut.cut(graph, …) cuts one out"
            )
        return streams[0]

    def require_dataflow(self, what: str) -> None:
        """Raise UserError for a decode engine, of which `what` cannot be done."""
        if self.context is not None:
            raise UserError(
                f"{self.name} is a decode engine, whose tokens depend on each other, so {what}: "
                "`accel check MODEL --target engine` compares its levels, `accel board chat` runs it"
            )

    @property
    def contents(self) -> dict[str, Content]:
        """Everything that tools read: files and memories."""
        return {**self.files, **self.memories}

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
        for name, content in self.contents.items():
            image.write(folder / name, content)
        header = asdict(DesignHeader.of(self)) | {"schedule": self.schedule.to_json()}
        write_atomic(folder / DESIGN_FILE, json.dumps(header, indent=1))

    @classmethod
    def load(cls, folder: Path, targets: Sequence[str] = ("rtl", "engine")) -> Design:
        """Read a design that `write` wrote; `targets` of `accel lower` write such a one as is wanted.

        Raises UserError when files are missing, were changed or name others, or when the graph beside them is another
        design's.
        """
        folder = Path(folder)
        try:
            header = _header(folder / DESIGN_FILE)
            design = header.design(folder)
        except FileNotFoundError as error:
            ways = " or ".join(f"`accel lower --target {target}`" for target in targets)
            raise UserError(f"{error.filename}: no such file; {ways} writes a design") from None
        except OSError as error:
            raise UserError(
                f"cannot read {error.filename}: {error.strerror}; name a folder that holds a design"
            ) from None
        if design.hash != header.hash:
            raise UserError(f"{folder}: files differ from the recorded hash; write it again with `accel lower`")
        require_digest(folder, [design.graph] if design.graph else [])
        return design


@dataclass(frozen=True)
class MemoryEntry:
    """A memory in `design.json`: its `words` of `width` bits, and the SHA-256 of its file."""

    words: int
    width: int
    sha256: str

    def __post_init__(self) -> None:
        if not 0 < self.words * self.width <= MAX_BITS or self.width < 1:
            raise GraphError(f"{self.words} words of {self.width} bits are no memory")


@dataclass(frozen=True)
class DesignHeader:
    """The contents of `design.json`, whose fields are those of a `Design`; `files` are names with a SHA-256.

    Raises GraphError on names that may not reach tools: files are plain files of the folder.
    """

    format: int
    name: str
    top: str
    hash: str
    files: dict[str, str]
    memories: dict[str, MemoryEntry]
    inputs: tuple[Stream, ...]
    outputs: tuple[Stream, ...]
    ports: tuple[tuple[str, ...], tuple[str, ...]]
    predicted: Figures
    schedule: Schedule
    units: tuple[PlacedUnit, ...]
    taps: tuple[Stream, ...]
    view: View | None
    graph: str | None
    context: int | None = None

    def __post_init__(self) -> None:
        if not self.name.isprintable() or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.top):
            raise GraphError("name or top is no name")
        for name in [*self.files, *self.memories]:
            if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
                raise GraphError(f"{name!a:.40} is no plain file name")
        if self.context is not None and not 0 < self.context <= MAX_CYCLES:
            raise GraphError(f"a context of {self.context} tokens is none")
        if not self.inputs or not self.outputs:
            raise GraphError("there is at least one input and one output")
        ends = [stream.tensor.shape for stream in self.inputs], [stream.tensor.size for stream in self.outputs]
        if self.view and ([form.edge for form in self.view.inputs], [*map(prod, self.view.outputs)]) != ends:
            raise GraphError("the view is not that of the streams")

    @classmethod
    def of(cls, design: Design) -> DesignHeader:
        """The header of a design."""
        files = {name: image.digest(text) for name, text in sorted(design.files.items())}
        memories = {name: MemoryEntry(m.depth, m.width, image.digest(m)) for name, m in sorted(design.memories.items())}
        facts: dict[str, Any] = {name: getattr(design, name) for name in _FACTS}
        return cls(FORMAT, hash=design.hash, files=files, memories=memories, ports=design.ports, **facts)

    def design(self, folder: Path) -> Design:
        """Read the files of the header. Raises OSError, and UserError when one was changed."""
        files = {name: _text(folder / name, digest) for name, digest in self.files.items()}
        memories = {name: _image(folder / name, memory) for name, memory in self.memories.items()}
        if not any(re.search(rf"\bmodule\s+{self.top}\b", text) for text in files.values()):
            raise UserError(
                f"{folder / DESIGN_FILE}: no file holds module {self.top!r}; write it again with `accel lower`"
            )
        facts: dict[str, Any] = {name: getattr(self, name) for name in _FACTS}
        design = Design(files=files, memories=memories, **facts)
        if design.ports != self.ports:
            raise UserError(
                f"{folder / DESIGN_FILE}: ports are not those of the streams; write it again with `accel lower`"
            )
        return design


_FACTS = tuple(DesignHeader.__dataclass_fields__.keys() - {"format", "hash", "files", "memories", "ports"})
"""Fields that a header and a design have alike."""


def _header(path: Path) -> DesignHeader:
    """Read a `design.json`. Raises OSError, and UserError that names what is wrong in it."""
    require_ordinary(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise UserError(f"{path}: not a design (no JSON); write it again with `accel lower`") from None
    found = content.get("format") if isinstance(content, dict) else None
    if type(found) is not int:
        raise UserError(f"{path}: not a design (no format); write it again with `accel lower`")
    if found > FORMAT:
        raise UserError(f"{path}: format {brief(str(found))} is newer than this accel reads, {FORMAT}; upgrade accel")
    if found < FORMAT:
        raise UserError(
            f"{path}: an older accel wrote this design (format {brief(str(found))}); write it again with `accel lower`"
        )
    try:
        return entries.read(DesignHeader, content)
    except ValueError as error:
        raise UserError(f"{path}: not a design ({error}); write it again with `accel lower`") from None


def _text(path: Path, digest: str) -> str:
    try:
        return _read(path, digest).decode()
    except ValueError:
        raise UserError(f"{path}: no text; write it again with `accel lower`") from None


def _image(path: Path, memory: MemoryEntry) -> Image:
    try:
        found = Image.parse(_read(path, memory.sha256), memory.width)
    except ValueError:
        raise UserError(
            f"{path}: no memory of words of {memory.width} bits; write it again with `accel lower`"
        ) from None
    if found.depth != memory.words:
        raise UserError(
            f"{path}: {found.depth} words, {DESIGN_FILE} records {memory.words}; write it again with `accel lower`"
        )
    return found


def _read(path: Path, digest: str) -> bytes:
    require_ordinary(path)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise UserError(f"{path}: not the file that design.json records; write it again with `accel lower`")
    return content


def require_digest(folder: Path, recorded: list[str]) -> None:
    """Raise UserError when the graph in `folder` is not the one that was recorded; neither of them has to be there."""
    path = folder / GRAPH_FILE
    if recorded and path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() not in recorded:
        raise UserError(f"{path} is not the graph that {folder} was made from; write both again with `accel lower`")
