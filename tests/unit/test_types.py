"""Types say something: `Any` is rare in the packages."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("accel", "hls", "boards", "models")
LIMIT = 3
"""Occurrences of `Any` per 1,000 lines of code."""
BLANK = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(text: str) -> int:
    """Lines with code: blank lines, comments and docstrings do not count."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    found = {line for t in tokens if t.type not in BLANK for line in range(t.start[0], t.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found -= {*range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    return len(found)


def count_any(text: str) -> int:
    return sum(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(ast.parse(text)))


def test_any_is_rare() -> None:
    texts = {path: path.read_text() for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))}
    counts = {str(path.relative_to(ROOT)): count_any(text) for path, text in texts.items()}
    lines = sum(map(code_lines, texts.values()))
    most = sorted(counts.items(), key=lambda item: -item[1])[:10]
    assert 1000 * sum(counts.values()) <= LIMIT * lines, f"{sum(counts.values())} in {lines} lines; most are in {most}"


def test_counting() -> None:
    text = '"""Text\n\n    of two lines."""\n# comment\n\ndef f(x: Any,\n      y: int) -> Any:\n    return x\n'
    assert (code_lines(text), count_any(text)) == (3, 2)
