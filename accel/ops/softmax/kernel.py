"""Softmax: what the HLS back end needs; the arithmetic is in accel_softmax.h."""

from __future__ import annotations

from pathlib import Path

from accel.graph import Tensor
from accel.kernel import Kernel, Table, symmetric
from accel.numeric import bits
from accel.ops.softmax.op import Softmax

HEADER = Path(__file__).with_name("accel_softmax.h")


def kernel(op: Softmax, inputs: tuple[Tensor, ...], output: Tensor) -> Kernel:
    (x,) = inputs
    reach = x.hi - x.lo
    rom = op.rom[: reach + 1]
    largest_sum = op.row * int(rom[0])
    largest_inverse = (1 << op.numerator_bits) // int(rom[0])  # one key alone: the smallest sum
    return Kernel(
        "accel_softmax",
        HEADER,
        {
            "tokens": x.tokens,
            "heads": x.channels // op.row,
            "row": op.row,
            "entries": len(rom),
            "causal": op.causal,
            "power": op.numerator_bits,
            "out_bits": op.out_bits,
            "inverse_bits": largest_inverse.bit_length(),
            "hi": output.hi,
        },
        {
            "distance": bits(0, reach),
            "sum": bits(0, largest_sum),
            "rest": bits(0, 2 * largest_sum),
            "inverse": bits(0, largest_inverse),
            "product": symmetric((1 << op.numerator_bits) + (1 << (op.shift - 1))),
        },
        {"rom": Table(rom)},
    )
