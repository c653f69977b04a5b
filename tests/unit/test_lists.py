"""Lists in README and docs name what the code has, each thing once: boards, operators, roundings, imports, commands."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import boards
from accel.cli import VERBS
from accel.errors import UserError
from accel.numeric import ROUNDINGS
from accel.onnx_import.handlers import HANDLERS
from accel.ops import OPERATORS
from boards import flows

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
#: Rows of docs/import.md that say with other words what a file means, not which operators it may have.
DESCRIBED = {"masks", "softmax and norms written out", "rotary embeddings", "keys and values shared by heads"}


def first_column(page: str, heading: str) -> Iterator[str]:
    """The first cells of the table of docs/PAGE whose first column is called `heading`."""
    lines = iter((DOCS / page).read_text().splitlines())
    assert any(line.startswith(f"| {heading} |") for line in lines), heading
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            return
        yield line.split(" | ")[0].removeprefix("| ")


def board_names(cell: str) -> list[str]:
    """Boards of a cell. "Tang Nano 9K, 20K" and "ULX3S-85F, -45F" name two: the second begins as the first does."""
    found: list[str] = []
    words: list[str] = []
    for item in re.split(r", | / ", re.sub(r" of Olimex| without extension board| \(.*\)", "", cell)):
        name = next((name for k in range(len(words) + 1) if (name := board_called(" ".join((*words[:k], item))))), None)
        assert name, f"docs/boards.md: no board is called {item!r}"
        found.append(name)
        words = words or re.split("[ -]", item)
    return found


def board_called(text: str) -> str | None:
    """The board of that name in any spelling."""
    try:
        return boards.get(text).name
    except UserError:
        return None


def test_boards() -> None:
    listed = [name for cell in first_column("boards.md", "board") for name in board_names(cell)]
    assert sorted(listed) == sorted(boards.names())
    count = re.search(r"(\d+): \[Boards\]\(boards\.md\)", (DOCS / "comparison.md").read_text())
    assert count
    assert int(count[1]) == len(boards.names())


@pytest.mark.parametrize("name", ["Tang Nano 9K, 10K", "ULX3S-85F, -46F", "no board"])
def test_a_board_that_is_not_there_is_noticed(name: str) -> None:
    with pytest.raises(AssertionError, match="no board is called"):
        board_names(name)


def test_boards_with_open_tools_make_bitstreams() -> None:
    rows = (DOCS / "boards.md").read_text().splitlines()
    made = {
        name: row.split(" | ")[1] == "bitstream"
        for row in rows[: rows.index("## From a model to a board")]
        if row.startswith("| ") and not row.startswith("| board")
        for name in board_names(row.split(" | ")[0].removeprefix("| "))
    }
    assert made == {name: flows.get(boards.get(name).flow).free for name in boards.names()}


def test_operators_and_roundings() -> None:
    assert list(first_column("operators.md", "operator")) == list(OPERATORS.values())
    roundings = (DOCS / "operators.md").read_text().partition("`accel.numeric.ROUNDINGS`:")[2].partition(".\n")[0]
    assert sorted(re.findall(r"`(\w+)`", roundings)) == sorted(ROUNDINGS)


def test_imported_operators() -> None:
    known = {name for _, name in HANDLERS}
    named = {
        name
        for cell in first_column("import.md", "in the file")
        if cell not in DESCRIBED
        for name in re.findall(r"\b[A-Z]\w+", cell)
    }
    assert len(named) > 30
    assert named - known == {"LogSoftmax", "ArgMax"}, "only what ends a graph is no handler's"


def test_every_command_is_documented() -> None:
    text = "".join(path.read_text() for path in (ROOT / "README.md", *sorted(DOCS.glob("*.md"))))
    assert [name for name in VERBS if not re.search(rf"\baccel {name}\b", text)] == []
    named = set(re.findall(r"`accel ([a-z]+)", text))
    assert len(named) > 10
    assert named - set(VERBS) == set()


def test_architectures() -> None:
    """What benchmarks/architectures.py measured is what docs/huggingface.md and docs/import.md say."""
    rows = json.loads((ROOT / "benchmarks" / "results" / "imports.json").read_text())["transformers"]
    imported, refused = ({row["model"] for row in rows if row["imported"] == found} for found in (True, False))
    said = re.search(r"within 1 LSB for (.*?)\.", (DOCS / "huggingface.md").read_text(), re.DOTALL)
    assert said
    assert set(re.split(r",\s+|\s+and\s+", said[1])) == imported - {"causal SDPA"}
    said = re.search(r"has the table\. (.*?) are refused", (DOCS / "import.md").read_text(), re.DOTALL)
    assert said
    assert set(re.split(r",\s+|\s+and\s+", said[1])) == refused
