"""How far the integers of an edge are at most from the real numbers that they stand for, in steps of the edge.

What the import rounds on its way from one quantizer of the file to the next is known when it is rounded; what later
operators make of it follows from their constants and ranges. A quantizer gives integers of the file: there it ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from accel.op import Op
from accel.ops.add.op import Add
from accel.ops.dense.op import Dense
from accel.ops.matmul.op import MatMul
from accel.ops.mul.op import Mul
from accel.ops.pool.op import Pool
from accel.ops.position.op import Position
from accel.ops.rescale.op import Rescale
from accel.ops.rotary.op import Rotary
from accel.ops.window.op import Window
from accel.tensor import Tensor

LIMIT = 0.96
"""Steps by which a number may be off in front of a quantizer: its integer is then one step off at most."""


class Imprecise(Exception):
    """A quantizer would be more than LIMIT steps off: the import starts again with more precision."""


def passed(op: Op, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
    """The largest error of an operator's output whose inputs have these errors, all in steps of their own edges."""
    if not any(errors):
        return 0.0
    first, last = errors[0], errors[-1]
    match op:
        case Dense():
            return first * float(np.abs(op.weight).sum(1).max())
        case Add():
            return float(sum(abs(float(m)) * e for m, e in zip(op.multipliers, errors, strict=True)))
        case Mul():
            return inputs[0].magnitude * last + inputs[1].magnitude * first + first * last
        case MatMul():
            terms = inputs[0].channels // op.heads
            return terms * (inputs[0].magnitude * last + inputs[1].magnitude * first + first * last)
        case Rescale():
            return first * float(op.multiplier.max()) / 2.0**op.shift
        case Position():
            return first * op.multiplier
        case Pool():
            return first * inputs[0].tokens
        case Rotary():
            return first * float((np.abs(op.cos) + np.abs(op.sin)).max())
        case Window():
            return first
    return 0.0  # a table, a norm, a softmax: what a quantizer of the file has made
