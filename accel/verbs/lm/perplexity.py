"""The cost of integers: a network in real numbers and its integer graph read the same text, compared token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from accel import reference
from accel.arrays import single
from accel.errors import UserError
from accel.progress import Progress

if TYPE_CHECKING:
    import torch

    from accel.graph import Graph

ROWS = 64
"""Tokens whose logits are compared at once: bounds the memory."""


@dataclass(frozen=True)
class Perplexity:
    """Nats per token of a text, in windows that are read from nothing; every token but the first of one is predicted.

    kl: mean of KL(float ‖ integer) in nats. flips: share of tokens whose likeliest successor is another one.
    error: standard error of `cost`, from the differences of single tokens; None of one token alone.
    """

    tokens: int
    nats_float: float
    nats_integer: float
    kl: float
    flips: float
    error: float | None

    @property
    def cost(self) -> float:
        """Nats per token that the integers lose."""
        return self.nats_integer - self.nats_float


def windows(ids: Sequence[int], window: int, tokens: int | None) -> list[Sequence[int]]:
    """Whole windows of a text, as many as predict `tokens` tokens; None: all. A text shorter than one is one window.

    Raises UserError when nothing can be predicted, or not as many tokens.
    """
    if len(ids) < 2:
        raise UserError(f"the text has {len(ids)} tokens; at least 2 are needed")
    window = min(window, len(ids))
    found = [ids[first : first + window] for first in range(0, len(ids) - window + 1, window)]
    if tokens is None:
        return found
    needed = -(-tokens // (window - 1))
    if needed > len(found):
        raise UserError(
            f"the text predicts {len(found) * (window - 1)} tokens in windows of {window}, not {tokens}; "
            "give a longer text, or fewer tokens"
        )
    return found[:needed]


def measure(
    network: torch.nn.Module, graph: Graph, parts: Sequence[Sequence[int]], device: str, progress: Progress
) -> Iterator[Perplexity]:
    """Compare a network with its graph, which has as many tokens as each of `parts`: the result after every part."""
    found, known = list[np.ndarray](), ""
    for number, part in enumerate(parts, 1):
        progress(f"{number} of {len(parts)} windows{known}")
        found.append(_window(network, graph, np.asarray(part), device))
        result = _summary(np.concatenate(found, axis=1))
        known = f", {result.nats_float:.4f} nats in real numbers, {result.cost:+.4f} in integers"
        yield result


def _summary(found: np.ndarray) -> Perplexity:
    real, integer, kl, flips = found
    error = float((integer - real).std(ddof=1) / np.sqrt(len(real))) if len(real) > 1 else None
    nats, others = (float(real.mean()), float(integer.mean())), (float(kl.mean()), float(flips.mean()))
    return Perplexity(len(real), *nats, *others, error)


def _window(network: torch.nn.Module, graph: Graph, ids: np.ndarray, device: str) -> np.ndarray:
    """Nats in real numbers and in integers, KL, and 1 where the likeliest differs, of every token but the first."""
    import torch

    with torch.inference_mode():
        real = network(torch.from_numpy(ids)[None])[0].numpy()
    whole = single(reference.run(graph, ids[None, :, None], device=device))[0]
    step = np.asarray(graph.output_tensor.scale)
    return np.concatenate([*_compared(real, whole, step, ids)], axis=1)


def _compared(real: np.ndarray, whole: np.ndarray, step: np.ndarray, ids: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, len(ids) - 1, ROWS):
        rows = slice(first, min(first + ROWS, len(ids) - 1))
        following = ids[rows.start + 1 : rows.stop + 1, None]
        p, q = (_log_softmax(x) for x in (real[rows].astype(np.float64), whole[rows] * step))
        nats = [-np.take_along_axis(x, following, axis=1)[:, 0] for x in (p, q)]
        kl = (np.exp(p) * (p - q)).sum(1)
        yield np.stack([*nats, kl, p.argmax(1) != q.argmax(1)])


def _log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.max(1, keepdims=True)
    found: np.ndarray = x - np.log(np.exp(x).sum(1, keepdims=True))
    return found
