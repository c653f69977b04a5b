"""Softmax: what the HLS back end needs; the arithmetic is in accel_softmax.h."""

from __future__ import annotations

from pathlib import Path

from accel.fold import LaneFold
from accel.kernel import Kernel, serial_steps, symmetric
from accel.numeric import bits
from accel.ops.exponential.kernel import constants, table
from accel.ops.softmax.op import Softmax
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_softmax.h")


def kernel(op: Softmax, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold) -> Kernel:
    """Unrolled and with a row in one beat it is one pipeline. Heads work side by side, or take turns."""
    (x,) = inputs
    lanes, step_bits, side = fold.lanes, fold.unrolled or 1, fold.heads
    beats, turns, width = op.row // lanes, x.channels // (op.row * side), side * lanes
    reach = x.hi - x.lo
    largest_sum = op.row * int(op.rom[0])
    largest_inverse = (1 << op.numerator_bits) // int(op.rom[0])  # one key alone: the smallest sum
    inverse_bits = largest_inverse.bit_length()
    steps = serial_steps(inverse_bits, step_bits, beats)
    pipelined = bool(fold.unrolled) and beats == 1
    return Kernel(
        "accel_softmax_pipelined" if pipelined else "accel_softmax",
        HEADER,
        (width,),
        width,
        constants(op, x, lanes, side)
        | {
            "power": op.numerator_bits,
            "out_bits": op.out_bits,
            "inverse_bits": inverse_bits,
            "step_bits": step_bits,
            "steps": steps,
            "hi": output.hi,
        },
        {
            "distance": bits(0, reach),
            "sum": bits(0, largest_sum),
            "rest": bits(0, 2 * largest_sum),
            "inverse": bits(0, largest_inverse),
            "product": symmetric((1 << op.numerator_bits) + (1 << (op.shift - 1))),
        },
        {"rom": table(op, x, width)},
        reuse=turns * (1 if pipelined else steps),
    )
