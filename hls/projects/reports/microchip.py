"""SmartHLS: summary.results.rpt, text tables in numbered sections."""

from __future__ import annotations

import re
from pathlib import Path

from accel.errors import ToolError
from hls.projects.reports import Read, ToolReport, number, real


def results(read: Read, report: Path, timing: bool) -> ToolReport:
    """Resources after RTL synthesis; with `timing`, the clock after place and route."""
    text = read(report)
    used, available = {}, {}
    for name, cells, total in _rows(text, report, "3. Resource Usage", 4):
        used[name] = number(cells.rpartition("=")[2], f"{name} in {report}")  # "fabric + interface = sum"
        available[name] = number(total, f"{name} in {report}")
    target = clock = None
    if timing:
        (_, wanted, _, _, reached, *_), *_ = _rows(text, report, "2. Timing Result", 6)
        target, clock = (real(cell.removesuffix(" ns"), f"period in {report}") for cell in (wanted, reached))
    return ToolReport(used, available, clock_ns=clock, target_ns=target)


def _rows(text: str, report: Path, section: str, columns: int) -> list[list[str]]:
    """The cells of a section's table, without header and the last column."""
    found = re.search(rf"^====== {re.escape(section)}.*?$(.*?)(?:^======|\Z)", text, re.MULTILINE | re.DOTALL)
    lines = [line for line in (found[1] if found else "").splitlines() if line.startswith("|")]
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines][1:]
    if not rows or any(len(row) != columns for row in rows):
        raise ToolError(f"{report} has no table {section}: the step that makes it did not run")
    return [row[:-1] for row in rows]
