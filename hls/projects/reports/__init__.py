"""Reports of the vendors' synthesis tools as typed values. Nothing is guessed: an unreadable report is an error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accel.errors import ToolError

Span = tuple[int, int]
"""Least and most, in cycles."""


@dataclass(frozen=True)
class FunctionReport:
    """A function that the tool kept as a module of its own: `used` by the tool's names of resources."""

    name: str
    latency: Span | None
    interval: Span | None
    used: dict[str, int]


@dataclass(frozen=True)
class ToolReport:
    """A synthesized project.

    `clock_ns` is the period that the tool estimates, `target_ns` the one asked for; `latency` and `interval` are
    cycles per sample. None is what this tool does not say, or says that it does not know; never what was not found.
    """

    used: dict[str, int]
    available: dict[str, int]
    latency: Span | None = None
    interval: Span | None = None
    clock_ns: float | None = None
    target_ns: float | None = None
    version: str | None = None
    parts: tuple[FunctionReport, ...] = ()


Read = Callable[[Path], str]


def reader(folder: Path, since_ns: int) -> Read:
    """A function that reads a report, named relative to `folder`.

    It raises ToolError when the report is missing, or was last written before `since_ns`: an earlier run's.
    """

    def read(name: Path) -> str:
        path = folder / name
        if not path.is_file():
            raise ToolError(f"{name} was not written: the tool left no such report")
        if path.stat().st_mtime_ns < since_ns:
            raise ToolError(f"{name} is older than this run: it reports on something else")
        return path.read_text(errors="replace", encoding="utf-8")

    return read


def number(text: object, where: str) -> int:
    """A number of things. Raises ToolError naming `where`."""
    found = re.fullmatch(r"\d+", str(text).strip().replace(",", ""))
    if not found:
        raise ToolError(f"{where} is {str(text).strip()!r}, no number: another version writes another report")
    return int(found[0])


def real(text: object, where: str) -> float:
    """A period or frequency. Raises ToolError naming `where`."""
    try:
        return float(str(text))
    except ValueError:
        raise ToolError(f"{where} is {str(text)!r}, no number: another version writes another report") from None


def search(pattern: str, text: str, report: Path, what: str) -> re.Match[str]:
    """The first match. Raises ToolError naming the report and what was looked for."""
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        raise ToolError(f"{report} has no {what}: another version writes another report")
    return found


def values(text: str, report: Path) -> Any:
    """JSON text as Python values. Raises ToolError naming the report."""
    try:
        return json.JSONDecoder().raw_decode(text.lstrip())[0]
    except ValueError as error:
        raise ToolError(f"{report} cannot be read: {error}; another version writes another report") from None
