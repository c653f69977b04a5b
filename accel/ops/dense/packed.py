"""Weights with factors of groups, packed as the compiled reference reads them (`native_grouped.h`).

A block is 16 outputs. Of each group of 32 inputs it has q, unsigned, as 4 consecutive inputs of all outputs after the
other, in bytes or in nibbles (the second four inputs are the high ones), then 16 factors and 16 offsets of 16 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel.constants import Constant
from accel.ops.dense.groups import Groups, find

GROUP, HEIGHT, TOGETHER = 32, 16, 4
"""Inputs of a group, outputs of a block, inputs that a processor multiplies at a time."""


@dataclass(frozen=True)
class Packed:
    """`bits` of q, 4 or 8, the bytes of all blocks, and the bias of the outputs."""

    bits: int
    packed: Constant
    bias: Constant


def pack(weight: np.ndarray, bias: Constant) -> Packed | None:
    """Weights (outputs, inputs) as blocks, or None where they have no factors of whole groups that fit."""
    if weight.shape[1] % GROUP or not (groups := find(weight)) or groups.form.size % GROUP:
        return None
    bits = 4 if groups.form.bits <= 4 else 8
    lowest = 0 if groups.form.offsets else -(1 << (bits - 1))
    offset = groups.offset + groups.factor * lowest
    if max(int(groups.factor.max()), int(offset.max()), -int(offset.min()) - 1) >= 1 << 15:
        return None
    return Packed(bits, Constant(_blocks(groups, offset, lowest, bits), own=True), bias)


def _blocks(groups: Groups, offset: np.ndarray, lowest: int, bits: int) -> np.ndarray:
    rows, inputs = len(groups.q), groups.q.shape[1] * groups.form.size
    blocks, count, repeat = -(-rows // HEIGHT), inputs // GROUP, groups.form.size // GROUP
    q = np.zeros((blocks * HEIGHT, inputs), np.uint8)
    q[:rows] = (groups.q - lowest).reshape(rows, inputs)
    q = q.reshape(blocks, HEIGHT, count, GROUP // TOGETHER, TOGETHER).transpose(0, 2, 3, 1, 4)
    if bits == 4:
        q = q[:, :, 0::2] | q[:, :, 1::2] << 4
    parts = [np.ascontiguousarray(q).reshape(blocks, count, -1)]
    for numbers in (groups.factor, offset):
        wide = np.zeros((blocks * HEIGHT, count), "<i2")
        wide[:rows] = np.repeat(numbers, repeat, axis=1)
        lines = np.ascontiguousarray(wide.reshape(blocks, HEIGHT, count).transpose(0, 2, 1))
        parts.append(lines.view(np.uint8).reshape(blocks, count, -1))
    return np.concatenate(parts, axis=2).view(np.int8).reshape(-1)
