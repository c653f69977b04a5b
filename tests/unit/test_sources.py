"""Rules that every source file keeps, so that nobody has to remember them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("accel", "hls", "boards", "models", "benchmarks", "scripts")
POSITION = {"read_text": 0, "write_text": 1, "open": 3, "fdopen": 3}
"""Place of `encoding` among the positional arguments."""


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield node, node.func.id if isinstance(node.func, ast.Name) else node.func.attr


def is_text(call: ast.Call, name: str) -> bool:
    """Does this call read or write text, in a file or a pipe?"""
    keys = {key.arg for key in call.keywords}
    if name in ("open", "fdopen"):
        of = call.func.value if isinstance(call.func, ast.Attribute) else None
        modes = [*call.args, *(key.value for key in call.keywords if key.arg == "mode")]
        binary = any(isinstance(mode, ast.Constant) and "b" in str(mode.value) for mode in modes)
        binary |= "force_zip64" in keys  # a member of a zip file
        return not binary and not (name == "open" and isinstance(of, ast.Name) and of.id == "os")
    return name in POSITION or bool({"text", "universal_newlines"} & keys)


@pytest.mark.parametrize("package", PACKAGES)
def test_text_is_utf8_in_every_locale(package: str) -> None:
    for path in sorted((ROOT / package).rglob("*.py")):
        for call, name in calls(ast.parse(path.read_text(encoding="utf-8"))):
            named = "encoding" in {key.arg for key in call.keywords} or len(call.args) > POSITION.get(name, 99)
            assert named or not is_text(call, name), f"{path.relative_to(ROOT)}:{call.lineno}: {name} without encoding"
