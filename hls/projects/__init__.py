"""HLS projects: from a graph and its schedule through hls4ml to C++ for a vendor's tool."""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {
    "Project": "hls.projects.project",
    "load": "hls.projects.project",
    "write": "hls.projects.project",
    "Built": "hls.projects.vendor",
    "build": "hls.projects.vendor",
}

__all__ = [*HOMES]
__getattr__ = lazy(__name__, HOMES)
