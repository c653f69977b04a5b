"""The vendors' tools: how each is run on a project, and where it leaves its reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from accel import tools
from accel.build_plan import Step
from accel.errors import UserError
from hls.projects.project import TOP, Project
from hls.projects.reports import Read, Span, ToolReport, catapult, intel, microchip, xilinx

_SOLUTION = Path(f"{TOP}_prj")


@dataclass(frozen=True)
class BuildOrder:
    """A project and what is wanted: co-simulation of `samples` (0: none), `export` of the IP or a bitstream."""

    project: Project
    samples: int = 0
    export: bool = False

    @property
    def top(self) -> str:
        """The function that is synthesized."""
        return TOP + self.project.backend.wrapper


@dataclass(frozen=True)
class VendorFlow:
    """One vendor's tool.

    It takes projects of `backend` and is started by the first of `programs` that is installed; `needs` are tools that
    its steps run themselves. `steps` and `files` make the plan, `read` reads the reports. `results` is the file in
    which a co-simulation leaves the outputs of the RTL, exact up to `printed` (0: always), `measured` reads the
    latency and interval that it saw; `refused` says why there is no co-simulation whose outputs can be compared.
    """

    backend: str
    programs: tuple[str, ...]
    steps: Callable[[BuildOrder, str], tuple[Step, ...]]
    files: Callable[[BuildOrder, dict[str, str]], dict[str, str]]
    read: Callable[[BuildOrder, Path, Read], ToolReport]
    measured: Callable[[BuildOrder, Read], tuple[Span, Span]] | None = None
    results: str = ""
    printed: int = 0
    refused: str = ""
    needs: tuple[str, ...] = ()


def choose(project: Project, tool: str | None = None) -> tuple[str, VendorFlow]:
    """The builder of a name, or the project's own. Raises UserError when it does not take this project."""
    own = project.backend
    name = tool or own.builder
    if name not in BUILDERS:
        raise UserError(f"no tool {name!r}; there are {', '.join(BUILDERS)}")
    if BUILDERS[name].backend != own.name:
        raise UserError(
            f"{project.folder} is written for {own.name}: build it with {own.builder}, or write a project for "
            f"{BUILDERS[name].backend} to build it with {name}"
        )
    return name, BUILDERS[name]


def program(builder: VendorFlow) -> str:
    """The first of its programs that is installed; without any, the first."""
    return next((program for program in builder.programs if tools.present(program)), builder.programs[0])


def _switches(job: BuildOrder) -> dict[str, int]:
    """Switches of hls4ml's Tcl scripts. C simulation and comparison are accel's own."""
    given = {"reset": 1, "csim": 0, "synth": 1, "cosim": int(job.samples > 0), "validation": 0}
    return given | {"export": int(job.export), "vsynth": 0, "fifo_opt": 0}


def _no_files(job: BuildOrder, files: dict[str, str]) -> dict[str, str]:
    return {}


def _vitis_files(job: BuildOrder, files: dict[str, str]) -> dict[str, str]:
    switches = "".join(f"    {name} {value}\n" for name, value in _switches(job).items())
    return {"build_opt.tcl": f"array set opt {{\n{switches}}}\n"}


def _vitis_steps(job: BuildOrder, program: str) -> tuple[Step, ...]:
    flags = ("--mode", "hls", "--tcl") if program == "vitis-run" else ("-f",)
    return (Step("hls", program, (*flags, "build_prj.tcl"), (str(_SOLUTION),)),)


def _vivado_steps(job: BuildOrder, program: str) -> tuple[Step, ...]:
    switches = " ".join(f"{name}={value}" for name, value in _switches(job).items())
    return (Step("hls", program, ("-f", "build_prj.tcl", switches), (str(_SOLUTION),)),)


def _board_steps(job: BuildOrder, program: str) -> tuple[Step, ...]:
    """Steps of a board project: after the export, Vivado joins the IP to a DMA and makes a bitstream."""
    system = f"{TOP}_vivado_accelerator"
    bitstream = f"{system}/project_1.runs/impl_1/design_1_wrapper.bit"
    args = ("-mode", "batch", "-nojournal", "-nolog", "-source", "design.tcl")
    made = Step("bitstream", "vivado", args, (bitstream, "util.rpt"))
    return (*_vivado_steps(job, program), *((made,) if job.export else ()))


def _xilinx_report(job: BuildOrder, folder: Path, read: Read) -> ToolReport:
    return xilinx.synthesis(read, folder, _SOLUTION / "solution1" / "syn" / "report", job.top)


