"""The residual stream of a network, turned: it says the same, and no channel is much larger than the others.

Gains of norms become part of the matrices behind them. Then an orthogonal matrix goes into the embedding, and into all
that reads or writes the stream (Ashkboos et al. 2024, QuaRot). Nothing is added to the graph.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from accel.checkpoints import Checkpoint, Weight
from accel.errors import UserError
from models.llama.rotation import hadamard

READERS, WRITERS = ("q", "k", "v", "gate", "up"), ("out", "down")
SEED = 0


def folded(checkpoint: Checkpoint, rotation: bool = True) -> Checkpoint:
    """A checkpoint of the same network, in float32, whose norms have gains of 1, and with `rotation` a turned stream.

    Its head is a matrix of its own, for it has the gains of the last norm. Raises UserError for a network with
    LayerNorms: the mean that they subtract is not that of the turned channels.
    """
    c = checkpoint.configuration
    if c.norm != "rms":
        raise UserError(
            f"a {c.family} has LayerNorms, which no rotation passes; leave folded_rotation and folded_gains at 0"
        )
    turn = orthogonal(c.width, np.random.default_rng(SEED)) if rotation else np.eye(c.width)
    names = [*checkpoint.weights, *(["head"] if c.tied else [])]
    weights = dict(_turned(checkpoint, names, turn))
    return replace(checkpoint, configuration=replace(c, tied=False), weights=weights)


def is_folded(checkpoint: Checkpoint) -> bool:
    """Are all gains of norms in front of matrices 1?"""
    gains = (w for name, w in checkpoint.weights.items() if name.rpartition(".")[2] == "norm")
    return all(bool((gain.float32() == 1).all()) for gain in gains)


def orthogonal(size: int, rng: np.random.Generator) -> np.ndarray:
    """A Hadamard matrix of the largest power of two in `size`, times a random orthogonal one, with random signs."""
    power = size & -size
    small = np.linalg.qr(rng.normal(size=(size // power, size // power)))[0]
    turn: np.ndarray = np.kron(small, hadamard(power) / math.sqrt(power)) * rng.choice([-1.0, 1.0], size)[:, None]
    return turn


def _turned(checkpoint: Checkpoint, names: list[str], turn: np.ndarray) -> Iterator[tuple[str, Weight]]:
    """All weights by name, each turned on the side of the residual stream."""
    for name in names:
        weight = checkpoint.head if name == "head" else checkpoint[name]
        parent, _, part = name.removesuffix(".bias").rpartition(".")
        real = weight.float32().astype(np.float64)
        if part in WRITERS:
            real = turn.T @ real
        elif part == "embedding":
            real = real @ turn
        elif part == "head" or (part in READERS and real.ndim > 1):
            real = real * checkpoint[f"{parent}.norm" if parent else "norm"].float32() @ turn
        elif part == "norm":
            real = np.ones_like(real)
        raw = np.ascontiguousarray(real, np.float32)
        yield name, Weight(weight.file, weight.name, "F32", raw.shape, raw)
        weight.file.forget()
