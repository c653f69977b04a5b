"""VivadoAccelerator: hls4ml 1.3.0 does not spell the integer types of AXI streams as C++."""

from __future__ import annotations

from pathlib import Path

from hls4ml.model.graph import ModelGraph

from hls.projects import backends
from hls.projects.adapters import repair
from hls.projects.adapters.plain import TEMPLATES, prepare

__all__ = ["TEMPLATES", "finish", "prepare"]


def finish(project: Path, model: ModelGraph) -> None:
    """Both streams carry `ap_int<BITS>`, and a test bench prints their values like those of any other project."""
    header = project / "firmware" / f"{model.config.get_project_name()}_axi.h"
    bits = backends.get("VivadoAccelerator").bus_bits
    for name, value in (("T_in", "in"), ("T_out", "out")):
        repair(header, f"typedef int<{bits}> {name};", f"typedef ap_int<{bits}> {name};")
        printed = f'"{{ data: " << {value}.data << ", last: " << {value}.last << " }}" << std::endl'
        repair(header, printed, f"{value}.data")
