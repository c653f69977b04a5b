"""Sums to integers of a format: the one rounding that the engine has for them."""

from __future__ import annotations

from accel.engine.matching.walk import Walk, clipped, is_clip
from accel.graph import Node
from accel.ops.rescale.op import Rescale

ROUNDINGS = "half_up", "half_even"
ONE_ROUNDING = "the engine rounds once: leave one out (a language model's recipe: spared_bits=0)"


def rounded(walk: Walk, sums: str) -> tuple[str, Rescale]:
    """The edge of rounded sums, and their Rescale, with clips that follow it. Raises UserError on two roundings."""
    node = _first(walk, sums)
    assert isinstance(node.op, Rescale)
    op = node.op
    while (after := walk.only(node.name)) and isinstance(after.op, Rescale):
        if not is_clip(after.op):
            raise walk.refusal(after.name, f"it rounds what {node.name!r} has rounded, and {ONE_ROUNDING}")
        walk.use(after)
        node, op = after, clipped(op, after.op)
    return node.name, op


def _first(walk: Walk, sums: str) -> Node:
    """The first Rescale behind sums that changes anything, or the last of them."""
    node = walk.follow(sums, Rescale, "a matrix' sum")
    while walk.is_identity(node) and (after := walk.only(node.name)) and isinstance(after.op, Rescale):
        walk.use(after)
        node = after
    return node
