"""Lookup in hardware: one ROM per lane, a stage behind whatever produces its input."""

from __future__ import annotations

from accel.fold import LaneFold
from accel.hardware import Module, Rom, Stage
from accel.ops.lookup.op import Lookup
from accel.target import Target
from accel.tensor import Tensor


def stages(op: Lookup, inputs: tuple[Tensor, ...], output: Tensor, fold: LaneFold, target: Target) -> tuple[Stage, ...]:
    """Latency 3. Only the entries that the input's range reaches are stored."""
    (x,), lanes = inputs, fold.lanes
    reachable = op.table[x.lo - op.base : x.hi - op.base + 1]
    table = Rom.of(reachable.reshape(-1, 1), output.width)
    module = Module(
        "accel_lookup",
        {
            "LANES": lanes, "XW": x.width, "X_SIGNED": int(x.signed), "BASE": x.lo, "DEPTH": len(reachable),
            "YW": output.width, "BLOCK": int(table.is_deep(target)),
        },
        {"TABLE_FILE": table},
    )  # fmt: skip
    return (Stage(module, lanes, output.width, 3),)
