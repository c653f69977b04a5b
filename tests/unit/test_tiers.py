"""The table of what `make test` takes names tests that exist."""

from __future__ import annotations

from pathlib import Path

import tiers

TESTS = Path(__file__).parents[1]


def test_every_test_of_the_table_exists() -> None:
    for pattern in tiers.KEPT:
        folder, test = pattern.partition("/")[0], pattern.rpartition("::")[2]  # some are inherited from contract.py
        sources = [path.read_text() for path in (TESTS / folder).glob("*.py")]
        assert test == "*" or any(f"def {test}(" in source for source in sources), pattern


def test_the_table_alone_decides() -> None:
    marked = [path.name for path in TESTS.rglob("test_*.py") if "mark." + "minutes" in path.read_text()]
    assert not marked, f"name these tests in tests/tiers.py instead of marking them: {marked}"


def test_examples_are_spread_from_the_first_one_on() -> None:
    assert tiers.spread("abcdefg", 3) == ["a", "c", "e"]
    assert tiers.spread("ab", 3) == ["a", "b"]
    assert tiers.spread("ab", 0) == []
