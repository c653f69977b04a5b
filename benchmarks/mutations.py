"""Hostile ONNX files, made from valid ones with a fixed seed: damage to bytes, structure, data beside them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from mutated_graphs import CHANGES, Model
from onnx import TensorProto


@dataclass(frozen=True)
class Mutant:
    """A file `model.onnx` with this content, and what `beside` puts into its folder."""

    name: str
    content: bytes
    beside: Callable[[Path], None] = lambda folder: None
    must_refuse: bool = False
    """whether no reading of the file is a valid model"""

    def write(self, folder: Path) -> None:
        (folder / "model.onnx").write_bytes(self.content)
        self.beside(folder)


def mutants(sources: dict[str, Model], seed: int = 0) -> Iterator[Mutant]:
    """Several hundred, the same for the same sources and seed."""
    rng = np.random.default_rng(seed)
    for source, model in sources.items():
        raw = model.SerializeToString()
        for name, damaged in (*_damaged_bytes(raw, rng), *_damaged_wire(raw)):
            yield Mutant(f"{source}: {name}", damaged)
        for name, (change, must_refuse) in CHANGES.items():
            changed = onnx.ModelProto.FromString(raw)
            change(changed, rng)
            yield Mutant(f"{source}: {name}", changed.SerializeToString(), must_refuse=must_refuse)
    yield from _external(next(iter(sources.values())))


# ---- bytes


def _damaged_bytes(raw: bytes, rng: np.random.Generator, rounds: int = 3) -> Iterator[tuple[str, bytes]]:
    """Flips, gaps, insertions and cuts at random places and where the structure is: at both ends and at names."""
    names = [raw.find(text) for text in (b"Quant", b"MatMul", b"scale", b"qonnx", b"rounding_mode", b"in\x12")]
    spots = [at for at in names if at > 0] + [0, 1, 2, 3, 7, len(raw) - 1, len(raw) - 5]
    for i in range(rounds):
        for where, at in (("anywhere", int(rng.integers(len(raw)))), ("structure", spots[rng.integers(len(spots))])):
            n = int(rng.integers(1, 40))
            yield f"bit flipped, {where}, {i}", raw[:at] + bytes([raw[at] ^ (1 << rng.integers(8))]) + raw[at + 1 :]
            yield f"bytes removed, {where}, {i}", raw[:at] + raw[at + n :]
            yield f"bytes inserted, {where}, {i}", raw[:at] + rng.bytes(n) + raw[at:]
            yield f"bytes 0xff, {where}, {i}", raw[:at] + b"\xff" * n + raw[at + n :]
        many = np.frombuffer(raw, np.uint8).copy()
        many[rng.integers(len(raw), size=20)] ^= 1 << rng.integers(8, dtype=np.uint8)
        yield f"twenty bits flipped, {i}", many.tobytes()
        yield f"cut, {i}", raw[: int(rng.integers(len(raw)))]


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _damaged_wire(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Fields that no protobuf library writes: appended to the file, where the last graph or field counts."""
    yield "an empty file", b""
    yield "only its first half", raw[: len(raw) // 2]
    yield "twice in a row", raw + raw
    yield "length beyond the end", raw + _varint(7 << 3 | 2) + _varint(1 << 40) + b"x"
    yield "an endless number", raw + b"\xff" * 64
    yield "a group that never ends", raw + b"\x0b" * 300
    yield "a node name that is no UTF-8", raw + _field(7, _field(1, _field(3, b"\xff\xfe") + _field(4, b"\xc3\x28")))
    yield "an attribute name that is no UTF-8", raw + _field(7, _field(1, _field(5, _field(1, b"\xff"))))
    yield "a graph name that is no UTF-8", raw + _field(7, _field(2, b"\xff\xfe\xfd"))
    yield "12 nested graphs", raw + _field(7, _nested(12))
    yield "3000 nested graphs", raw + _field(7, _nested(3000))


def _nested(depth: int) -> bytes:
    """If → attribute → graph → node → …"""
    graph = b""
    for _ in range(depth):
        graph = _field(1, _field(4, b"If") + _field(5, _field(1, b"then_branch") + b"\xa0\x01\x05" + _field(6, graph)))
    return graph


# ---- data beside the file

#: Where the data of a tensor is said to be. The file secret.bin, one folder up, holds the right numbers.
LOCATIONS = (
    "../secret.bin", "a/../../secret.bin", "/etc/hostname", "/dev/zero", "/proc/self/environ", "link",
    "linked/secret.bin", "fifo", "folder", "", ".", "/", "~/secret.bin", "file:///etc/hostname", "missing.bin", "a\0b",
    "x" * 5000, "model.onnx", "short.bin", "\x1b[31m", "nowhere",
)  # fmt: skip
EXTENTS = (("offset", "-1"), ("offset", str(1 << 62)), ("offset", "x"), ("length", str(1 << 62)), ("length", "-5"))
EXTENTS += (("length", "0"), ("offset", "1e3"), ("checksum", "none"), ("offset", "9" * 5000))


def external(model: Model, location: str, *entries: tuple[str, str]) -> bytes:
    """The model with its largest constant kept at `location`."""
    changed = onnx.ModelProto.FromString(model.SerializeToString())
    tensor = max(changed.graph.initializer, key=lambda tensor: tensor.ByteSize())
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), *entries):
        tensor.external_data.add(key=key, value=value)
    return bytes(changed.SerializeToString())


def _external(model: Model) -> Iterator[Mutant]:
    numbers = max(model.graph.initializer, key=lambda tensor: tensor.ByteSize()).raw_data

    def beside(folder: Path) -> None:
        (folder.parent / "secret.bin").write_bytes(numbers)
        (folder / "data.bin").write_bytes(numbers)
        (folder / "short.bin").write_bytes(numbers[:-5])
        (folder / "link").symlink_to(folder.parent / "secret.bin")
        (folder / "linked").symlink_to(folder.parent)
        (folder / "nowhere").symlink_to(folder / "nowhere")
        (folder / "folder").mkdir()
        os.mkfifo(folder / "fifo")

    for location in LOCATIONS:
        yield Mutant(f"external data at {location[:40]!r}", external(model, location), beside, must_refuse=True)
    for key, value in EXTENTS:
        content = external(model, "data.bin", (key, value))
        yield Mutant(f"external data, {key} {value[:20]}", content, beside)
