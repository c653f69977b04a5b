"""The decode engine in SystemVerilog: a program as a design, and its simulation."""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {
    "design": "hls.engine.emit",
    "run": "hls.engine.simulate",
}

__all__ = [*HOMES]
__getattr__ = lazy(__name__, HOMES)
