"""7-series boards with an oscillator and a serial port: a non-project Vivado build in two steps."""

from __future__ import annotations

from pathlib import Path

from accel.build_plan import BuildPlan, Step
from accel.errors import ToolError
from accel.target import Cells
from boards.flows import dialect, readme, tcl, vivado_reports
from boards.flows.flow import Flow, Job
from boards.flows.vivado_reports import SYNTHESIZED, TIMING, UTILIZATION

BITSTREAM = "board.bit"
BATCH = ("-mode", "batch", "-nojournal", "-nolog", "-source")


def _plan(job: Job) -> BuildPlan:
    """Every name in the scripts was checked by `boards.shell` or is generated here: nothing needs quoting."""
    files = dialect.vivado(job.files)
    memories = sorted(name for name in files if name.endswith(".mem"))
    synthesis = tcl.fill(
        _SYNTHESIS,
        part=job.board.part,
        top=job.top,
        mhz=f"{float(job.clock.mhz):g}",
        sources=tcl.lines("read_verilog -sv", job.sources),
        memories=tcl.lines("read_mem", memories),
    )
    implementation = tcl.fill(OPEN + IMPLEMENTATION, bitstream=BITSTREAM)
    return BuildPlan(
        {
            **files,
            "synthesis.tcl": synthesis,
            "implementation.tcl": implementation,
            "board.xdc": constraints(job),
            "README.md": readme.text(job, BITSTREAM),
        },
        (
            Step("synthesis", "vivado", (*BATCH, "synthesis.tcl"), ("synthesis.dcp", SYNTHESIZED)),
            Step("place-and-route", "vivado", (*BATCH, "implementation.tcl"), (BITSTREAM, TIMING, UTILIZATION)),
        ),
    )


def constraints(job: Job) -> str:
    """XDC: sites, I/O attributes and the oscillator's clock, from which Vivado derives the PLL's output."""
    assert job.pins
    lines = []
    for port, pin in job.pins.ports.items():
        properties = " ".join(f"{key} {value}" for key, value in (("PACKAGE_PIN", pin.site), *pin.attributes))
        lines.append(f"set_property -dict {{{properties}}} [get_ports {port}]")
    period = float(1000 / job.pins.oscillator_mhz)
    outputs = " ".join(port for port in job.pins.ports if port not in {"clk_pin", "reset_pin", "rx_pin"})
    lines += [
        f"create_clock -name oscillator -period {period:.3f} [get_ports clk_pin]",
        "set_false_path -from [get_ports {reset_pin rx_pin}]",
        f"set_false_path -to [get_ports {{{outputs}}}]",
        "set_property CFGBVS VCCO [current_design]",
        "set_property CONFIG_VOLTAGE 3.3 [current_design]",
    ]
    return "\n".join(lines) + "\n"


def synthesized(folder: Path, job: Job) -> Cells:
    """Resources that Vivado's synthesis counts."""
    return vivado_reports.utilization(folder / SYNTHESIZED)


def results(folder: Path, job: Job) -> tuple[float, Cells]:
    """Resources and clock of the routed design. Raises ToolError when timing is missed."""
    return vivado_reports.fmax(folder / TIMING, job), vivado_reports.utilization(folder / UTILIZATION)


def explain(error: ToolError, folder: Path, job: Job) -> ToolError:
    """A missed clock, or the error as it is."""
    return vivado_reports.explain(error, folder / "place-and-route.log", job)


_SYNTHESIS = """\
# Generated. Core clock @{mhz} MHz, made by the PLL of accel_board_clock from the oscillator in board.xdc.
set_part @{part}
@{sources}
@{memories}
read_xdc board.xdc
synth_design -top @{top} -part @{part}
report_utilization -file synthesis.rpt
write_checkpoint -force synthesis.dcp
exit 0
"""
OPEN = """\
# Generated. Places and routes what synthesis.tcl left.
open_checkpoint synthesis.dcp
"""
REPORTS = """\
report_utilization -file utilization.rpt
report_timing_summary -file timing.rpt
foreach kind {max min} {
    set path [get_timing_paths -delay_type $kind -max_paths 1 -nworst 1]
    if {[llength $path] > 0} {
        set slack [get_property SLACK $path]
        puts "worst $kind slack: $slack ns"
        if {$slack < 0} {
            puts "ERROR: timing is missed, worst $kind slack $slack ns; see timing.rpt"
            exit 1
        }
    }
}
"""
IMPLEMENTATION = f"""\
opt_design
place_design
phys_opt_design
route_design
phys_opt_design
write_checkpoint -force board.dcp
report_drc -file drc.rpt
{REPORTS}
write_bitstream -force @{{bitstream}}
exit 0
"""
FLOW = Flow(
    free=False,
    tools=("vivado",),
    bitstream=BITSTREAM,
    plan=_plan,
    synthesized=synthesized,
    results=results,
    explain=explain,
)
