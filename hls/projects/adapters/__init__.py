"""Repairs of what hls4ml 1.3.0 lacks or gets wrong, one module per back end; they import hls4ml.

An adapter has `TEMPLATES`, the classes that write our layer, and two functions: `prepare(backend)`, once before the
first conversion, and `finish(project, model)`, after a project is written.
"""

from __future__ import annotations

from pathlib import Path

from accel.errors import ToolError


def repair(path: Path, wrong: str, right: str, count: int = 1) -> None:
    """Replace text that hls4ml writes wrong. Raises ToolError when it is not there `count` times: another version."""
    text = path.read_text(encoding="utf-8")
    if text.count(wrong) != count:
        raise ToolError(f"{path.name} as hls4ml wrote it is not as accel knows it from hls4ml 1.3.0: no {wrong!r}")
    path.write_text(text.replace(wrong, right), encoding="utf-8")
