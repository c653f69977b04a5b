"""Tokens from a decode engine on a board: a request is a token with its position, an answer the tokens that follow."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from accel.design import Design
from accel.errors import UserError


class SampleRunner(Protocol):
    """Runs integer samples, (N, …) in stream order → int64 (N, beats, lanes) of the output stream."""

    def run(self, samples: np.ndarray, /) -> np.ndarray:
        """Raises ToolError when the board does not answer."""


def generate(runner: SampleRunner, design: Design, prompt: Sequence[int], count: int) -> Iterator[int]:
    """The `count` tokens that the network chooses behind a prompt, each as soon as the board has answered.

    A request says where its token stands. So it may reach the board twice, as it does when an answer is lost: what
    the board keeps of a token, and what it answers, stay the same.

    Raises UserError for a design that is no decode engine, a token that it lacks, and more tokens than its context.
    """
    tokens, wanted = checked(design, prompt, count)
    return _chosen(runner, tokens, wanted)


def checked(design: Design, prompt: Sequence[int], count: int) -> tuple[list[int], int]:
    """The prompt and the number of tokens behind it. Raises UserError as `generate` does."""
    if design.context is None:
        raise UserError(
            f"{design.name} is no decode engine, so it has no tokens: `accel lower --target engine` writes one"
        )
    tokens = [_whole("a token of the prompt", token) for token in prompt]
    wanted, highest = _whole("the number of tokens", count), design.output.tensor.hi
    wrong = [token for token in tokens if not 0 <= token <= highest]
    if wrong:
        raise UserError(f"token {wrong[0]} is not in the vocabulary of {design.name}, 0..{highest}")
    if not tokens:
        raise UserError("the prompt is empty; give at least one token, such as the one that begins a text")
    if wanted < 1:
        raise UserError(f"{wanted} tokens to generate; ask for at least 1")
    room = most(design, len(tokens))
    if wanted > room:
        remedy = f"ask for at most {room}" if room > 0 else "shorten the prompt"
        raise UserError(
            f"a prompt of {len(tokens)} and {wanted} tokens behind it are more than the context of {design.name}, "
            f"{design.context}: {remedy}"
        )
    return tokens, wanted


def most(design: Design, prompt: int) -> int:
    """The largest number of tokens behind a prompt of this length: the last one needs no place in the context."""
    return (design.context or 0) - prompt + 1


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise UserError(f"{name} is {value!r:.40}; give a whole number")
    return operator.index(value)


def _chosen(runner: SampleRunner, prompt: list[int], count: int) -> Iterator[int]:
    for position, token in enumerate(prompt):
        found = _answer(runner, token, position)
    position = len(prompt) - 1
    while True:
        yield from found[:count]
        count -= len(found)
        if count <= 0:
            return
        position += len(found)
        found = _answer(runner, found[-1], position)


def _answer(runner: SampleRunner, token: int, position: int) -> list[int]:
    """The tokens that follow the one at `position`."""
    answer: list[int] = runner.run(np.array([[[token, position]]], np.int64)).reshape(-1).tolist()
    return answer
