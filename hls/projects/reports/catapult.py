"""Catapult: rtl.rpt of a solution, text tables."""

from __future__ import annotations

import re
from pathlib import Path

from accel.errors import ToolError
from hls.projects.reports import FunctionReport, Read, Span, ToolReport, number, real, search

# Name, number of operations, latency, throughput, reset length, II
_ROW = re.compile(
    r"^\s+(?P<name>/\S.*?|Design Total:)\s+\d+\s+(?P<latency>-?\d+)\s+(?P<interval>-?\d+)\s+\d+\s+\d+", re.M
)


def synthesis(read: Read, report: Path) -> ToolReport:
    """Cycles of the design and of every block, and area scores; Catapult counts no resources of a device."""
    text = read(report)
    version = search(r"^--\s+Version:\s+(\S+)", text, report, "version")[1]
    clock = search(r"^\s+\S+\s+(?:rising|falling)\s+([\d.]+)\s", text, report, "clock")
    score = search(r"^\s+Total Area Score:.*?([\d.]+)\s*$", text, report, "Total Area Score")
    rows = [_part(row, report) for row in _ROW.finditer(text)]
    total = [row for row in rows if row.name == "Design Total:"]
    if not total:
        raise ToolError(f"{report} has no row Design Total: another version writes another report")
    return ToolReport(
        used={"area score": round(real(score[1], str(report)))},
        available={},
        latency=total[0].latency,
        interval=total[0].interval,
        target_ns=real(clock[1], str(report)),
        version=version,
        parts=tuple(row for row in rows if row not in total),
    )


def _part(row: re.Match[str], report: Path) -> FunctionReport:
    """The row of a block, which has its own cycles but no area."""
    return FunctionReport(row["name"], _cycles(row, "latency", report), _cycles(row, "interval", report), {})


def _cycles(row: re.Match[str], key: str, report: Path) -> Span | None:
    """−1 is what Catapult does not know."""
    if row[key] == "-1":
        return None
    cycles = number(row[key], f"{key} in {report}")
    return cycles, cycles
