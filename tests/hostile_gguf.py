"""Damaged and hostile GGUF files: every case is a name, what the error says, and the function that writes the file."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from checkpoint_files import Gguf, byte_level_values, quantized

Case = tuple[str, str, Callable[[Path], Path]]
"""The function writes into an empty folder and returns what is to be opened."""
NAN = float("nan")
NORM, QUERIES = "output_norm.weight", "blk.0.attn_q.weight"


class RawGguf:
    """A GGUF file in parts, for a small Llama of one layer in Q4_1 with an embedding in Q8_0."""

    def __init__(self) -> None:
        self.magic, self.version = b"GGUF", 3
        self.counts: dict[str, int] = {}  # instead of the true ones
        self.values: dict[str, bytes] = {}
        self.more = b""  # one more value
        self.tensors: dict[str, list[Any]] = {}  # axes, number of the type, offset
        self.again: list[str] = []
        self.data = b""
        small = Gguf("llama", 1)
        self.value("general.architecture", "llama")
        for name, value in small.values.items():
            self.value(f"llama.{name}", value)
        for name, value in byte_level_values().items():
            self.value(f"tokenizer.{name}", value)
        for name, (values, form) in small.tensors.items():
            self.tensor(name, values.shape, gguf.GGMLQuantizationType[form].value, quantized(values, form).tobytes())

    def set(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def count(self, what: str, count: int) -> None:
        self.counts[what] = count

    def value(self, name: str, value: Any) -> None:
        self.values[name] = packed(value)

    def raw_value(self, name: str, value: bytes) -> None:
        self.values[name] = value

    def tensor(self, name: str, shape: tuple[int, ...], kind: int, data: bytes) -> None:
        self.data += bytes(-len(self.data) % 32)
        self.tensors[name] = [list(reversed(shape)), kind, len(self.data)]
        self.data += data

    def entry(self, name: str, place: int, value: Any) -> None:
        self.tensors[name][place] = value

    def drop(self, name: str) -> None:
        self.tensors.pop(name, None)
        self.values.pop(name, None)

    def damage(self, name: str, place: int, value: bytes) -> None:
        place += self.tensors[name][2]
        self.data = self.data[:place] + value + self.data[place + len(value) :]

    def scored(self, name: str, value: Any) -> None:
        """A tokenizer of the other kind, with one value changed."""
        self.value("tokenizer.ggml.model", "llama")
        self.value("tokenizer.ggml.scores", [0.0] * 300)
        self.value(f"tokenizer.ggml.{name}", value)

    def bytes(self) -> bytes:
        names = [*self.tensors, *self.again]
        counts = {"tensors": len(names), "values": len(self.values) + bool(self.more)} | self.counts
        head = self.magic + struct.pack("<IQQ", self.version, counts["tensors"], counts["values"])
        head += b"".join(text(name) + value for name, value in self.values.items()) + self.more
        for name in names:
            dims, kind, offset = self.tensors[name]
            head += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)
        return head + bytes(-len(head) % 32) + self.data


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def packed(value: Any) -> bytes:
    """Number of the type, and the value."""
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + text(value)
    if isinstance(value[0], str | bytes):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
    kind, form = (5, "<i") if isinstance(value[0], int) else (6, "<f")
    return struct.pack("<IIQ", 9, kind, len(value)) + b"".join(struct.pack(form, item) for item in value)


def written(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def changed(method: str, *arguments: Any) -> Callable[[Path], Path]:
    """A good file but for one change: a method of RawGguf with its arguments."""

    def make(folder: Path) -> Path:
        file = RawGguf()
        getattr(file, method)(*arguments)
        return written(folder / "m.gguf", file.bytes())

    return make


def cut(content: bytes) -> Callable[[Path], Path]:
    return lambda folder: written(folder / "m.gguf", content)


def structure_cases() -> Iterator[Case]:
    good = RawGguf().bytes()
    for end in (0, 1, 3, 4, 7, 8, 15, 23, 24, 25, *range(40, len(good), len(good) // 24), len(good) - 1):
        yield f"cut-{end}", "", cut(good[:end])
    yield "magic", "is no checkpoint", changed("set", "magic", b"GGUX")
    for version in (0, 1, 4, 2**16):
        yield f"version-{version}", f"has version {version} of GGUF", changed("set", "version", version)
    yield "big-endian", "written for big-endian", changed("set", "version", 3 << 24)
    for what in ("tensors", "values"):
        for count in (2**64 - 1, 2**63, 2**32, 65537, 40000):
            yield f"{what}-{count}", f"{count} {what} do not fit", changed("count", what, count)
    yield "name-long", "a text of 1152921504606846976 bytes", changed("set", "more", struct.pack("<Q", 1 << 60))
    yield "name-not-utf8", "is no UTF-8", changed("set", "more", text(b"\xff\xfe") + packed(1))
    yield "value-twice", "count' is given twice", changed("set", "more", text("llama.block_count") + packed(1))
    for kind in (13, 255, 2**32 - 1):
        yield f"type-{kind}", f"of unknown type {kind}", changed("raw_value", "x", struct.pack("<II", kind, 0))
        yield f"list-{kind}", f"of unknown type {kind}", changed("raw_value", "x", struct.pack("<IIQ", 9, kind, 1))
    yield "list-of-lists", "of unknown type 9", changed("raw_value", "x", struct.pack("<IIQ", 9, 9, 1) * 500)
    for count in (2**64 - 1, 2**61, 2**40):
        yield f"numbers-{count}", "numbers do not fit", changed("raw_value", "x", struct.pack("<IIQ", 9, 4, count))
        yield f"texts-{count}", "texts do not fit", changed("raw_value", "x", struct.pack("<IIQ", 9, 8, count))
    yield "text-long", "a text of 1099511627776 bytes", changed("raw_value", "x", struct.pack("<IQ", 8, 1 << 40))
    for alignment in (0, 3, 4, 2**31, "x"):
        yield f"alignment-{alignment}", f"alignment is {alignment}", changed("value", "general.alignment", alignment)
    yield "split", "merge them with", changed("value", "split.count", 3)


def tensor_cases() -> Iterator[Case]:
    for axes in (0, 5, 2**20):
        yield f"axes-{axes}", f"has {axes} axes", changed("entry", NORM, 0, [1] * axes)
    for dims in ([0], [64, 0], [2**63, 2], [2**32, 2**32], [2**62], [2**40, 1, 1, 1]):
        yield f"dims-{dims}", "has shape|asked for", changed("entry", NORM, 0, dims)
    for kind, form in ((4, "number 4"), (99, "number 99"), (16, "IQ2_XXS"), (10, "Q2_K"), (26, "I32"), (39, "MXFP4")):
        yield f"tensor-type-{kind}", f"is of type {form}; F32, F16, BF16", changed("entry", NORM, 1, kind)
    yield "rows-no-blocks", "no blocks of 256", changed("entry", QUERIES, 1, 12)
    for offset in (1, 31, 2**63 + 1):
        yield f"offset-{offset}", "no multiple of 32", changed("entry", NORM, 2, offset)
    for offset in (2**63, 2**64 - 32, 1 << 30):
        yield f"offset-{offset}", "are asked for", changed("entry", NORM, 2, offset)
    yield "overlap", "overlap", changed("entry", NORM, 2, 0)
    yield "tensor-twice", "'output_norm.weight' is given twice", changed("set", "again", [NORM])
    for name in ("token_embd.weight", QUERIES, "blk.0.ffn_norm.weight", NORM):
        yield f"{name}-missing", "missing|no embedding", changed("drop", name)
    layers = [f"blk.{layer}.attn_q.{kind}" for layer, kind in (("1", "weight"), ("0", "bias"), ("9999", "weight"))]
    for name in (*layers, "blk.00.attn_q.weight", "v.weight", "\n"):
        yield f"extra-{name!r}", "tensors", changed("tensor", name, (64,), 0, bytes(256))
    yield "shape", "has shape", changed("entry", QUERIES, 0, [64, 32])
    yield "embedding-1d", "no embedding", changed("entry", "token_embd.weight", 0, [64 * 300])
    for factors, match in (([0.0] * 8, "frequencies is 0"), ([1.0] * 7, "7 factors"), ([NAN] * 8, "not finite")):
        data = np.array(factors, "<f4")
        yield f"rope-{match}", match, changed("tensor", "rope_freqs.weight", data.shape, 0, data.tobytes())
    for name, place in (("token_embd.weight", 34 * 7), ("blk.0.attn_v.weight", 20), ("blk.0.ffn_down.weight", 182)):
        for bits in (0x7C00, 0x7E00, 0xFC00):
            damage = changed("damage", name, place, struct.pack("<H", bits))
            yield f"scale-{name}-{bits:x}", "a scale is infinite or no number", damage
    yield "gain-nan", "not finite", changed("damage", NORM, 8, struct.pack("<f", NAN))


ATTENTION, EPS = "attention.head_count", "attention.layer_norm_rms_epsilon"
WRONG_VALUES = (
    (ATTENTION, 3, "3 heads cannot share 2"),
    ("attention.head_count_kv", 3, "cannot share 3"),
    ("attention.head_count_kv", 0, "kv_heads is 0"),
    ("attention.key_length", 5000, "head_size is 5000"),
    ("attention.key_length", 8, ""),
    ("attention.value_length", 8, "not of the size of keys"),
    (EPS, 0.0, "eps is 0"),
    (EPS, NAN, "eps is nan"),
    (EPS, -1.0, "eps is -1"),
    (EPS, 1, "no real number"),
    ("rope.freq_base", float("inf"), "rope theta is inf"),
    ("rope.dimension_count", 7, "7 rotary channels"),
    ("rope.dimension_count", 64, "rotary channels is 64"),
    ("rope.scaling.type", "yarn", "scaled by 'yarn'"),
    ("rope.scaling.type", "linear", "llama.rope.scaling.factor is missing"),
    ("expert_count", 8, "mixture of experts"),
    ("attention.sliding_window", 2**31, "window is 2147483648"),
)


def value_cases() -> Iterator[Case]:
    for value in ("bert\x1b[31m", "", 5, [1, 2]):
        yield f"architecture-{value!r:.9}", "its architecture is", changed("value", "general.architecture", value)
    yield "no-architecture", "its architecture is ''", changed("drop", "general.architecture")
    for name in ("block_count", "embedding_length", ATTENTION, "feed_forward_length", "context_length"):
        yield f"{name}-missing", f"llama.{name} is missing", changed("drop", f"llama.{name}")
        for value in (0, 2**32 - 1, "8", 1.5, True, [2, 3]):
            yield f"{name}-{value}", "", changed("value", f"llama.{name}", value)
    for name, value, match in WRONG_VALUES:
        yield f"{name}-{value}-wrong", match, changed("value", f"llama.{name}", value)


def tokenizer_cases() -> Iterator[Case]:
    plain = byte_level_values()
    tokens, merges, kinds = (plain[f"ggml.{name}"] for name in ("tokens", "merges", "token_type"))
    wrong = (
        ("model", "bert", "its tokenizer is 'bert'"),
        ("model", [1, 2], "its tokenizer is"),
        ("pre", "x\ny", "'x_y' is not known"),
        ("tokens", tokens[:-1], "299 tokens for 300 rows"),
        ("tokens", [1] * 300, "tokens is no list of texts"),
        ("tokens", [b"\xff", *tokens[1:]], "utf-8"),
        ("tokens", [tokens[1], *tokens[1:]], "one of its tokens comes twice"),
        ("token_type", kinds[:-1], "token_type is no list of 300 numbers"),
        ("token_type", [1.0] * 300, "no list of 300"),
        ("merges", ["th", *merges], "a merge is no pair"),
        ("merges", ["t zzz"], "do not fit its tokens"),
        ("merges", [1, 2], "merges is no list of texts"),
        ("bos_token_id", 300, "bos_token_id is 300"),
        ("eos_token_id", [1, 2], ""),
        ("eos_token_id", "2", "eos_token_id is 2"),
    )
    for name, value, match in wrong:
        yield f"tokenizer-{name}-{match:.20}", match, changed("value", f"tokenizer.ggml.{name}", value)
    for name, value, match in (
        ("scores", [NAN] * 300, "score is not finite"),
        ("scores", [0.0] * 299, "scores is no list of 300 numbers"),
        ("token_type", [6] * 300, "the name of no byte"),
        ("unknown_token_id", 300, "unknown_token_id is 300"),
    ):
        yield f"scored-{name}-{match:.9}", match, changed("scored", name, value)


def cases() -> Iterator[Case]:
    yield from structure_cases()
    yield from tensor_cases()
    yield from value_cases()
    yield from tokenizer_cases()
