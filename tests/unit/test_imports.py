"""The import rule: accel ← hls ← boards and accel ← models; only accel/cli composes; base imports stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from accel.ops import OPERATORS

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "accel": {"accel"},
    "hls": {"accel", "hls"},
    "models": {"accel", "models"},
    "boards": {"accel", "hls", "boards"},
}
SOURCES = [path for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))]


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_imports_upward_or_sideways(path: Path) -> None:
    relative = path.relative_to(ROOT)
    if relative.is_relative_to("accel/cli"):
        return
    used = {name.partition(".")[0] for name in imported(ast.parse(path.read_text()))} & set(ALLOWED)
    assert used <= ALLOWED[relative.parts[0]], f"{relative} may not import {used - ALLOWED[relative.parts[0]]}"


def test_hls_names_no_operator() -> None:
    for path in (ROOT / "hls").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant):
                assert node.value not in set(OPERATORS), f"{path}:{node.lineno} names the operator {node.value!r}"
            elif isinstance(node, ast.Name):
                assert node.id not in OPERATORS.values(), f"{path}:{node.lineno} names the operator {node.id}"


@pytest.mark.parametrize("module", ["accel", "accel.graph", "accel.ops", "accel.cli", "hls", "models", "boards"])
def test_base_imports_are_light(module: str) -> None:
    heavy = "{'torch', 'onnx', 'hls4ml', 'brevitas', 'qonnx', 'sklearn'}"
    code = f"import sys, {module}; found = {heavy} & set(sys.modules); sys.exit(str(found) if found else 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, f"import {module} imports {done.stderr}"
