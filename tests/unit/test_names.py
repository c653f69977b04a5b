"""One word, one meaning: no two classes or type aliases of the packages have the same name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from accel.ops import OPERATORS

ROOT = Path(__file__).parents[2]
PACKAGES = ("accel", "hls", "boards", "models")
SAME = {"IntDivide", "IntExponential", "IntLookup", "IntNorm", "IntSoftmax"}
"""A layer that trains an operator and the node that it becomes in a file; qonnx finds a class by a node's name."""

IMPORTED = {"Builder", "Constant", "Edge"}
"""What the import makes of the graph's own: with the tensor of the file, its layout and real numbers."""


def named(tree: ast.Module) -> Iterator[str]:
    """Classes, and names of types: `Progress = Callable[[str], None]`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp | ast.Attribute):
            yield from (t.id for t in node.targets if isinstance(t, ast.Name) and is_camel(t.id))


def is_camel(name: str) -> bool:
    return name[:1].isupper() and any(letter.islower() for letter in name)


@cache
def places() -> dict[str, list[str]]:
    """Name → the files that define it."""
    found: dict[str, list[str]] = {}
    for path in (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))):
        for name in named(ast.parse(path.read_text())):
            found.setdefault(name, []).append(str(path.relative_to(ROOT)))
    return found


def test_no_name_has_two_meanings() -> None:
    twice = {name: files for name, files in places().items() if len(files) > 1 and name not in SAME | IMPORTED}
    assert not twice, f"give each its own word: {twice}"


@pytest.mark.parametrize("name", sorted(SAME))
def test_exceptions_are_operators(name: str) -> None:
    assert name.removeprefix("Int") in OPERATORS.values()
    assert len(places()[name]) == 2


@pytest.mark.parametrize("name", sorted(IMPORTED))
def test_exceptions_are_the_imports(name: str) -> None:
    ours, theirs = sorted(places()[name], key=lambda place: place.startswith("accel/onnx_import"))
    assert theirs.startswith("accel/onnx_import")
    assert not ours.startswith("accel/onnx_import")


def test_names_are_found() -> None:
    code = "class A:\n    class B: ...\nC = 1\nName = Callable[[str], None]\nBoth = A | B\nLIMIT = 2 | 1\n"
    assert [*named(ast.parse(code))] == ["A", "B", "Name", "Both"]
