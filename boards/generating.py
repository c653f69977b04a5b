"""Tokens from a decode engine on a board: a request is a token with its position, an answer the tokens that follow.

Where the engine draws tokens, a request also has a seed; seed 0 asks for the likeliest token. An engine may also answer
with all logits, and then the host chooses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from accel import arguments
from accel.design import Design
from accel.engine.sampling import SEED_BITS, drawn
from accel.errors import UserError


class SampleRunner(Protocol):
    """Runs integer samples, (N, …) in stream order → int64 (N, beats, lanes) of the output stream."""

    def run(self, samples: np.ndarray, /) -> np.ndarray:
        """Raises ToolError when the board does not answer."""


@dataclass(frozen=True)
class TokenChoice:
    """How tokens are chosen: the likeliest one with seed 0, any other one draws them, the same ones each time.

    `temperature` (1 unless it is given) and `top_k`, the number of tokens to draw from (all unless it is given), are
    for engines that answer with all logits.
    """

    seed: int = 0
    temperature: float | None = None
    top_k: int | None = None


def generate(
    runner: SampleRunner, design: Design, prompt: Sequence[int], count: int, choice: TokenChoice | None = None
) -> Iterator[int]:
    """The `count` tokens that the network chooses behind a prompt, each as soon as the board has answered.

    A request says where its token stands. So it may reach the board twice, as it does when an answer is lost: what
    the board keeps of a token, and what it answers, stay the same.

    Raises UserError for a design that is no decode engine, a token that it lacks, more tokens than its context, and a
    choice that it does not have.
    """
    tokens, wanted = checked(design, prompt, count)
    return _chosen(runner, design, tokens, wanted, checked_choice(design, choice or TokenChoice()))


def draws(design: Design) -> bool:
    """Does a decode engine draw tokens, where it is given a seed?"""
    return design.input.lanes > 2


def tells_logits(design: Design) -> bool:
    """Does a decode engine answer with all logits?"""
    return design.output.tensor.channels > 1


def vocabulary(design: Design) -> int:
    """The number of tokens that a decode engine knows."""
    return design.output.tensor.channels if tells_logits(design) else design.output.tensor.hi + 1


def checked_choice(design: Design, choice: TokenChoice) -> TokenChoice:
    """The choice, in plain numbers. Raises UserError where the engine does not choose so."""
    seed, at_host, temperature = arguments.whole("the seed", choice.seed), tells_logits(design), choice.temperature
    top_k = None if choice.top_k is None else arguments.whole("top-k", choice.top_k, 1)
    if not at_host and (temperature, top_k) != (None, None):
        raise UserError(
            f"{design.name} chooses tokens itself, so a host has no temperature and no top-k: `accel lower --logits` "
            "makes an engine that answers with all logits"
        )
    if temperature is not None:
        temperature = arguments.positive("the temperature", temperature)
    if not seed and (temperature, top_k) != (None, None):
        raise UserError("temperature and top-k are of tokens that are drawn; give a seed from 1, too")
    if not at_host and not draws(design) and seed:
        raise UserError(
            f"{design.name} chooses the likeliest token and takes no seed: `accel lower --temperature` makes an "
            "engine that draws tokens"
        )
    if not 0 <= seed < 1 << SEED_BITS:
        raise UserError(f"seed {seed} is not one of 0..{(1 << SEED_BITS) - 1}, of which 0 asks for the likeliest token")
    return TokenChoice(seed, temperature, top_k)


def checked(design: Design, prompt: Sequence[int], count: int) -> tuple[list[int], int]:
    """The prompt and the number of tokens behind it. Raises UserError as `generate` does."""
    if design.context is None:
        raise UserError(
            f"{design.name} is no decode engine, so it has no tokens: `accel lower --target engine` writes one"
        )
    if not isinstance(prompt, Sequence | np.ndarray):
        raise UserError(f"the prompt is {prompt!r:.40}; give a list of tokens")
    tokens = [arguments.whole("a token of the prompt", token) for token in prompt]
    wanted, highest = arguments.whole("the number of tokens", count), vocabulary(design) - 1
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


def _chosen(runner: SampleRunner, design: Design, prompt: list[int], count: int, choice: TokenChoice) -> Iterator[int]:
    seed = [choice.seed] if draws(design) else []

    def following(token: int, position: int) -> list[int]:
        answer = runner.run(np.array([[[token, position, *seed]]], np.int64)).reshape(-1)
        return [_picked(design, answer, position, choice)] if tells_logits(design) else answer.tolist()

    for position, token in enumerate(prompt):
        found = following(token, position)
    position = len(prompt) - 1
    while True:
        yield from found[:count]
        count -= len(found)
        if count <= 0:
            return
        position += len(found)
        found = following(found[-1], position)


def _picked(design: Design, logits: np.ndarray, position: int, choice: TokenChoice) -> int:
    """The token that a host chooses; a draw depends on the seed and the position alone."""
    if not choice.seed:
        return int(logits.argmax())
    real = logits * np.asarray(design.output.tensor.scale)
    return drawn(real, choice.temperature or 1.0, choice.top_k, np.random.default_rng([choice.seed, position]))