def _xilinx_cycles(job: BuildOrder, read: Read) -> tuple[Span, Span]:
    return xilinx.cosimulation(read, _SOLUTION / "solution1" / "sim" / "report" / f"{job.top}_cosim.rpt")


def _quartus_steps(job: BuildOrder, program: str) -> tuple[Step, ...]:
    """Running what i++ makes is the simulation of the RTL."""
    made = f"{TOP}-fpga"
    family = job.project.setting("Part")
    args = (f"-march={family}", f"--clock={job.project.setting('ClockPeriod')}ns", *_QUARTUS_SOURCES, "-o", made)
    extra = ("--quartus-compile",) if job.export else ()
    steps = (Step("hls", program, (*args, *extra), (f"{made}.prj", made)),)
    return (*steps, *((Step("cosim", f"./{made}", (), ()),) if job.samples else ()))


_QUARTUS_SOURCES = (f"{TOP}_test.cpp", f"firmware/{TOP}.cpp")
_QUARTUS_REPORTS = Path(f"{TOP}-fpga.prj") / "reports"


def _catapult_steps(job: BuildOrder, program: str) -> tuple[Step, ...]:
    switches = " ".join(f"{name}={value}" for name, value in (_switches(job) | {"reset": 0}).items())
    args = ("-product", "ultra", "-shell", "-f", "build_prj.tcl", "-eval", f'set ::argv "{switches}"')
    return (Step("hls", program, args, (str(_SOLUTION),)),)


def _oneapi_steps(job: BuildOrder, program: str) -> tuple[Step, ...]:
    targets = ["report", *(["fpga_sim"] if job.samples else []), *(["fpga"] if job.export else [])]
    made = [Step("configure", "cmake", ("-S", ".", "-B", "build"), ("build",))]
    made += [Step(target, "cmake", ("--build", "build", "--target", target), ()) for target in targets]
    return (*made, *((Step("cosim", f"./build/{TOP}.fpga_sim", (), ()),) if job.samples else ()))


_ONEAPI_REPORTS = Path("build") / f"{TOP}.report.prj" / "reports" / "resources" / "json"


def _libero_steps(job: BuildOrder, program: str) -> tuple[Step, ...]:
    commands = ("sw_compile", "hw", "rtl_synth", *(("fpga",) if job.export else ()))
    return tuple(Step(name, program, ("-s", name), ("hls_output",) if name == "hw" else ()) for name in commands)


_LIBERO_REPORT = Path("hls_output") / "reports" / "summary.results.rpt"
_SIX_DIGITS = 999_999  # of a `float` that a C++ stream prints
_RTL_RESULTS = "tb_data/rtl_cosim_results.log"

BUILDERS: dict[str, VendorFlow] = {
    "vitis": VendorFlow(
        "Vitis",
        ("vitis-run", "vitis_hls"),
        _vitis_steps,
        _vitis_files,
        _xilinx_report,
        _xilinx_cycles,
        _RTL_RESULTS,
    ),
    "vivado": VendorFlow(
        "Vivado", ("vivado_hls",), _vivado_steps, _no_files, _xilinx_report, _xilinx_cycles, _RTL_RESULTS
    ),
    "vivado-accelerator": VendorFlow(
        "VivadoAccelerator", ("vivado_hls",), _board_steps, _no_files, _xilinx_report, _xilinx_cycles, _RTL_RESULTS
    ),
    "quartus": VendorFlow(
        "Quartus",
        ("i++",),
        _quartus_steps,
        _no_files,
        lambda job, folder, read: intel.hls(read, _QUARTUS_REPORTS),
        lambda job, read: intel.simulation(read, _QUARTUS_REPORTS),
        "tb_data/results.log",
        printed=_SIX_DIGITS,
    ),
    "catapult": VendorFlow(
        "Catapult",
        ("catapult",),
        _catapult_steps,
        _no_files,
        lambda job, folder, read: catapult.synthesis(read, _SOLUTION / f"{TOP}.v1" / "rtl.rpt"),
        refused="Catapult's SCVerify gives its test bench the outputs of the C++, not those of the RTL",
    ),
    "oneapi": VendorFlow(
        "oneAPI",
        ("icpx",),
        _oneapi_steps,
        _no_files,
        lambda job, folder, read: intel.oneapi(read, _ONEAPI_REPORTS),
        results="tb_data/results.log",
        printed=_SIX_DIGITS,
        needs=("icpx",),
    ),
    "libero": VendorFlow(
        "Libero",
        ("shls",),
        _libero_steps,
        _no_files,
        lambda job, folder, read: microchip.results(read, _LIBERO_REPORT, job.export),
        refused="SmartHLS compares its RTL with the C++ itself and gives nobody the outputs",
    ),
}
