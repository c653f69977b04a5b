"""Cycles that the units of the decode engine take, from the same integers as the parameters of their SystemVerilog.

Gaps between instructions are computed from these; the tests of the units compare every result at its cycle.
"""

from __future__ import annotations

STEPS = 3
"""Bits of a root or a quotient that a unit finds in a cycle."""


def levels(lanes: int) -> int:
    """Levels of four in which `lanes` values become one: the last one also takes in what came before."""
    return max(1, (max(1, lanes - 1).bit_length() + 1) // 2)


def root(variance_bits: int, guard: int, fraction: int, numerator: int, least: int, *, l2: bool, gain: int = 1) -> int:
    """R of a Norm by digits, behind v of `variance_bits`; in form "l2" the leading bits are found first."""
    bits = guard + fraction if l2 else (variance_bits + 2 * guard + 1) // 2
    return l2 + _cycles(bits) + _cycles(numerator - least + 1) + (gain > 1)


ROOT_TABLE = 2
"""R of a Norm of form "l2" by a table: leading bits, memory."""


MEAN, CENTRED = 2, 5
"""The mean of the channels behind their sum, and the sum of squares of the differences from it."""


def shares(slow: bool) -> int:
    """Exponentials behind their scores: LE."""
    return 1 + slow


def reciprocal(inverse_bits: int, significant: int) -> int:
    """The multiplier of a division by digits; the largest inverse has `inverse_bits`, of which `significant` stay."""
    return 1 + _cycles(inverse_bits) + (0 < significant < inverse_bits)


RECIPROCAL_TABLE = 2
"""The multiplier of a division by a table: leading bits, memory."""


def factor(lanes: int, slow: bool, division: int) -> int:
    """The multiplier of a head behind its last scores: LF, for a `division` of that many cycles."""
    return shares(slow) + levels(lanes) + division


def rotary(slow: bool) -> int:
    """Turned pairs behind their data."""
    return 2 + slow


def gate(form: int, slow: bool) -> int:
    """Activations behind their data: a table's entry (form 0), x · entry (1), gate · up behind up (2)."""
    return 2 + form + slow


def argmax(lanes: int) -> int:
    """The row of the largest value behind the last block."""
    return levels(lanes)


EXPONENT = 2
"""The exponent of a vector behind the first cycle in which its last block may be read."""

NOISE = 3
"""Values with noise behind the values."""


def _cycles(bits: int) -> int:
    return -(-bits // STEPS)
