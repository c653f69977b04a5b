"""Norm: what the HLS back end needs; the arithmetic is in accel_norm.h."""

from __future__ import annotations

from pathlib import Path

from accel.fold import LaneFold
from accel.kernel import Kernel, Precision, Table, serial_steps, symmetric
from accel.numeric import bits
from accel.ops.norm.op import Norm
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_norm.h")
HEADER_L2 = Path(__file__).with_name("accel_norm_l2.h")


def kernel(op: Norm, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold) -> Kernel:
    """Unrolled and with a row in one beat it is one pipeline. Rows follow each other as tokens do."""
    x = op.rows(*inputs)
    lanes, step_bits = fold.lanes, fold.unrolled or 1
    beats = x.channels // lanes
    root_bits = op.root_bits
    if op.form != "l2":
        radicand = max(1, op.variance_peak(x)) << (2 * op.guard)
        root_bits = -(-radicand.bit_length() // 2)
    inverse_bits = op.inverse_peak().bit_length()
    steps = {
        "root_steps": serial_steps(root_bits, step_bits, beats),
        "inverse_steps": serial_steps(inverse_bits, step_bits, beats),
    }
    pipelined = bool(fold.unrolled) and beats == 1
    ending, reuse = "_pipelined" if pipelined else "", 1 if pipelined else max(steps.values())
    constants = {
        "tokens": x.tokens,
        "beats": beats,
        "lanes": lanes,
        "centred": int(op.form == "layer"),
        "offset": op.offset,
        "guard": op.least,
        "power": op.numerator_bits,
        "shift": op.shift,
        "lo": op.lo,
        "hi": op.hi,
        "root_bits": root_bits,
        "inverse_bits": inverse_bits,
        "step_bits": step_bits,
        **steps,
        "gammas": len(op.gamma),
        "gamma_lanes": min(lanes, len(op.gamma)),
    }
    tables = {"gamma": Table(op.gamma.wide())}
    types = _types(op, x, root_bits)
    if op.form == "l2":
        lo, hi = op.exponents(x)
        constants |= {"shift": op.shift + lo, "places": hi - lo, "mantissa_bits": op.guard, "fraction": op.fraction}
        types |= {"square": bits(0, op.variance_peak(x)), "place": bits(0, hi - lo)}
        types["wide"] = (max(types["square"][0] + 2 * op.guard, 2 * root_bits), False)
        return Kernel(f"accel_norm_l2{ending}", HEADER_L2, (lanes,), lanes, constants, types, tables, reuse=reuse)
    constants |= {"betas": len(op.beta), "beta_lanes": min(lanes, len(op.beta))}
    tables["beta"] = Table(op.beta.wide())
    return Kernel(f"accel_norm{ending}", HEADER, (lanes,), lanes, constants, types, tables, reuse=reuse)


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
