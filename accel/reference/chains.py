"""Nodes that go on with columns of a matrix as soon as these are known, in the thread that made them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from accel.graph import Graph


class Chains(NamedTuple):
    """Nodes that tell which columns they have finished, and nodes that can work on some columns."""

    leaders: frozenset[str]
    followers: frozenset[str]

    def lengths(self, graph: Graph, names: Sequence[str]) -> list[int]:
        """How many of the next nodes follow each, for nodes in an order."""
        found, leader = [0] * len(names), -1
        for place, name in enumerate(names):
            shape = graph.tensors[name].shape
            if leader >= 0 and name in self.followers and shape == graph.tensors[names[leader]].shape:
                found[leader] += 1
            else:
                leader = place if name in self.leaders else -1
        return found

    def times(self, graph: Graph, names: Sequence[str]) -> dict[str, int]:
        """The time at which each is evaluated, for nodes in an order: that of a chain is one."""
        found: dict[str, int] = {}
        behind, time = 0, -1
        for name, length in zip(names, self.lengths(graph, names), strict=True):
            time += not behind
            behind = behind - 1 if behind else length
            found[name] = time
        return found
