"""Chains of nodes that go on with columns of a matrix in the thread that made them."""

from __future__ import annotations

import numpy as np

from accel.building import Builder
from accel.graph import Graph
from accel.ops import Dense, Rescale
from accel.reference.chains import Chains
from accel.tensor import Tensor


def graph() -> Graph:
    """Two matrices, the first with two roundings behind it."""
    maker = Builder()
    x = maker.input(Tensor((3, 4), -8, 7))
    wide = maker.add(Dense(np.ones((6, 4), np.int64), np.zeros(6, np.int64)), x, name="wide")
    first = maker.add(Rescale([1], 1, "half_up", -99, 99), wide, name="first")
    second = maker.add(Rescale([1], 1, "half_up", -99, 99), first, name="second")
    narrow = maker.add(Dense(np.ones((2, 6), np.int64), np.zeros(2, np.int64)), second, name="narrow")
    return maker.graph(narrow, "two matrices")


def test_nodes_of_the_same_shape_follow_a_matrix() -> None:
    chains, names = Chains(frozenset({"wide", "narrow"}), frozenset({"first", "second"})), [*graph().tensors][1:]
    assert chains.lengths(graph(), names) == [2, 0, 0, 0]
    assert chains.times(graph(), names) == {"wide": 0, "first": 0, "second": 0, "narrow": 1}


def test_nothing_follows_what_tells_no_columns() -> None:
    chains, names = Chains(frozenset({"narrow"}), frozenset({"first", "second"})), [*graph().tensors][1:]
    assert chains.lengths(graph(), names) == [0, 0, 0, 0]
    assert chains.times(graph(), names) == {"wide": 0, "first": 1, "second": 2, "narrow": 3}
    assert chains.lengths(graph(), names[2:]) == [0, 0]


def test_another_shape_ends_a_chain() -> None:
    chains, names = Chains(frozenset({"wide"}), frozenset({"first", "narrow"})), ["wide", "narrow", "first"]
    assert chains.lengths(graph(), names) == [0, 0, 0]
