"""Boards from outside the package: a file of the user's, and another package's entry point."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from command import accel, assert_refused

import boards
from accel.errors import UserError
from boards import registry

DOCS = Path(__file__).parents[2] / "docs" / "extending.md"


def documented() -> str:
    """The board file that docs/extending.md shows."""
    return re.search(r"```python title=\"myboard\.py\"\n(.*?)```", DOCS.read_text(), re.DOTALL)[1]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "myboard.py"
    path.write_text(documented())
    return path


def test_the_documented_file_is_a_board_that_can_be_built(file: Path) -> None:
    from board_designs import add_one

    board = boards.get(str(file))
    assert (board.name, board.source) == ("my-board", str(file))
    assert len([line for line in documented().splitlines() if line.strip()]) <= 18
    files = boards.plan(add_one(), board).files
    assert 'LOCATE COMP "clk_pin" SITE "G2";' in files["board.lpf"]


def test_the_command_line_takes_it(file: Path, tmp_path: Path) -> None:
    assert_refused(accel("board", "program", str(file), tmp_path), "my-board is not programmed with openFPGALoader")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", r"declares no board; it needs BOARD = boards\.Board"),
        ("BOARD = 'ulx3s'", "declares no board"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("x = (", "SyntaxError: '\\(' was never closed"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3; docs/extending.md has a board file"),
        (
            "from boards import Cells; Cells(lut4=1)",
            "unexpected keyword argument 'lut4'; docs/extending.md has a board",
        ),
        ("{board}; BOARD = replace(BOARD, capacity={'lut': 1})", r"capacity is {.*; give Cells\(lut=…, "),
        ("{board}; from boards import Cells; BOARD = replace(BOARD, capacity=Cells())", "give Cells"),
        ("{board}; from boards import Cells; BOARD = replace(BOARD, capacity=Cells(lut='9'))", "give Cells"),
        ("{board}; from boards import Cells; BOARD = replace(BOARD, capacity=Cells(9, -1))", "give Cells"),
        ("{board}; from boards import Cells; BOARD = replace(BOARD, capacity=Cells(9, carry=1))", "give Cells"),
        ("{board}; BOARD = replace(BOARD, name='My Board')", r"board My Board: name 'My Board' is not made of a-z"),
        ("{board}; BOARD = replace(BOARD, flow='vivadoo')", "there is no flow 'vivadoo'; there are ecp5, ice40"),
        ("{board}; BOARD = replace(BOARD, target='ecp6')", "there is no target 'ecp6'; there are ecp5, "),
        ("{board}; BOARD = replace(BOARD, part='a; exec b')", "part 'a; exec b' is no name of a device"),
        ("{board}; BOARD = replace(BOARD, clock_mhz=0)", "clock_mhz is 0, it has to be above 0"),
        ("{board}; BOARD = replace(BOARD, pins=None)", "flow ecp5 needs pins"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_in_one_line(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    start = "from dataclasses import replace; from boards.ulx3s_85f import BOARD"
    path.write_text(text.replace("{board}", start))
    with pytest.raises(UserError, match=rf"wrong\.py: .*{reason}") as error:
        boards.get(str(path))
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(UserError, match=r"nowhere/board\.py: no such board file"):
        boards.get("nowhere/board.py")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: Path):
    """Entry points as an installed package declares them; gives a function that declares more."""
    found: dict[str, metadata.EntryPoint] = {}

    def declare(name: str, value: str) -> None:
        found[name] = metadata.EntryPoint(name, value, registry.GROUP)

    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry, "_entry_points", lambda: found)
    declare("my-board", "myboard:BOARD")
    return declare


def test_boards_of_other_packages_are_listed_and_found(package) -> None:
    assert boards.names()[-1] == "my-board"
    assert boards.get("My_Board").title == "My board"
    assert "my-board" in accel("boards", "--json").stdout
    with pytest.raises(UserError, match=r"did you mean my-board\?"):
        boards.get("my-bord")


def test_a_broken_package_is_named_when_its_board_is_asked_for(package) -> None:
    package("their-board", "no_such_package:BOARD")
    package("renamed", "myboard:BOARD")
    assert boards.get("ulx3s").name == "ulx3s-85f"
    with pytest.raises(UserError, match=r"board their-board \(no_such_package:BOARD\): ModuleNotFoundError"):
        boards.get("their-board")
    with pytest.raises(UserError, match="calls itself 'my-board'; its entry point has to have the same name"):
        boards.get("renamed")
