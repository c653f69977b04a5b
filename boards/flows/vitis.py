"""Alveo cards: the core as an RTL kernel between two data movers, linked into the card's platform by v++."""

from __future__ import annotations

import re
from pathlib import Path

from accel.build_plan import BuildPlan, Step
from accel.errors import ToolError
from accel.target import Cells
from boards.flows import dialect, readme, tcl, vivado, vivado_reports, zynq
from boards.flows.flow import Flow, Job
from boards.flows.vivado_reports import SYNTHESIZED, TIMING, UTILIZATION

BITSTREAM = "accel.xclbin"
KERNEL = "accel_kernel"
_MOVERS = "accel_movers.cpp"
_SOURCE = Path(__file__).parents[1] / "shell" / "vitis" / _MOVERS
_PORT = re.compile(r"^    (input |output) wire (\[\d+:0\] )?(\w+)", re.MULTILINE)
_RENAMED = {"aclk": "ap_clk", "aresetn": "ap_rst_n"}


def _plan(job: Job) -> BuildPlan:
    top = job.files[f"{job.top}.v"]
    assert isinstance(top, str)
    files = {**job.files, f"{KERNEL}.v": kernel(top, job.top)}
    part = job.board.device
    inner = Job(job.board, files, KERNEL, job.clock, None, job.seed)
    package = zynq.package(inner, part, [f"{job.top}.v"], _KERNEL) + tcl.fill(_PACKAGED, kernel=KERNEL)
    movers = (
        _SOURCE.read_text(encoding="utf-8")
        .replace("IN_BYTES", str(job.beat_bytes[0]))
        .replace("OUT_BYTES", str(job.beat_bytes[1]))
    )
    return BuildPlan(
        {
            **dialect.vivado(files),
            **job.programs,
            _MOVERS: movers,
            "synthesis.tcl": package,
            "link.cfg": _link(job),
            "README.md": readme.text(job, BITSTREAM),
            "reports.tcl": _REPORTS,
        },
        (
            Step("synthesis", "vivado", (*vivado.BATCH, "synthesis.tcl"), (f"{KERNEL}.xo", SYNTHESIZED)),
            *(_mover(job, name) for name in ("accel_send", "accel_receive")),
            Step("place-and-route", "v++", _linked(job), (BITSTREAM,)),
            Step("reports", "vivado", (*vivado.BATCH, "reports.tcl"), (TIMING, UTILIZATION)),
        ),
    )


def kernel(text: str, top: str) -> str:
    """A module around `top` with the names that Vitis knows; `text` is the source of `top`."""
    ports = _PORT.findall(text)
    names = {port: _RENAMED.get(port, port.replace("s_axi_", "s_axi_control_")) for _, _, port in ports}
    declared = ",\n".join(f"    {way} wire {width}{names[port]}" for way, width, port in ports)
    connected = ",\n".join(f"        .{port}({name})" for port, name in names.items())
    return f"// Generated.\nmodule {KERNEL} (\n{declared}\n);\n    {top} u_core (\n{connected}\n    );\nendmodule\n"


def _mover(job: Job, name: str) -> Step:
    args = ("-c", "-t", "hw", "--platform", job.board.part, "-k", name, _MOVERS, "-o", f"{name}.xo")
    return Step(name, "v++", args, (f"{name}.xo",))


def _linked(job: Job) -> tuple[str, ...]:
    kernels = (f"{KERNEL}.xo", "accel_send.xo", "accel_receive.xo")
    folders = ("--temp_dir", "link", "--save-temps")
    return ("-l", "-t", "hw", "--platform", job.board.part, "--config", "link.cfg", *folders, *kernels, "-o", BITSTREAM)


def _link(job: Job) -> str:
    return tcl.fill(_CONFIG, kernel=KERNEL, hz=int(job.clock.mhz * 1_000_000))


def _synthesized(folder: Path, job: Job) -> Cells:
    """Resources of the core alone."""
    return vivado_reports.utilization(folder / SYNTHESIZED)


def _explain(error: ToolError, folder: Path, job: Job) -> ToolError:
    return vivado_reports.explain(error, folder / "reports.log", job)


_CONFIG = """\
# Generated. memory -> accel_send -> core -> accel_receive -> memory
[connectivity]
nk=@{kernel}:1:core
nk=accel_send:1:send
nk=accel_receive:1:receive
stream_connect=send.out:core.s_axis
stream_connect=core.m_axis:receive.in
sp=send.memory:HBM[0]
sp=receive.memory:HBM[0]

[clock]
freqHz=@{hz}:core.ap_clk
freqHz=@{hz}:send.ap_clk
freqHz=@{hz}:receive.ap_clk
"""
_KERNEL = """\
set_property sdx_kernel true $core
set_property sdx_kernel_type rtl $core
set_property ipi_drc {ignore_freq_hz true} $core
set_property vitis_drc {ctrl_protocol user_managed} $core
ipx::infer_bus_interface ap_clk xilinx.com:signal:clock_rtl:1.0 $core
ipx::infer_bus_interface ap_rst_n xilinx.com:signal:reset_rtl:1.0 $core
foreach port {s_axis m_axis s_axi_control} { ipx::associate_bus_interfaces -busif $port -clock ap_clk $core }
ipx::associate_bus_interfaces -clock ap_clk -reset ap_rst_n $core"""
_PACKAGED = """\
package_xo -force -xo_path @{kernel}.xo -kernel_name @{kernel} -ip_directory ip -ctrl_protocol user_managed

synth_design -top @{kernel} -part $part -mode out_of_context
report_utilization -file synthesis.rpt
exit 0
"""
_REPORTS = (
    """\
# Generated. What v++ has routed.
open_checkpoint [lindex [glob link/link/vivado/vpl/prj/prj.runs/impl_1/*_routed.dcp] 0]
"""
    + vivado.REPORTS
    + "exit 0\n"
)
FLOW = Flow(
    free=False,
    tools=("vivado", "v++"),
    bitstream=BITSTREAM,
    plan=_plan,
    synthesized=_synthesized,
    results=vivado.results,
    explain=_explain,
)
