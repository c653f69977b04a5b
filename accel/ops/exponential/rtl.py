"""Exponential in hardware: row maximum, then entries of a table; rows wait in an ordinary buffer between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from accel.fold import LaneFold
from accel.hardware import (
    ALWAYS,
    Actor,
    Every,
    Module,
    Port,
    Rom,
    Unit,
    consume,
    lane_folds,
    per_row,
    produce,
    side_by_side,
)
from accel.ops.exponential.op import Exponential, ScoreRows
from accel.target import Target
from accel.tensor import Tensor

Units = tuple[Unit, ...]


def folds(op: Exponential, inputs: tuple[Tensor, ...], output: Tensor) -> list[LaneFold]:
    """Lanes that divide a row, or the rows of all heads at once."""
    return row_folds(op, inputs[0])


def row_folds(op: ScoreRows, x: Tensor) -> list[LaneFold]:
    """The same for any operator on rows of scores."""
    heads = x.channels // op.row
    return lane_folds(op.row) + ([LaneFold(op.row, heads)] if heads > 1 else [])


def all_heads(
    op: ScoreRows, x: Tensor, output: Tensor, fold: LaneFold, units: Callable[[Tensor, Tensor, LaneFold], Units]
) -> Units:
    """Units of all heads at once, given the `units` of the edges and the fold of one."""
    one, made = (replace(edge, shape=(x.tokens, op.row), scale=1.0) for edge in (x, output))
    return side_by_side(units(one, made, replace(fold, heads=1)), fold.heads)


def units(
    op: Exponential, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target
) -> tuple[Unit, ...]:
    """Two units."""
    (x,) = inputs
    if fold.heads > 1:
        return all_heads(op, x, output, fold, lambda x, y, fold: units(op, (x,), y, fold, target))
    lanes = fold.lanes
    firings, beats = x.size // lanes, op.row // lanes
    made = shape(op, x, lanes)
    exponentials = Unit(
        table_module("accel_exponential", op, x, made, op.exp_bits, target),
        (Port("in0", lanes, x.width), Port("max", 1, x.width)),
        (Port("out", lanes, op.exp_bits),),
        (Actor(firings, (consume("in0"), per_row(beats, "max")), (produce("out", ALWAYS, 4),)),),
    )
    return largest_unit(made, firings), exponentials


def shape(op: ScoreRows, x: Tensor, lanes: int) -> dict[str, int]:
    """Parameters of units that read rows of scores."""
    return {
        "LANES": lanes, "BEATS": op.row // lanes, "HEADS": x.channels // op.row, "TOKENS": x.tokens,
        "CAUSAL": int(bool(op.causal)), "XW": x.width, "X_SIGNED": int(x.signed),
    }  # fmt: skip


def largest_unit(shape: dict[str, int], firings: int) -> Unit:
    """The largest visible element of every row, a register for every four numbers of `accel_largest`."""
    lanes, beats, width = shape["LANES"], shape["BEATS"], shape["XW"]
    levels = max(1, -(-(lanes - 1).bit_length() // 2))
    actor = Actor(firings, (consume("in0"),), (produce("max", Every(beats, beats - 1), 1 + levels),))
    return Unit(Module("accel_softmax_max", shape), (Port("in0", lanes, width),), (Port("max", 1, width),), (actor,))


def table_module(name: str, op: ScoreRows, x: Tensor, shape: dict[str, int], bits: int, target: Target) -> Module:
    """A module with the entries that distances within x reach, of `bits` bits."""
    rom = Rom.of(op.rom[: x.hi - x.lo + 1].reshape(-1, 1), bits)
    params = shape | {"DEPTH": rom.depth, "EW": bits, "BLOCK": int(rom.is_deep(target))}
    return Module(name, params, {"ROM_FILE": rom})
