"""Divide: what the HLS back end needs; the arithmetic is in accel_divide.h."""

from __future__ import annotations

from pathlib import Path

from accel.fold import LaneFold
from accel.kernel import Kernel, serial_steps, symmetric
from accel.numeric import bits
from accel.ops.divide.op import Divide
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_divide.h")


def kernel(op: Divide, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold) -> Kernel:
    """Unrolled and with a head in one beat it is one pipeline."""
    a, b = inputs
    lanes, step_bits = fold.lanes, fold.unrolled or 1
    beats = a.channels // b.channels // lanes
    inverse_bits = op.inverse_peak.bit_length()
    steps = serial_steps(inverse_bits, step_bits, 1)
    pipelined = bool(fold.unrolled) and beats == 1
    return Kernel(
        "accel_divide_pipelined" if pipelined else "accel_divide",
        HEADER,
        (lanes, 1),
        lanes,
        {
            "rows": b.size,
            "beats": beats,
            "lanes": lanes,
            "kept": op.kept,
            "below": max(0, b.width - op.kept) if op.kept else 0,
            "power": op.numerator_bits,
            "least": op.least,
            "significant": op.significant,
            "most": op.spare,
            "shift": op.shifts[1],
            "lo": op.lo,
            "hi": op.hi,
            "inverse_bits": inverse_bits,
            "step_bits": step_bits,
            "steps": steps,
        },
        {
            "inverse": bits(0, op.inverse_peak),
            "rest": bits(0, 2 * max(b.hi, 1 << op.least)),
            "product": symmetric(max(op.peak(a, b), op.hi, -op.lo)),
        },
        reuse=b.channels * (1 if pipelined else max(beats, steps)),
    )
