"""Integer graph → hardware: HLS projects, SystemVerilog designs, their simulation and synthesis."""

from __future__ import annotations

from accel.lazy import lazy

MODULES = ("engine", "projects", "rtl", "rtlsim", "simulation", "synthesis")

__all__ = [*MODULES]
__getattr__ = lazy(__name__, {}, MODULES)
