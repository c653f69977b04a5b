"""Vitis HLS and Vivado HLS: csynth.xml of the top and of every function, and the table of the co-simulation."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from accel.errors import ToolError
from hls.projects.reports import FunctionReport, Read, Span, ToolReport, number, real

_RESOURCES = {"BRAM_18K": "BRAM_18K", "DSP": "DSP", "DSP48E": "DSP", "FF": "FF", "LUT": "LUT", "URAM": "URAM"}
_UNKNOWN = {"undef", "?"}  # what these tools write where latency depends on how streams fill


def synthesis(read: Read, folder: Path, reports: Path, top: str) -> ToolReport:
    """Read from folder `reports` (relative to `folder`) the top's csynth.xml, and those of all functions below it."""
    name = reports / f"{top}_csynth.xml"
    root = _parse(read(name), name)
    others = sorted(path.relative_to(folder) for path in (folder / reports).glob("*_csynth.xml"))
    parts = [_part(_parse(read(other), other), other) for other in others if other != name]
    return ToolReport(
        used=_resources(root, "Resources", name),
        available=_resources(root, "AvailableResources", name),
        latency=_span(root, "Best-caseLatency", "Worst-caseLatency", name),
        interval=_span(root, "Interval-min", "Interval-max", name),
        clock_ns=real(
            _text(root, "PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod", name), str(name)
        ),
        target_ns=real(_text(root, "UserAssignments/TargetClockPeriod", name), str(name)),
        version=_text(root, "ReportVersion/Version", name),
        parts=tuple(parts),
    )


def cosimulation(read: Read, report: Path) -> tuple[Span, Span]:
    """Latency and interval that the RTL simulation measured. Raises ToolError when it did not pass."""
    rows = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in read(report).splitlines()]
    ran = [row for row in rows if row[0] in {"Verilog", "VHDL"} and len(row) >= 8 and row[1] != "NA"]
    if not ran:
        raise ToolError(f"{report} has no row of a simulation that ran: another version writes another report")
    _, status, *cells = ran[0]
    if status != "Pass":
        raise ToolError(f"C/RTL co-simulation ended with {status!r}; see {report}")
    least, _, most, shortest, _, longest = cells[:6]
    if "NA" in (shortest, longest):  # a single sample has no interval
        raise ToolError(f"{report} has no interval: co-simulate two samples at least")
    where = str(report)
    return (number(least, where), number(most, where)), (number(shortest, where), number(longest, where))


def _part(root: ET.Element, name: Path) -> FunctionReport:
    return FunctionReport(
        name=_text(root, "UserAssignments/TopModelName", name),
        latency=_span(root, "Best-caseLatency", "Worst-caseLatency", name),
        interval=_span(root, "Interval-min", "Interval-max", name),
        used=_resources(root, "Resources", name),
    )


def _parse(text: str, name: Path) -> ET.Element:
    try:
        return ET.fromstring(text)
    except ET.ParseError as error:
        raise ToolError(f"{name} is no XML ({error}): the tool was interrupted") from None


def _text(root: ET.Element, path: str, name: Path) -> str:
    found = root.find(path)
    if found is None or not (found.text or "").strip():
        raise ToolError(f"{name} has no {path}: another version writes another report")
    return str(found.text).strip()


def _span(root: ET.Element, least: str, most: str, name: Path) -> Span | None:
    cells = [_text(root, f"PerformanceEstimates/SummaryOfOverallLatency/{key}", name) for key in (least, most)]
    if _UNKNOWN & set(cells):
        return None
    low, high = (number(cell, f"{key} in {name}") for key, cell in zip((least, most), cells, strict=True))
    return low, high


def _resources(root: ET.Element, kind: str, name: Path) -> dict[str, int]:
    """Resources by Vitis' names. All must be present except URAM, which small devices lack."""
    found = root.find(f"AreaEstimates/{kind}")
    cells = {
        _RESOURCES[child.tag]: child.text for child in (found if found is not None else ()) if child.tag in _RESOURCES
    }
    missing = {"BRAM_18K", "DSP", "FF", "LUT"} - set(cells)
    if missing:
        raise ToolError(f"{name} has no {kind} of {', '.join(sorted(missing))}: another version writes another report")
    return {key: number(re.sub("^~", "", cell or ""), f"{key} in {name}") for key, cell in sorted(cells.items())}
