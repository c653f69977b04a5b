"""Levels of a decode engine: every implementation takes token after token, and what it makes is compared with `==`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TokenSteps:
    """The token that an implementation chooses behind each of a sequence, and all logits.

    chosen: (tokens,). logits: (tokens, vocabulary), or None where they do not leave the implementation.
    """

    chosen: np.ndarray
    logits: np.ndarray | None = None


@dataclass(frozen=True)
class StepLevel:
    """One implementation: `run` takes the identifiers of a sequence (tokens,).

    `locate` takes a sequence whose last token is wrong, and says in words where that begins, if it can be seen. A slow
    level takes only the first `limit` tokens.
    """

    name: str
    run: Callable[[np.ndarray], TokenSteps]
    locate: Callable[[np.ndarray], str | None] | None = None
    limit: int | None = None


@dataclass(frozen=True)
class StepOutcome:
    """Result of a level: of `tokens`, `mismatches` have a wrong logit or are followed by a wrong token."""

    level: str
    tokens: int
    mismatches: int
    seconds: float
    difference: str | None = None


def verify_steps(levels: Iterable[StepLevel], sequence: np.ndarray) -> Iterator[StepOutcome]:
    """The outcome of every level, one after the other, on identifiers (tokens,); the first one says what is right."""
    right: TokenSteps | None = None
    for level in levels:
        given = sequence[: level.limit]
        start = time.perf_counter()
        got = level.run(given)
        seconds = time.perf_counter() - start
        wrong = np.zeros(len(given), bool) if right is None else _wrong(right, got)
        found = None if right is None or not wrong.any() else _difference(level, right, got, given, wrong)
        yield StepOutcome(level.name, len(given), int(wrong.sum()), seconds, found)
        right = _longer(right, got)


def _wrong(right: TokenSteps, got: TokenSteps) -> np.ndarray:
    """Tokens at which two levels differ, among those that both have."""
    count = min(len(right.chosen), len(got.chosen))
    found: np.ndarray = right.chosen[:count] != got.chosen[:count]
    if right.logits is not None and got.logits is not None:
        found = found | (right.logits[:count] != got.logits[:count]).any(1)
    return found


def _longer(right: TokenSteps | None, got: TokenSteps) -> TokenSteps:
    """The steps that later levels are compared with: those of the first level, unless another one shows more."""
    if right is None or (right.logits is None and got.logits is not None and len(got.chosen) >= len(right.chosen)):
        return got
    return right


def _difference(level: StepLevel, right: TokenSteps, got: TokenSteps, given: np.ndarray, wrong: np.ndarray) -> str:
    """The first difference in words: where it begins, if the level can be looked into, else what comes out."""
    token, share = int(wrong.argmax()), f"{int(wrong.sum())} of {len(wrong)} tokens differ"
    place = level.locate(given[: token + 1]) if level.locate else None
    return f"{level.name}: {place or _outside(right, got, token)} ({share})"


def _outside(right: TokenSteps, got: TokenSteps, token: int) -> str:
    if right.logits is not None and got.logits is not None and (right.logits[token] != got.logits[token]).any():
        channel = int((right.logits[token] != got.logits[token]).argmax())
        values = int(right.logits[token, channel]), int(got.logits[token, channel])
        return f"token {token}, logit {channel}: expected {values[0]}, got {values[1]}"
    return f"token {token}: expected {int(right.chosen[token])} to follow, got {int(got.chosen[token])}"
