"""Notebooks as they are committed: of one run, without traces of a machine. `make test-all` runs them again."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PATHS = re.compile(r"/(root|home|Users|tmp|work|opt)/")
PUBLIC = ("accel", "boards", "hls", "models")

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path) -> list[dict[str, Any]]:
    """Those of code."""
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def test_there_are_nine() -> None:
    assert [found.name[:2] for found in NOTEBOOKS] == [f"{n}_" for n in range(1, 10)]


@every_notebook
def test_outputs_are_of_one_run(path: Path) -> None:
    assert [cell["execution_count"] for cell in cells(path)] == list(range(1, len(cells(path)) + 1))
    outputs = [output for cell in cells(path) for output in cell["outputs"]]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    for output in outputs:
        assert output["output_type"] != "error"
        assert output.get("name") != "stderr", output["text"]


@every_notebook
def test_nothing_of_a_machine_is_in_it(path: Path) -> None:
    texts = [
        "".join(output.get("text", output.get("data", {}).get("text/plain", [])))
        for cell in cells(path)
        for output in cell["outputs"]
    ]
    for text in (*texts, *("".join(cell["source"]) for cell in cells(path))):
        assert not PATHS.search(text), text


@every_notebook
def test_only_public_names_are_used(path: Path) -> None:
    for cell in cells(path):
        for node in ast.walk(ast.parse("".join(cell["source"]))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PUBLIC:
                names = [*node.module.split("."), *(alias.name for alias in node.names)]
                assert not any(name.startswith("_") for name in names), names
            if isinstance(node, ast.Attribute):
                assert not re.match(r"_[^_]", node.attr), node.attr


@every_notebook
def test_links_lead_somewhere(path: Path) -> None:
    markdown = "".join("".join(cell["source"]) for cell in json.loads(path.read_text())["cells"])
    for target in re.findall(r"\]\(([^)#]+)\)", markdown):
        assert target.startswith("https://") or (path.parent / target).exists(), target
