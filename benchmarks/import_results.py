"""Figures of the import: benchmarks/results/imports.json, one key per benchmark, and their tables in Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import figures

from accel.files import write_atomic

RESULTS = Path(__file__).parent / "results" / "imports.json"
REASONS = 10
"""Reasons of refusals in the table; the JSON file has more."""


def known(key: str, default: Any) -> Any:
    """Read what was recorded under `key`."""
    return figures.kept(RESULTS).get(key, default)


def record(key: str, value: Any) -> None:
    """Set one key of the results and write the tables again; other keys stay."""
    found = figures.keep(RESULTS, {key: value})
    parts = [TABLES[name](found[name]) for name in TABLES if name in found]
    write_atomic(RESULTS.with_suffix(".md"), "\n\n".join(parts) + "\n")


def _table(head: list[str], rows: list[list[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _fuzz(found: dict[str, Any]) -> str:
    counts = _table(
        ["graphs", "exact", "within the bound", "refused", "wrong"],
        [[found["graphs"], found["exact"], found["near"], found["refused"], found["wrong"]]],
    )
    reasons = list(found["reasons"].items())[:REASONS]
    why = _table(["refusals", "reason"], [[count, reason.split(";")[0].replace("|", "/")] for reason, count in reasons])
    return f"Random graphs, judged operator by operator (`benchmarks/fuzz_imports.py`):\n\n{counts}\n\n{why}"


def _zoo(found: list[dict[str, Any]]) -> str:
    rows = [
        [row["file"], row["operators"], row["max_lsb"], row["reference"], row["csim"], row["rtl"]]
        if row["imported"]
        else [row["file"], "refused", row["reason"], "", "", ""]
        for row in found
    ]
    head = ["file", "operators", "largest deviation, LSB", "reference", "csim", "rtl"]
    return "qonnx' model zoo (`benchmarks/zoo.py`); samples that differ, of 4, at the levels:\n\n" + _table(head, rows)


def _transformers(found: list[dict[str, Any]]) -> str:
    rows = [
        [row["model"], row["accuracy_or_lsb"], _rtl(row["rtl"])]
        if row["imported"]
        else [row["model"], "refused: " + row["reason"].replace("|", "/"), ""]
        for row in found
    ]
    return (
        "Architectures of transformers and torch through `accel quantize` (`benchmarks/architectures.py`):\n\n"
        + _table(["model", "largest deviation of an operator, LSB", "RTL"], rows)
    )


def _rtl(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    return ", ".join(f"{name} {value}" for name, value in found.items())


TABLES = {"fuzz": _fuzz, "zoo": _zoo, "transformers": _transformers}
