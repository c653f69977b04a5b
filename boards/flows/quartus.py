"""Cyclone V: Quartus, from a project of three files (.qpf, .qsf, .sdc) and two scripts."""

from __future__ import annotations

import re
from pathlib import Path

from accel.build_plan import BuildPlan, Step
from accel.errors import ToolError
from accel.target import Cells
from boards.flows import dialect, readme, tcl
from boards.flows.flow import Flow, Job

PROJECT = "accel_board"
BITSTREAM = f"{PROJECT}.sof"
_MAPPED, _FITTED, _TIMED = f"{PROJECT}.map.rpt", f"{PROJECT}.fit.summary", f"{PROJECT}.sta.summary"
_BLOCK_BITS = 10240
_SLACK = re.compile(r"Type\s*:\s*(?P<type>[^\n]*(?:Setup|Hold)[^\n]*)\nSlack\s*:\s*(?P<slack>-?[\d.]+)")


def _plan(job: Job) -> BuildPlan:
    files = {
        **dialect.quartus(job.files),
        "README.md": readme.text(job, BITSTREAM),
        f"{PROJECT}.qpf": f'PROJECT_REVISION = "{PROJECT}"\n',
        f"{PROJECT}.qsf": settings(job),
        f"{PROJECT}.sdc": constraints(job),
        "synthesis.tcl": tcl.fill(_SCRIPT, project=PROJECT, work="execute_module -tool map"),
        "implementation.tcl": tcl.fill(_SCRIPT, project=PROJECT, work=_IMPLEMENTATION),
    }
    return BuildPlan(
        files,
        (
            Step("synthesis", "quartus_sh", ("-t", "synthesis.tcl"), (_MAPPED,)),
            Step("place-and-route", "quartus_sh", ("-t", "implementation.tcl"), (BITSTREAM, _FITTED, _TIMED)),
        ),
    )


def settings(job: Job) -> str:
    """QSF: the device, every source, every pin."""
    assert job.pins
    lines = [
        'set_global_assignment -name FAMILY "Cyclone V"',
        f"set_global_assignment -name DEVICE {job.board.part}",
        f"set_global_assignment -name TOP_LEVEL_ENTITY {job.top}",
        f"set_global_assignment -name SEED {job.seed}",
        "set_global_assignment -name NUM_PARALLEL_PROCESSORS ALL",
        *(f"set_global_assignment -name SYSTEMVERILOG_FILE {name}" for name in job.sources),
        f"set_global_assignment -name SDC_FILE {PROJECT}.sdc",
    ]
    for port, pin in job.pins.ports.items():
        lines.append(f"set_location_assignment PIN_{pin.site} -to {port}")
        lines += [f'set_instance_assignment -name {key.upper()} "{value}" -to {port}' for key, value in pin.attributes]
    return "\n".join(lines) + "\n"


def constraints(job: Job) -> str:
    """SDC: the oscillator's clock, from which Quartus derives the PLL's output."""
    assert job.pins
    period = float(1000 / job.pins.oscillator_mhz)
    outputs = " ".join(port for port in job.pins.ports if port not in {"clk_pin", "reset_pin", "rx_pin"})
    return f"""\
create_clock -name oscillator -period {period:.3f} [get_ports clk_pin]
derive_pll_clocks
derive_clock_uncertainty
set_false_path -from [get_ports {{reset_pin rx_pin}}]
set_false_path -to [get_ports {{{outputs}}}]
"""


def _synthesized(folder: Path, job: Job) -> Cells:
    """Before fitting, only the bits of memories are known: the least number of blocks."""
    text = _read(folder / _MAPPED)
    bits = _number(text, r"; Total block memory bits\s*; ([\d,]+)", _MAPPED, missing=0)
    return Cells(
        lut=_number(text, r"; Combinational ALUT usage for logic\s*; ([\d,]+)", _MAPPED),
        ff=_number(text, r"; Dedicated logic registers\s*; ([\d,]+)", _MAPPED),
        bram=-(-bits // _BLOCK_BITS),
        dsp=_number(text, r"; Total DSP Blocks\s*; ([\d,]+)", _MAPPED, missing=0),
    )


def _results(folder: Path, job: Job) -> tuple[float, Cells]:
    text = _read(folder / _FITTED)
    used = Cells(
        lut=2 * _number(text, r"Logic utilization \(in ALMs\) : ([\d,]+)", _FITTED),  # an ALM holds two ALUTs
        ff=_number(text, r"Total registers : ([\d,]+)", _FITTED),
        bram=_number(text, r"Total RAM Blocks : ([\d,]+)", _FITTED),
        dsp=_number(text, r"Total DSP Blocks : ([\d,]+)", _FITTED),
    )
    return _fmax(folder / _TIMED, job), used


def _fmax(path: Path, job: Job) -> float:
    """MHz at the slowest corner. Raises ToolError when any corner misses timing or nothing was constrained."""
    slacks = [(found["type"], float(found["slack"])) for found in _SLACK.finditer(_read(path))]
    setup = [slack for kind, slack in slacks if "Setup" in kind]
    if not setup:
        raise ToolError(f"{path.name} of Quartus has no setup analysis: nothing was constrained")
    worst, period = min(slack for _, slack in slacks), 1000 / float(job.clock.mhz)
    if worst < 0:
        reached = 1000 / (period - worst)
        raise ToolError(
            f"the design misses timing: {reached:.1f} MHz reached, {float(job.clock.mhz):g} MHz wanted; "
            f"choose a core clock of at most {int(reached)} MHz (--clock) or another --seed"
        )
    return 1000 / (period - min(setup))


def _number(text: str, pattern: str, report: str, missing: int | None = None) -> int:
    found = re.search(pattern, text)
    if found:
        return int(found[1].replace(",", ""))
    if missing is None:
        raise ToolError(f"{report} of Quartus has no line like {pattern!r}: another version writes another report")
    return missing


def _read(path: Path) -> str:
    return path.read_text(errors="replace", encoding="utf-8")


_SCRIPT = """\
# Generated.
load_package flow
project_open @{project}
@{work}
project_close
"""
_IMPLEMENTATION = """\
execute_module -tool fit
execute_module -tool asm
execute_module -tool sta"""
FLOW = Flow(
    free=False,
    tools=("quartus_sh",),
    bitstream=BITSTREAM,
    plan=_plan,
    synthesized=_synthesized,
    results=_results,
    explain=lambda error, folder, job: error,
)
