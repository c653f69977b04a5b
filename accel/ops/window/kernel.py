"""Window: what the HLS back end needs; the arithmetic is in accel_window.h."""

from __future__ import annotations

from pathlib import Path

from accel.graph import Tensor
from accel.kernel import Kernel, Table
from accel.ops.window.op import Window

HEADER = Path(__file__).with_name("accel_window.h")


def kernel(op: Window, inputs: tuple[Tensor, ...], output: Tensor) -> Kernel:
    """A window that stays within the sequence has no table."""
    (x,) = inputs
    start, stop = op.span(x)
    constants = op.constants(x)
    sizes = {"tokens": x.tokens, "channels": x.channels, "first": op.first, "start": start, "stop": stop}
    return Kernel(
        "accel_window",
        HEADER,
        sizes | {"outputs": output.tokens, "constants": len(constants)},
        tables={"fill": Table(constants)} if constants.size else {},
    )
