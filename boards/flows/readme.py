"""README.md of a written project: what to run, with which version, and where its figures come from."""

from __future__ import annotations

from boards.flows.flow import Job

_TOOLS = {
    "vivado": "Vivado 2022.1 or newer",
    "zynq": "Vivado 2022.1 or newer",
    "vitis": "Vivado and Vitis 2022.1 or newer with the card's platform, and XRT to run it",
    "quartus": "Quartus Prime Standard or Lite 20.1 or newer",
}
_REPORTS = {
    "vivado": "`utilization.rpt` and `timing.rpt` after routing, `synthesis.rpt` before",
    "zynq": "`utilization.rpt` and `timing.rpt` after routing, `synthesis.rpt` before",
    "vitis": "`utilization.rpt` and `timing.rpt` of the linked design, `synthesis.rpt` of the core alone",
    "quartus": "`accel_board.fit.summary` and `accel_board.sta.summary`, `accel_board.map.rpt` before fitting",
}


def text(job: Job, bitstream: str) -> str:
    """The README of a job's project."""
    flow = job.board.flow
    lines = [
        f"# {job.board.title}",
        "",
        "A project that accel wrote, tested with stand-ins for the vendor's tools, not with the tools themselves.",
        "",
        f"- Needed: {_TOOLS[flow]}.",
        f"- Build: `sh build.sh` in this folder makes `{bitstream}`. It stops at the first error.",
        f"- Device: `{job.board.part}`; core clock: {float(job.clock.mhz):g} MHz. A missed clock ends the build.",
        f"- Figures: {_REPORTS[flow]}.",
    ]
    if job.pins:
        lines.append(f"- Serial port: {job.board.baud:,} baud; {job.board.usb or 'see the board file'}.")
        lines.append("- Load it: `accel board program`, or the vendor's programmer.")
    else:
        into, out = job.beat_bytes
        lines.append(
            f"- AXI4-Stream: {8 * into} bits in, {8 * out} bits out; AXI4-Lite: registers of 32 bits, 64 bytes."
        )
        lines.append("- The folder `driver` has the program for the other side, an example and a README.")
    return "\n".join(lines) + "\n"
