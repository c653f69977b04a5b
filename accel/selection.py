"""Selection of one candidate per node that minimizes the largest share of the budget over all resources.

A table holds the shares of one node's candidates: one row each, one column per resource. Prices turn the resources
into one number and rise for what runs short (multiplicative weights); then single nodes are changed as long as that
helps.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

ROUNDS = 40
"""Changes of prices; choices stop changing well before."""
STEP = 0.5
CostTable = np.ndarray


class Selection(NamedTuple):
    """`picked` has the row of every node, `shares` their sum; `prices` sum to 1 and led to the choice."""

    picked: list[int]
    shares: np.ndarray
    prices: np.ndarray


def select(tables: list[CostTable], limited: int | None = None) -> Selection:
    """A row of every table. Resource number `limited`, if any, keeps to a share of 1 where that is possible."""
    picked, prices = _priced(tables)
    picked = _improved(tables, picked)
    if limited is not None:
        picked = _with_fewer(limited, tables, picked)
    return Selection(picked, _sum(tables, picked), prices)


def _sum(tables: list[CostTable], picked: list[int]) -> np.ndarray:
    """Shares of a choice, summed over the nodes."""
    return np.sum([np.zeros(4), *(table[k] for table, k in zip(tables, picked, strict=True))], axis=0)


def _rank(shares: np.ndarray) -> tuple[float, float]:
    """The largest share counts, then their sum."""
    return float(shares.max()), float(shares.sum())


def _priced(tables: list[CostTable]) -> tuple[list[int], np.ndarray]:
    """The best choice that any prices lead to, and these prices."""
    prices, found = np.full(4, 0.25), []
    if not tables:
        return [], prices
    for _ in range(ROUNDS):
        picked = [int((table @ prices).argmin()) for table in tables]
        shares = _sum(tables, picked)
        found.append((_rank(shares), picked, prices))
        prices = prices * np.exp(STEP * shares / shares.max())
        prices /= prices.sum()
    best = min(found, key=lambda entry: entry[:2])
    return best[1], best[2]


def _with_fewer(resource: int, tables: list[CostTable], picked: list[int]) -> list[int]:
    """The choice changed until its share of one resource is at most 1, or as small as it gets.

    Every step takes the node whose other shares grow least for what it saves.
    """
    picked = list(picked)
    while _sum(tables, picked)[resource] > 1:
        steps = [
            (float((table[k] - table[now]).sum() / (table[now, resource] - table[k, resource])), node, k)
            for node, (table, now) in enumerate(zip(tables, picked, strict=True))
            for k in range(len(table))
            if table[k, resource] < table[now, resource]
        ]
        if not steps:
            break
        _, node, k = min(steps)
        picked[node] = k
    return picked


def _improved(tables: list[CostTable], picked: list[int]) -> list[int]:
    """The choice with single nodes changed as long as that helps: equal nodes have equal prices, but may differ."""
    picked, shares, better = list(picked), _sum(tables, picked), True
    while better:
        better = False
        for node, table in enumerate(tables):
            others = shares - table[picked[node]] + table
            k = min(range(len(table)), key=lambda k: _rank(others[k]))
            if _rank(others[k]) < _rank(shares):
                picked[node], shares, better = k, others[k], True
    return picked
