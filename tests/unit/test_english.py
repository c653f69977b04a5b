"""Rules of language that every docstring, page and identifier keeps; CONTRIBUTING.md names them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("accel", "hls", "boards", "models", "benchmarks", "scripts")
#: A docstring that begins so is a fragment whose subject is the name above it.
FRAGMENT = re.compile(r"(Of|By|As|At|From|With|What)\b")
BRITISH = re.compile(
    r"(?:quanti|normali|synthesi|utili|initiali|recogni|optimi|seriali|generali|minimi|maximi|summari|organi|factori)"
    r"s(?:e|es|ed|er|ers|ing|ation|ations)(?![a-z])",
    re.IGNORECASE,
)
#: Words of a riddle: the reader has to find out how many, or what is meant.
RIDDLE = re.compile(
    r"\b(at most|least|than|of|for) so many\b|\bso many (bits|cycles|bytes|faults|places)\b|\b(is|are) none of\b"
)
TEXT = ("*.py", "*.md", "*.sv", "*.h", "*.cpp", "*.j2")


def sources(*patterns: str) -> list[Path]:
    folders = [ROOT / name for name in (*PACKAGES, "tests", "docs")]
    found = [path for folder in folders for pattern in patterns for path in folder.rglob(pattern)]
    return [*sorted(found), *ROOT.glob("*.md")]


def fragments(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every docstring that begins with a preposition or "What"."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text and FRAGMENT.match(text):
                yield getattr(node, "lineno", 1), text.splitlines()[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_begin_with_a_verb_or_a_noun(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for line, text in fragments(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


def test_a_fragment_is_found() -> None:
    assert [*fragments('def f():\n    """Of the largest tensor."""\n')] == [(1, "Of the largest tensor.")]
    assert not [*fragments('def f():\n    """Office hours of a tensor."""\n')]


def test_words_are_spelled_with_ize() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in sources(*TEXT)
        if path != Path(__file__)
        for match in BRITISH.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)
    assert BRITISH.search("requantised")
    assert not BRITISH.search("quantized")


def test_no_sentence_is_a_riddle() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in sources("*.py", "*.md")
        if path != Path(__file__) and "tests" not in path.relative_to(ROOT).parts
        for match in RIDDLE.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)
    assert RIDDLE.search("At least so many places.".lower())
