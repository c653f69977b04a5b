"""Generated SystemVerilog as gates: yosys, the cells of a family, and simulation of what it makes."""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {
    "resources": "hls.synthesis.yosys",
    "synthesize": "hls.synthesis.gates",
}

__all__ = [*HOMES]
__getattr__ = lazy(__name__, HOMES)
