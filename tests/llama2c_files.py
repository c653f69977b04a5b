"""A small network in a file of llama2.c with random weights, and a tokenizer's file of 512 tokens."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from accel.checkpoints.configuration import Configuration, RotaryPositions, shapes
from accel.checkpoints.llama2c import EPS, ORDER, THETA

WIDTH, HEADS, CONTEXT = 16, 2, 512
SHAPE = Configuration(
    family="llama", layers=2, width=WIDTH, heads=HEADS, kv_heads=1, head_size=WIDTH // HEADS, hidden=24,
    vocabulary=512, context=CONTEXT, eps=EPS, rope=RotaryPositions(THETA, WIDTH // HEADS, "neighbours"), tied=True,
)  # fmt: skip


def network(path: Path) -> Path:
    """The file of such a network; each weight is about as large as training leaves it."""
    rng, wanted = np.random.default_rng(0), shapes(SHAPE)
    names = ["embedding", *(f"layers.{layer}.{name}" for name in ORDER for layer in range(SHAPE.layers)), "norm"]
    parts = [
        np.ones(wanted[name]) if name.endswith("norm") else rng.normal(0, wanted[name][-1] ** -0.5, wanted[name])
        for name in names
    ]
    parts.append(np.zeros(CONTEXT * WIDTH // HEADS))  # angles, which readers skip
    numbers = (WIDTH, SHAPE.hidden, SHAPE.layers, HEADS, 1, SHAPE.vocabulary, CONTEXT)
    path.write_bytes(struct.pack("<7i", *numbers) + b"".join(part.astype("<f4").tobytes() for part in parts))
    return path


def tokenizer(path: Path) -> Path:
    """The file of a tokenizer: three special tokens, all bytes, and 253 pairs of letters."""
    pieces = [b"<unk>", b"\n<s>\n", b"\n</s>\n", *(f"<0x{byte:02X}>".encode() for byte in range(256))]
    pieces += [bytes([97 + number % 26, 97 + number // 26]) for number in range(253)]
    records = [struct.pack("<fi", -number, len(piece)) + piece for number, piece in enumerate(pieces)]
    path.write_bytes(struct.pack("<i", 7) + b"".join(records))
    return path
