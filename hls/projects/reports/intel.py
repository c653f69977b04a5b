"""Intel: i++ writes its reports as JavaScript, icpx as JSON, one value per line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accel.errors import ToolError
from hls.projects.reports import Read, Span, ToolReport, number, real, search, values

_RESOURCES = ("ALUT", "FF", "RAM", "DSP", "MLAB")


def hls(read: Read, reports: Path) -> ToolReport:
    """Resources that i++ estimates: `areaJSON` of report_data.js."""
    name = reports / "lib" / "report_data.js"
    area = _variable(read(name), "areaJSON", name)
    return ToolReport(used=_counts(area, "total", name), available=_counts(area, "max_resources", name))


def simulation(read: Read, reports: Path) -> tuple[Span, Span]:
    """Latency and interval that the executable of i++ measured: `verifJSON` of verification_data.js."""
    name = reports / "lib" / "verification_data.js"
    try:
        _, latency, interval, *_ = _variable(read(name), "verifJSON", name)["functions"][0]["data"]
    except (KeyError, IndexError, ValueError, TypeError):
        raise ToolError(f"{name} has no cycles of a function: another version writes another report") from None
    return _span(latency, name), _span(interval, name)


def oneapi(read: Read, reports: Path) -> ToolReport:
    """Estimates of icpx: summary.ndjson, and the slowest loop of loop_attr.ndjson."""
    summary, loops = reports / "summary.ndjson", reports / "loop_attr.ndjson"
    rows = {row.get("name"): row for row in _lines(read(summary), summary)}
    missing = {"Total", "Available"} - set(rows)
    if missing:
        raise ToolError(f"{summary} has no row {', '.join(sorted(missing))}: another version writes another report")
    found = [row for row in _lines(read(loops), loops) if "af" in row]
    if not found:
        raise ToolError(f"{loops} has no loop with a frequency: another version writes another report")
    slowest = min(real(row["af"], f"af in {loops}") for row in found)
    return ToolReport(
        used=_counts(rows["Total"], "data", summary),
        available=_counts(rows["Available"], "data", summary),
        clock_ns=1000 / slowest,
    )


def _variable(text: str, variable: str, name: Path) -> Any:
    start = search(rf"\bvar {variable}\s*=", text, name, variable)
    return values(text[start.end() :], name)


def _lines(text: str, name: Path) -> list[dict[str, object]]:
    return [values(line, name) for line in text.splitlines() if line.strip()]


def _counts(row: dict[str, object], key: str, name: Path) -> dict[str, int]:
    cells = row.get(key)
    if not isinstance(cells, list) or len(cells) < len(_RESOURCES) - 1:  # old versions have no MLAB
        raise ToolError(f"{name} has no {key} of {', '.join(_RESOURCES)}: another version writes another report")
    return {
        resource: round(real(cell, f"{resource} in {name}")) for resource, cell in zip(_RESOURCES, cells, strict=False)
    }


def _span(cell: object, name: Path) -> Span:
    """`min, max, average`."""
    cells = str(cell).split(",")
    if len(cells) < 2:
        raise ToolError(f"{name} has cycles {cell!r}: another version writes another report")
    return number(cells[0], str(name)), number(cells[1], str(name))
