"""Tables in narrow terminals: every name and every number is there whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from command import accel
from rich.console import Console

from accel.cli import display
from accel.verification.comparison import Comparison
from accel.verification.row import Row

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = (60, 80)
Shown = tuple[str, Sequence[str], Sequence[Sequence[object]]]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Standard output as a terminal whose width is $COLUMNS."""
    monkeypatch.setattr(Console, "is_terminal", True)
    monkeypatch.setenv("TERM", "xterm")
    return monkeypatch


def assert_whole(text: str, width: int, table: Shown) -> None:
    """Every word of every cell stands in the text; lines that could be folded are."""
    title, columns, rows = table
    found = set(ESCAPES.sub("", text).split())
    for cell in (title, *columns[1:], *(str(cell) for row in rows for cell in row)):
        assert set(cell.split()) <= found, f"{cell!r} is not whole at {width} columns"
    assert "…" not in text
    body = ESCAPES.sub("", text).splitlines()[1:]
    as_table = any("─" in line for line in body)
    assert not as_table or max(map(len, body)) <= width


def layers() -> Shown:
    names = ("x", "blocks.0/attention/queries/quant/Quant", "blocks.11/feed_forward/down/MatMul")
    rows = [
        Row(level, name, "rescale", 64, 2, (1, 2, 3), 5, 6, -128, 127, -128, 127, 3, 4, 8192)
        for name in names
        for level in ("qonnx", "reference", "csim", "rtl")
    ]
    columns, *lines = Comparison("digits", ("qonnx", "reference", "csim", "rtl"), tuple(rows)).table
    return "digits: samples that differ", columns, lines


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "verb",
    ["boards", "doctor", "explore MODEL --points 2 --out OUT", "check MODEL --levels reference --samples 2"],
)
def test_what_the_verbs_print(
    verb: str, width: int, tiny_model: Path, tmp_path: Path, terminal: pytest.MonkeyPatch
) -> None:
    tables: list[Shown] = []
    shown = display.show_table

    def recorded(title: str, columns: list[str], rows: list[tuple[object, ...]], extra: tuple[str, ...] = ()) -> None:
        kept = [k for k, name in enumerate(columns) if name not in extra]
        tables.append((title, [columns[k] for k in kept], [[row[k] for k in kept] for row in rows]))
        shown(title, columns, rows, extra=extra)

    for module in ("display", "explore", "check"):
        terminal.setattr(f"accel.cli.{module}.show_table", recorded)
    terminal.setenv("COLUMNS", str(width))
    result = accel(*({"MODEL": tiny_model, "OUT": tmp_path / "out"}.get(word, word) for word in verb.split()))
    assert tables
    for table in tables:
        assert_whole(result.stdout, 10_000, table)
    assert "…" not in result.stdout


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "table",
    [
        layers(),
        ("none", ("name", "value"), []),
        ("words", ("a", "b"), [("one two three four five six seven eight nine ten" * 3, 123456789)]),
        ("numbers", tuple("abcdefgh"), [tuple(10**k for k in range(5, 13))]),
        ("a long name", ("layer", "n"), [("blocks.11/" * 12, 7), ("short", 8)]),
        ("empty cells", ("", "design", "available"), [("latency, cycles", "12 to 4,096", ""), ("", "", "")]),
    ],
    ids=lambda table: table[0],
)
def test_any_table(table: Shown, width: int, terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.setenv("COLUMNS", str(width))
    display.show_table(*table)
    assert_whole(capsys.readouterr().out, width, table)


def test_a_pipe_gets_the_natural_width(capsys: pytest.CaptureFixture[str]) -> None:
    display.show_table("wide", ("a", "b"), [("word " * 60, 1)])
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.strip().startswith("word")]
    assert len(row) > 300
