"""Weights with factors of groups, as the compiled reference reads them (`native_grouped.h`, `accel/blocks.py`)."""

from __future__ import annotations

from dataclasses import dataclass

from accel.blocks import GROUP, Blocks, grouped
from accel.constants import Constant
from accel.ops.dense.groups import find


@dataclass(frozen=True)
class Packed:
    """`bits` of q, 4 or 8, the bytes of all blocks, and the bias of the outputs."""

    bits: int
    packed: Constant
    bias: Constant


def pack(weight: Constant, bias: Constant) -> Packed | None:
    """Weights (outputs, inputs) as blocks, or None where they have no factors of whole groups that fit."""
    if not isinstance(weight, Blocks):
        if weight.shape[1] % GROUP or not (groups := find(weight.values)):
            return None
        weight = grouped(groups.q, groups.factor, groups.offset)
    return Packed(weight.bits, Constant(weight.packed, own=True), bias) if isinstance(weight, Blocks) else None
