"""How the rows of an edge are known while the tokens of a sequence come one after the other.

Row t of an edge belongs to token t. In a causal graph no row needs a later token, so rows can be evaluated in turn
(`accel.reference.decode`). Every operator says what becomes of its inputs' rows: `Op.by_row`.
"""

from __future__ import annotations

from enum import Enum

from accel.errors import GraphError


class Rows(Enum):
    """The part of row t that is known when tokens 0 to t are."""

    WHOLE = "all channels"
    SCORES = "for every head a column per key; those of keys behind t are unknown"
    SHARES = "all channels; for every head a column per key, and 0 for keys behind t"


def mixing(*inputs: Rows) -> Rows:
    """Rows of an operator that reads channels of a token together. Raises GraphError on scores of later keys."""
    if Rows.SCORES in inputs:
        raise GraphError("it mixes scores of earlier tokens with those of later ones; put a causal Softmax before it")
    return Rows.WHOLE


def elementwise(*inputs: Rows, keeps_zero: bool) -> Rows:
    """Rows of an operator that reads element (t, c) alone; `keeps_zero`: zeros of all inputs give a zero."""
    if Rows.SCORES in inputs:
        return Rows.SCORES
    return Rows.SHARES if keeps_zero and set(inputs) == {Rows.SHARES} else Rows.WHOLE
