"""Random N:M weights."""

from __future__ import annotations

import numpy as np

from accel.fold import Pattern


def kept_weights(rng: np.random.Generator, rows: int, columns: int, kept: Pattern, top: int) -> np.ndarray:
    """(rows, columns) of −top..top, with exactly N in some groups, fewer in others, none in some or in whole rows."""
    weight = rng.integers(-top, top, (rows, columns // kept.m, kept.m), endpoint=True)
    weight[weight == 0] = 1
    places = np.argsort(rng.random(weight.shape), axis=2)
    counts = rng.choice([kept.n, kept.n, 0, rng.integers(0, kept.n + 1)], (rows, weight.shape[1], 1))
    counts[rng.random(rows) < 0.2] = 0
    return np.where(places < counts, weight, 0).reshape(rows, columns)
