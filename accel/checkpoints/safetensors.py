"""The safetensors file format: a header in JSON, then tensors without gaps.

The package `safetensors` checks offsets, too, but gives numpy no bfloat16, copies what can be mapped, and lets a header
name a tensor twice.
"""

from __future__ import annotations

import struct
from math import prod
from pathlib import Path

import numpy as np

from accel.checkpoints.mapped import MappedFile, parse_json
from accel.checkpoints.weight import FLOATS, Weight
from accel.spelling import printable

LONGEST_HEADER = 100_000_000
"""Bytes that the format allows."""
MOST_AXES = 8


def read(path: Path) -> dict[str, Weight]:
    """Tensors of a file by their names. Raises UserError when anything in it does not fit."""
    file = MappedFile(path)
    size = struct.unpack("<Q", file.bytes(0, 8))[0] if file.size >= 8 else 0
    if not 2 <= size <= min(LONGEST_HEADER, file.size - 8):
        raise file.refused("truncated, or no safetensors file")
    header = parse_json(file, file.bytes(8, size))
    header.pop("__metadata__", None)
    start, end, found = 8 + size, 0, {}
    entries = [_entry(file, name, entry) for name, entry in header.items()]
    for first, last, name, form, shape in sorted(entries, key=lambda entry: entry[:2]):
        if first != end:
            raise file.refused(
                f"damaged: tensor {printable(name)!r} begins at {first}, where {end} is the next free byte"
            )
        found[name] = _tensor(file, name, form, shape, start + first, last - first)
        end = last
    if start + end != file.size:
        raise file.refused(f"truncated or damaged: its tensors end at byte {start + end} of {file.size}")
    return found


def _entry(file: MappedFile, name: str, entry: object) -> tuple[int, int, str, str, tuple[int, ...]]:
    """Offsets, name, type and shape of a tensor."""
    wrong = file.refused(f"damaged: its header's entry {printable(name)!r} is no tensor")
    if not isinstance(entry, dict) or {*entry} != {"dtype", "shape", "data_offsets"}:
        raise wrong
    form, shape, offsets = entry["dtype"], _sizes(entry["shape"]), _sizes(entry["data_offsets"])
    if not isinstance(form, str) or shape is None or offsets is None:
        raise wrong
    if len(offsets) != 2 or offsets[0] > offsets[1] or len(shape) > MOST_AXES:
        raise wrong
    return offsets[0], offsets[1], name, form, tuple(shape)


def _sizes(value: object) -> list[int] | None:
    """A list of whole numbers of 63 bits; None for anything else."""
    if isinstance(value, list) and all(type(size) is int and 0 <= size < 1 << 63 for size in value):
        return value
    return None


def _tensor(file: MappedFile, name: str, form: str, shape: tuple[int, ...], place: int, size: int) -> Weight:
    if form not in FLOATS:
        raise file.refused(
            f"tensor {printable(name)!r} is of type {printable(form, 20)}; {', '.join(FLOATS)} are read",
            "save the model in one of them, without a quantization of its own",
        )
    if prod(shape) * np.dtype(FLOATS[form]).itemsize != size:
        raise file.refused(f"damaged: tensor {printable(name)!r} of shape {shape} has {size} bytes")
    return Weight(file, name, form, shape, file.array(place, shape, FLOATS[form]))
