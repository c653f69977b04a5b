"""Generated SystemVerilog as cycle-accurate software: Verilator, its harness, and why a design hangs."""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {
    "Simulation": "hls.simulation.simulate",
    "run": "hls.simulation.simulate",
}

__all__ = [*HOMES]
__getattr__ = lazy(__name__, HOMES)
