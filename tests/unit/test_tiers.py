"""The table of what `make test` takes names tests that exist."""

from __future__ import annotations

from pathlib import Path

import tiers

TESTS = Path(__file__).parents[1]


def test_every_test_of_the_table_exists() -> None:
    for pattern in tiers.KEPT:
        sources = [path.read_text() for path in (TESTS / pattern.partition("/")[0]).glob("*.py")]
        assert any(f"def {pattern.rpartition('::')[2]}(" in source for source in sources), pattern


def test_examples_are_spread_from_the_first_one_on() -> None:
    assert tiers.spread("abcdefg", 3) == ["a", "c", "e"]
    assert tiers.spread("ab", 3) == ["a", "b"]
    assert tiers.spread("ab", 0) == []
