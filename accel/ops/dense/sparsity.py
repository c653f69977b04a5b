"""N:M weights: every row has at most N non-zero ones in each group of M inputs. Found from the integers alone."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from accel.fold import Pattern
from accel.ops.dense.op import Dense

PATTERNS = (Pattern(1, 4), Pattern(1, 2), Pattern(2, 4), Pattern(4, 8))
"""What is looked for, the least work first, then the least choice."""

_FOUND: WeakKeyDictionary[Dense, Pattern | None] = WeakKeyDictionary()


def pattern(op: Dense) -> Pattern | None:
    """The first of PATTERNS that the weights keep to."""
    if op not in _FOUND:
        _FOUND[op] = next((found for found in PATTERNS if _excess(op.weight.values, found) is None), None)
    return _FOUND[op]


def refusal(weight: np.ndarray, claimed: Pattern) -> str | None:
    """Name a row and a group of inputs that lack the zeros that the fold assumes; None if all have them."""
    if claimed not in PATTERNS:
        return f"sparse is {str(claimed)!r}; known are {', '.join(map(str, PATTERNS))}"
    excess = _excess(weight, claimed)
    return excess and f"the weights are not {claimed}: {excess}"


def _excess(weight: np.ndarray, claimed: Pattern) -> str | None:
    """Find a group that keeps the weights from being N:M."""
    rows, columns = weight.shape
    n, m = claimed
    if columns % m:
        return f"{columns} inputs are no groups of {m}"
    counts = np.count_nonzero(weight.reshape(rows, -1, m), axis=2)
    if counts.max() <= n:
        return None
    row, group = np.unravel_index(counts.argmax(), counts.shape)
    return f"row {row} has {counts.max()} that are not 0 for inputs {group * m} to {group * m + m - 1}"


def compress(weight: np.ndarray, kept: Pattern) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns) → the kept weights and their indices, (rows, columns · N / M) each.

    Groups with fewer than N non-zero weights keep zeros as well. The n-th kept weight of a group belongs to its input
    n + index.
    """
    n, m = kept
    groups = weight.reshape(len(weight), -1, m)
    places = np.sort(np.argsort(groups == 0, axis=2, kind="stable")[:, :, :n], axis=2)
    values = np.take_along_axis(groups, places, axis=2)
    return values.reshape(len(weight), -1), (places - np.arange(n)).reshape(len(weight), -1)
