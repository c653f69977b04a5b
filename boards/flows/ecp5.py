"""ECP5: yosys → nextpnr-ecp5 → ecppack, all from PyPI."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from accel.errors import ToolError
from boards.board import Resources
from boards.clocking import Clock
from boards.flows.plan import BuildPlan, Step
from boards.pins import Pinout

BITSTREAM = "board.bit"
_REPORT = "nextpnr.json"
_DEVICES = {"LFE5U-25F": "--25k", "LFE5U-45F": "--45k", "LFE5U-85F": "--85k"}
_COUNTED = {"lut4": "TRELLIS_COMB", "ff": "TRELLIS_FF", "bram": "DP16KD", "dsp": "MULT18X18D"}


def plan(files: dict[str, str], sources: Sequence[str], top: str, pins: Pinout, seed: int) -> BuildPlan:
    """The flow for one board top. `seed` starts placement; a clock that is missed fails the flow."""
    package = pins.package.replace("BG", "CABGA")
    place = (
        *(_DEVICES[pins.device], "--package", package, "--speed", pins.speed, "--seed", str(seed)),
        *("--json", "synthesis.json", "--lpf", "board.lpf", "--textcfg", "board.config", "--report", _REPORT),
    )
    pack = ("--compress", "--input", "board.config", "--bit", BITSTREAM)
    return BuildPlan(
        {**files, "synthesis.ys": _script(sources, top), "board.lpf": constraints(pins)},
        (
            Step("synthesis", "yosys", ("-s", "synthesis.ys"), ("synthesis.json",)),
            Step("place-and-route", "nextpnr-ecp5", place, ("board.config", _REPORT)),
            Step("pack", "ecppack", pack, (BITSTREAM,)),
        ),
    )


def _script(sources: Sequence[str], top: str) -> str:
    # -nowidelut: 16 % fewer LUTs and a faster clock than with the wide multiplexers (measured on the shell)
    reads = "".join(f"read_verilog -defer -sv {name}\n" for name in sources)
    return f"{reads}synth_ecp5 -nowidelut -top {top} -json synthesis.json\n"


def constraints(pins: Pinout) -> str:
    """LPF: sites, I/O attributes and the oscillator's frequency, from which nextpnr derives the PLL's outputs."""
    lines = ["BLOCK RESETPATHS;", "BLOCK ASYNCPATHS;"]
    for port, pin in pins.ports.items():
        attributes = " ".join(f"{key}={value}" for key, value in pin.attributes)
        lines += [f'LOCATE COMP "{port}" SITE "{pin.site}";', f'IOBUF PORT "{port}" {attributes};']
    lines.append(f'FREQUENCY PORT "clk_pin" {float(pins.oscillator_mhz):g} MHZ;')
    return "\n".join(lines) + "\n"


def results(folder: Path, clock: Clock) -> tuple[float, Resources]:
    """(Fmax of the core clock in MHz, resources) from nextpnr's report.

    Raises ToolError when the tool constrained another frequency than the PLL makes.
    """
    report = json.loads((folder / _REPORT).read_text())
    core = min(report["fmax"].values(), key=lambda entry: abs(entry["constraint"] - float(clock.mhz)))
    if abs(core["constraint"] - float(clock.mhz)) > 0.001 * float(clock.mhz):
        wanted, got = float(clock.mhz), core["constraint"]
        raise ToolError(f"nextpnr-ecp5 constrained the core clock to {got:g} MHz instead of {wanted:g} MHz")
    used = report["utilization"]
    return core["achieved"], Resources(**{name: used[cell]["used"] for name, cell in _COUNTED.items()})


def explain(error: ToolError, log: Path, clock: Clock) -> ToolError:
    """What a failed place and route means: too large, too slow, or the error as it is."""
    text = log.read_text(errors="replace") if log.exists() else ""
    over = [
        f"{cell} {used} of {available}"
        for cell, used, available in re.findall(r"(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", text)
        if int(used) > int(available)
    ]
    if over:
        return ToolError(f"the design does not fit: {', '.join(dict.fromkeys(over))}; fold it further. Log: {log}")
    missed = re.findall(r"Max frequency for clock\s+'[^']*': ([\d.]+) MHz \(FAIL at", text)
    if missed:
        reached = float(missed[-1])
        return ToolError(
            f"the design misses timing: {reached:g} MHz reached, {float(clock.mhz):g} MHz wanted; "
            f"choose a core clock of at most {int(reached)} MHz or another seed. Log: {log}"
        )
    return error
