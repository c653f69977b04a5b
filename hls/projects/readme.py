"""README.md of an HLS project: what to run in which version, and where its figures come from."""

from __future__ import annotations

from accel.graph import Graph
from hls.projects.backends import Backend

_RUN = {
    "vitis": "`vitis-run --mode hls --tcl build_prj.tcl` (Vitis 2023.1 and newer), or `vitis_hls -f build_prj.tcl`",
    "vivado": "`vivado_hls -f build_prj.tcl`; 2020.1 is its last version: take back end Vitis for newer devices",
    "vivado-accelerator": "`vivado_hls -f build_prj.tcl`, then `vivado -mode batch -source design.tcl`, both of 2020.1",
    "quartus": "`make` with the Intel HLS compiler `i++` (Quartus Prime Pro 19.2 to 23.4)",
    "catapult": "`catapult -shell -f build_prj.tcl`",
    "oneapi": "`cmake` and `make report` with `icpx` of the Intel oneAPI Base Toolkit and its FPGA add-on",
    "libero": "`shls` of Microchip SmartHLS",
}
"""Builder of a back end → how it is run by hand."""


def text(graph: Graph, backend: Backend, port: str, part: str, io_type: str, period_ns: float) -> str:
    """The README of a project whose output is called `port`."""
    into, out = graph.input, graph.output_tensor
    return f"""\
# {graph.name if graph.name.isprintable() else "network"}

An HLS project that accel wrote for {backend.name} ({io_type}, {part}, {period_ns:g} ns).

- Run it with `accel build FOLDER`, or by hand with {_RUN[backend.builder]}.
- Top function `accel_model`. Port `x` carries integers of {into.width} bits, {into.tokens} x {into.channels} a sample.
  Port `{port}` carries integers of {out.width} bits, {out.tokens} x {out.channels}. Scales are in `graph.accel`.
- `tb_data` has one sample and the integers that the network computes for it. `accel build` writes more.
- `schedule.json` says how every layer is folded. Edit it, then `accel lower --schedule schedule.json`.
- Figures: `accel simulate FOLDER` compares the C++ with the reference; latency and area are in the tool's own reports,
  which `accel build` reads into `build.json`.
"""
