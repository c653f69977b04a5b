"""Readers of Vivado's text reports."""

from __future__ import annotations

import re
from pathlib import Path

from accel.errors import ToolError
from accel.target import Cells
from boards.flows.flow import Job

TIMING, UTILIZATION, SYNTHESIZED = "timing.rpt", "utilization.rpt", "synthesis.rpt"
_ROWS = {
    "lut": r"(?:Slice|CLB) LUTs",
    "ff": r"(?:Slice|CLB) Registers",
    "bram": r"Block RAM Tile",
    "dsp": r"DSPs",
}
_SUMMARY = re.compile(
    r"WNS\(ns\)\s+TNS\(ns\).*\n[\s-]+\n\s*(?P<wns>-?[\d.]+|NA)\s+\S+\s+\S+\s+\S+\s+(?P<whs>-?[\d.]+|NA)\s"
)
_CLOCK = re.compile(r"^\s*\S+\s+\{[\d. ]+\}\s+(?P<period>[\d.]+)\s+[\d.]+\s*$", re.MULTILINE)
_MISSED = re.compile(r"ERROR: timing is missed, worst \w+ slack (-[\d.]+) ns")


def utilization(path: Path) -> Cells:
    """Resources from `report_utilization`; block RAM in halves of 18 kbit. Raises ToolError when a row is missing."""
    text = _read(path)
    used = {}
    for name, row in _ROWS.items():
        found = re.search(rf"\|\s*{row}\*?\s*\|\s*([\d.]+)\s*\|", text)
        if not found:
            raise ToolError(f"{path.name} of Vivado has no row for {row}: another version writes another report")
        used[name] = round(float(found[1]) * (2 if name == "bram" else 1))
    return Cells(**used)


def fmax(path: Path, job: Job) -> float:
    """MHz that `report_timing_summary` guarantees.

    Raises ToolError when timing is missed or the core clock was constrained to another frequency.
    """
    text, wanted = _read(path), float(job.clock.mhz)
    summary = _SUMMARY.search(text)
    if not summary or "NA" in summary.groups():
        raise ToolError(f"{path.name} of Vivado has no timing summary: nothing was constrained")
    setup, hold = float(summary["wns"]), float(summary["whs"])
    if min(setup, hold) < 0:
        raise ToolError(missed(min(setup, hold), job))
    periods = [float(found["period"]) for found in _CLOCK.finditer(text)]
    core = min(periods, key=lambda period: abs(1000 / period - wanted), default=0.0)
    if not core or abs(1000 / core - wanted) > 0.001 * wanted:
        raise ToolError(f"{path.name} of Vivado has no clock of {wanted:g} MHz: the core is not constrained as it runs")
    return 1000 / (core - setup)


def explain(error: ToolError, log: Path, job: Job) -> ToolError:
    """A missed clock in the terms of every flow, or the error as it is."""
    found = _MISSED.search(log.read_text(errors="replace", encoding="utf-8")) if log.exists() else None
    return ToolError(f"{missed(float(found[1]), job)}. Log: {log}") if found else error


def missed(slack: float, job: Job) -> str:
    """Error for a negative `slack` in ns."""
    wanted = float(job.clock.mhz)
    reached = 1000 / (1000 / wanted - slack)
    return (
        f"the design misses timing: {reached:.1f} MHz reached, {wanted:g} MHz wanted; "
        f"choose a core clock of at most {int(reached)} MHz (--clock)"
    )


def _read(path: Path) -> str:
    return path.read_text(errors="replace", encoding="utf-8")
