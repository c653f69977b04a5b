"""A small network in a file of llama2.c with random weights, and a tokenizer's file of 512 tokens."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from accel.checkpoints.configuration import Configuration, RotaryPositions, shapes
from accel.checkpoints.llama2c import EPS, ORDER, THETA

WIDTH, HEADS, CONTEXT = 16, 2, 512
SHAPE = Configuration(
    family="llama", layers=2, width=WIDTH, heads=HEADS, kv_heads=1, head_size=WIDTH // HEADS, hidden=24,
    vocabulary=512, context=CONTEXT, eps=EPS, rope=RotaryPositions(THETA, WIDTH // HEADS, "neighbours"), tied=True,
)  # fmt: skip


def content(
    header: tuple[int, ...], shape: Configuration, drawn: Callable[[str, tuple[int, ...]], np.ndarray]
) -> bytes:
    """A file with a header of seven numbers and the tensors of a shape, `drawn` by their names and shapes."""
    wanted = shapes(shape)
    names = ["embedding", *(f"layers.{layer}.{name}" for name in ORDER for layer in range(shape.layers)), "norm"]
    parts = [drawn(name, wanted[name]) for name in names]
    parts.append(np.ones(shape.context * shape.head_size))  # cosines and sines, which readers skip
    return struct.pack("<7i", *header) + b"".join(part.astype("<f4").tobytes() for part in parts)


def vocabulary(longest: int, records: Iterable[tuple[float, int, bytes]]) -> bytes:
    """A tokenizer's file of scores, lengths and texts."""
    return struct.pack("<i", longest) + b"".join(struct.pack("<fi", *head) + text for *head, text in records)


def network(path: Path) -> Path:
    """The file of such a network; each weight is about as large as training leaves it."""
    rng = np.random.default_rng(0)

    def drawn(name: str, wanted: tuple[int, ...]) -> np.ndarray:
        return np.ones(wanted) if name.endswith("norm") else rng.normal(0, wanted[-1] ** -0.5, wanted)

    header = (WIDTH, SHAPE.hidden, SHAPE.layers, HEADS, 1, SHAPE.vocabulary, CONTEXT)
    path.write_bytes(content(header, SHAPE, drawn))
    return path


def tokenizer(path: Path) -> Path:
    """The file of a tokenizer: three special tokens, all bytes, and 253 pairs of letters."""
    pieces = [b"<unk>", b"\n<s>\n", b"\n</s>\n", *(f"<0x{byte:02X}>".encode() for byte in range(256))]
    pieces += [bytes([97 + number % 26, 97 + number // 26]) for number in range(253)]
    path.write_bytes(vocabulary(7, ((-number, len(piece), piece) for number, piece in enumerate(pieces))))
    return path
