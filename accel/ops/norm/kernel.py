"""Norm: what the HLS back end needs; the arithmetic is in accel_norm.h."""

from __future__ import annotations

from pathlib import Path

from accel.graph import Tensor
from accel.kernel import Kernel, Precision, Table, symmetric
from accel.numeric import bits
from accel.op import frozen
from accel.ops.norm.op import Norm

HEADER = Path(__file__).with_name("accel_norm.h")


def kernel(op: Norm, inputs: tuple[Tensor, ...], output: Tensor) -> Kernel:
    (x,) = inputs
    radicand = max(1, op.variance_peak(x)) << (2 * op.guard)
    root_bits = -(-radicand.bit_length() // 2)
    return Kernel(
        "accel_norm",
        HEADER,
        {
            "tokens": x.tokens,
            "channels": x.channels,
            "centred": int(op.form == "layer"),
            "offset": op.offset,
            "guard": op.guard,
            "power": op.numerator_bits,
            "shift": op.shift,
            "lo": op.lo,
            "hi": op.hi,
            "root_bits": root_bits,
            "inverse_bits": op.inverse_peak().bit_length(),
            "gammas": len(op.gamma),
            "betas": len(op.beta),
        },
        _types(op, x, root_bits),
        {"gamma": Table(frozen(op.gamma)), "beta": Table(frozen(op.beta))},
    )


def _types(op: Norm, x: Tensor, root_bits: int) -> dict[str, Precision]:
    divisor = max(1 << root_bits, 1 << op.guard)
    total = op.sum_peak(x)
    return {
        "total": bits(x.channels * x.lo, x.channels * x.hi),
        "radicand": (2 * root_bits, False),
        "root": bits(0, divisor),
        "root_rest": (root_bits + 2, False),
        "inverse": bits(0, op.inverse_peak()),
        "inverse_rest": bits(0, 2 * divisor),
        "deviation": (op.centred_bits(x), True),
        "product": symmetric(op.product_peak(x)),
        "sum": bits(min(-total, op.lo), max(total, op.hi)),
    }
