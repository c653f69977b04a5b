"""Requirements on matched parts: what units that all layers share can compute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, replace

from accel.constants import Constant
from accel.engine.macros import Attend, Macro, Multiply, Normalize, ToKeys, ToQueries, ToResidual, Turn
from accel.engine.matching.rounding import ROUNDINGS
from accel.engine.matching.walk import Walk
from accel.op import Op
from accel.ops.rescale.op import Rescale
from accel.tensor import Tensor


def require(walk: Walk, macros: Iterable[Macro]) -> None:
    """Raise UserError, naming the node, where a part has constants that no unit has, or layers need different units."""
    shared: dict[str, tuple[str, object]] = {}
    for macro in macros:
        for edge, rescale, by_row in _first_roundings(macro):
            if len(rescale.multiplier) > 1 and not by_row:
                raise walk.refusal(edge, "it has a multiplier per channel, where the engine has one for all")
            if rescale.rounding not in ROUNDINGS:
                raise walk.refusal(edge, f"it rounds {rescale.rounding!r}; the engine rounds {' or '.join(ROUNDINGS)}")
        for edge, rescale in _second_roundings(macro):
            if rescale.rounding != "half_up" or not rescale.is_shift:
                raise walk.refusal(edge, "behind a product of two activations the engine shifts, half up, and no more")
        if isinstance(macro, Normalize):
            _require_norm(walk, macro)
        for what, edge, constants in _shared(walk, macro):
            first, expected = shared.setdefault(what, (edge, constants))
            if constants != expected:
                raise walk.refusal(edge, f"{what} differs from that of {first!r}; all layers of an engine share it")


def _first_roundings(macro: Macro) -> Iterator[tuple[str, Rescale, bool]]:
    """Roundings of sums: the edge behind one, and whether it may have a multiplier per row."""
    if isinstance(macro, Multiply):
        yield from _of_sums(macro)
    elif isinstance(macro, Attend):
        yield from ((macro.edge, op, False) for op in (macro.scores, macro.rescale) if op)
    elif isinstance(macro, Normalize):
        if macro.mean:
            yield macro.edge, macro.mean.rescale, False
    elif macro.rescale:
        yield macro.edge, macro.rescale, False


def _of_sums(macro: Multiply) -> Iterator[tuple[str, Rescale, bool]]:
    to = macro.to
    if to.rescale:
        yield to.edge, to.rescale, True
    elif isinstance(to, ToResidual):
        yield to.edge, to.kept, False
    if macro.gate:
        gate = macro.gate[1]
        yield to.edge, gate.rescale, True
        yield from ((to.edge, op, False) for op in (gate.narrowed, gate.opened))


def _second_roundings(macro: Macro) -> Iterator[tuple[str, Rescale]]:
    """Roundings behind a product of two activations."""
    if turn := _turn(macro):
        yield turn[0], turn[1].rescale
    if isinstance(macro, Multiply) and macro.hidden:
        yield macro.to.edge, macro.hidden


def _turn(macro: Macro) -> tuple[str, Turn] | None:
    if isinstance(macro, Multiply) and isinstance(macro.to, ToQueries | ToKeys) and macro.to.turn:
        return macro.to.edge, macro.to.turn
    return None


def _require_norm(walk: Walk, macro: Normalize) -> None:
    norm = macro.norm
    if norm.beta.magnitude:
        raise walk.refusal(macro.edge, "it adds a beta; fold it into the biases of the matrices behind it")
    if norm.gamma.size == 1 and norm.gamma.lo < 1:
        raise walk.refusal(macro.edge, f"its gain is {norm.gamma.lo}; one for all channels is at least 1")


def _shared(walk: Walk, macro: Macro) -> Iterator[tuple[str, str, object]]:
    """Constants of units, with the edge behind them."""
    if isinstance(macro, Normalize):
        norm = macro.norm
        yield "the norm", macro.edge, (constants(norm, "shift", "lo", "hi", "gamma"), macro.mean is None)
        if macro.mean:
            clips = _clips(macro.mean.rescale, walk.tensor(macro.source))
            yield "the mean", macro.edge, constants(macro.mean.rescale, *([] if clips else ["lo", "hi"]))
    elif isinstance(macro, Attend):
        size = walk.tensor(macro.queries).channels // macro.heads
        yield "the number or size of heads", macro.edge, (macro.heads, macro.kv_heads, size)
        yield "the Softmax or Exponential", macro.edge, constants(macro.shares, "rom")
        if macro.divide:
            yield "the division", macro.edge, constants(macro.divide, "lo", "hi")
    elif isinstance(macro, Multiply) and macro.gate:
        gate = macro.gate[1]
        yield "the gate", macro.to.edge, (constants(gate.narrowed), constants(gate.opened), gate.lookup.base)
    elif turn := _turn(macro):
        yield "the rotary positions", turn[0], constants(turn[1].rotary)


def _clips(mean: Rescale, x: Tensor) -> bool:
    """Do the limits of a mean of channels cut anything?"""
    free = replace(mean, lo=-(1 << 61), hi=1 << 61).infer(Tensor((1, 1), x.channels * x.lo, x.channels * x.hi))
    return not mean.lo <= free.lo <= free.hi <= mean.hi


def constants(op: Op, *but: str) -> tuple[object, ...]:
    """The fields of an operator but some, as values that can be compared."""
    values = (getattr(op, one.name) for one in fields(op) if one.name not in but)
    return (op.kind, *(value.digest if isinstance(value, Constant) else value for value in values))
