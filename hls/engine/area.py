"""Area of a decode engine by the cost model: its units, and what is between them."""

from __future__ import annotations

from accel import cost
from accel.engine.isa import EngineProgram
from accel.target import Cells
from hls.engine import emit


def estimate(program: EngineProgram, target: str, *, logits: bool = False, dsp: int | None = None) -> dict[str, Cells]:
    """Cells of the units of a program's design on a target of `accel.target`, by their names.

    `logits` and `dsp` are those of `emit.design`.
    """
    parts = emit.parts(program, logits=logits, dsp=dsp)
    return {name: cost.estimate(module, target) for name, module in parts.items()}
