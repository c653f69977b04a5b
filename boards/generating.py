"""Tokens from a decode engine on a board: a request is a token with its position, an answer the tokens that follow.

Where the engine draws tokens, a request also has a seed; seed 0 asks for the likeliest token.
"""

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


def generate(runner: SampleRunner, design: Design, prompt: Sequence[int], count: int, seed: int = 0) -> Iterator[int]:
    """The `count` tokens that the network chooses behind a prompt, each as soon as the board has answered.

    With a `seed`, they are drawn; the same one gives the same tokens.

    A request says where its token stands. So it may reach the board twice, as it does when an answer is lost: what
    the board keeps of a token, and what it answers, stay the same.

    Raises UserError for a design that is no decode engine, a token that it lacks, more tokens than its context, and a
    seed that it does not take.
    """
    tokens, wanted = checked(design, prompt, count)
    return _chosen(runner, tokens, wanted, _drawn(design, seed))


def draws(design: Design) -> bool:
    """Does a decode engine draw tokens, where it is given a seed?"""
    return design.input.lanes > 2


def _drawn(design: Design, seed: int) -> list[int]:
    """The end of a request, behind its position."""
    most = design.input.tensor.hi
    if not draws(design):
        if seed:
            raise UserError(
                f"{design.name} chooses the likeliest token and takes no seed: `accel lower --temperature` makes an "
                "engine that draws tokens"
            )
        return []
    if not 0 <= _whole("the seed", seed) <= most:
        raise UserError(f"seed {seed} is not one of 0..{most}, of which 0 asks for the likeliest token")
    return [seed]


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


def _chosen(runner: SampleRunner, prompt: list[int], count: int, seed: list[int]) -> Iterator[int]:
    for position, token in enumerate(prompt):
        found = _answer(runner, [token, position, *seed])
    position = len(prompt) - 1
    while True:
        yield from found[:count]
        count -= len(found)
        if count <= 0:
            return
        position += len(found)
        found = _answer(runner, [found[-1], position, *seed])


def _answer(runner: SampleRunner, request: list[int]) -> list[int]:
    """The tokens that follow the one of a request."""
    answer: list[int] = runner.run(np.array([[request]], np.int64)).reshape(-1).tolist()
    return answer
