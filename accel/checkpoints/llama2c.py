"""The `.bin` files of llama2.c: seven numbers and all weights as float32 (its version 0), and its tokenizer's file."""

from __future__ import annotations

import struct
from math import prod
from pathlib import Path

from accel.checkpoints.checkpoint import Checkpoint, checked
from accel.checkpoints.configuration import Configuration, RotaryPositions, shapes
from accel.checkpoints.mapped import MappedFile
from accel.checkpoints.scored import Scored
from accel.checkpoints.tokenizer import Tokenizer
from accel.checkpoints.weight import Weight
from accel.errors import UserError
from accel.spelling import printable

HEADER = 28
VERSIONED = 0x616B3432
"""The magic number of versions 1 and 2."""
EPS, THETA = 1e-5, 10000.0
BEGIN, END, BYTES = 1, 2, 3
"""Identifiers of the tokens that begin and end a text, and of the one for byte 0."""
LONGEST = 1 << 10
"""Bytes of a token."""

ORDER = (
    "attention.norm", "attention.q", "attention.k", "attention.v", "attention.out",
    "feedforward.norm", "feedforward.gate", "feedforward.down", "feedforward.up",
)  # fmt: skip
"""Tensors of the layers in the file: one kind for all layers, then the next."""


def load(path: Path, tokenizer: Path | None = None) -> Checkpoint:
    """Read a `.bin` file. The tokenizer is the file given, else `tok<vocabulary>.bin` or `tokenizer.bin` beside it."""
    file = MappedFile(path)
    numbers = struct.unpack("<7i", file.bytes(0, HEADER)) if file.size >= HEADER else (VERSIONED,)
    if numbers[0] == VERSIONED or file.size < HEADER:
        raise file.refused("is no file of llama2.c's version 0", "export it with `python export.py --version 0`")
    configuration = _configuration(file, numbers)
    weights, end = _weights(file, configuration)
    if end != file.size:
        raise file.refused(
            f"has {file.size} bytes, a network of its header {end}", "it is damaged, or no llama2.c file"
        )
    return Checkpoint(
        path,
        configuration,
        checked(file, configuration, weights),
        lambda: _tokenizer(path, tokenizer, configuration.vocabulary),
    )


def _configuration(file: MappedFile, numbers: tuple[int, ...]) -> Configuration:
    width, hidden, layers, heads, kv_heads, vocabulary, context = numbers
    try:
        if heads < 1 or width % heads:
            raise ValueError(f"{width} channels in {heads} heads")
        size = width // heads
        return Configuration(
            family="llama",
            layers=layers,
            width=width,
            heads=heads,
            kv_heads=kv_heads,
            head_size=size,
            hidden=hidden,
            vocabulary=abs(vocabulary),
            context=context,
            eps=EPS,
            rope=RotaryPositions(THETA, size, "neighbours"),
            tied=vocabulary > 0,
        )
    except ValueError as error:
        raise file.refused(f"its header is of no network: {error}", "it is damaged, or no llama2.c file") from None


def _weights(file: MappedFile, c: Configuration) -> tuple[dict[str, Weight], int]:
    """All tensors, and where they end. Raises UserError when the file ends before."""
    wanted, place, found = shapes(c), HEADER, {}

    def take(name: str) -> None:
        nonlocal place
        shape = wanted[name]
        found[name] = Weight(file, name, "F32", shape, file.array(place, shape, "<f4"))
        place += 4 * prod(shape)

    take("embedding")
    for name in ORDER:
        for layer in range(c.layers):
            take(f"layers.{layer}.{name}")
    take("norm")
    place += 4 * c.context * c.head_size  # cosines and sines that older exports stored
    if not c.tied:
        take("head")
    return found, place


def _tokenizer(path: Path, given: Path | None, vocabulary: int) -> Tokenizer:
    if given is None:
        beside = [path.parent / name for name in (f"tok{vocabulary}.bin", "tokenizer.bin")]
        given = next((place for place in beside if place.is_file()), None)
        if given is None:
            raise UserError(f"{path}: no tokenizer: {beside[0].name} and {beside[1].name} are not beside it; name one")
    if not given.exists():
        raise UserError(
            f"{printable(str(given), 1000)}: no such file; name the tokenizer's, such as tok{vocabulary}.bin"
        )
    return read_tokenizer(MappedFile(given), vocabulary)


def read_tokenizer(file: MappedFile, vocabulary: int) -> Tokenizer:
    """A tokenizer's file: the length of the longest token, then score, length and text of each.

    The file does not say how many there are. Raises UserError when they are not `vocabulary`.
    """
    place = 4
    pieces, scores = [], []
    for _ in range(vocabulary):
        score, length = struct.unpack("<fi", file.bytes(place, 8))
        if not 0 <= length <= LONGEST:
            raise file.refused(f"damaged: a token of {length} bytes at byte {place}")
        pieces.append(file.bytes(place + 8, length))
        scores.append(score)
        place += 8 + length
    if place != file.size or vocabulary < BYTES + 256:
        raise file.refused(f"has {file.size} bytes, {vocabulary} tokens have {place}", "it belongs to another model")
    fallback = {byte: BYTES + byte for byte in range(256)}
    try:
        scored = Scored(pieces, scores, fallback, space=" ", special={"<s>": BEGIN, "</s>": END})
    except ValueError as error:
        raise file.refused(f"damaged: {error}") from None
    return Tokenizer(scored, begin=BEGIN, ends=frozenset({BEGIN, END}), adds_begin=True)
