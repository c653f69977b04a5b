"""How a language model becomes integers: formats of all that lies between two matrices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Format(NamedTuple):
    """Signed integers of `bits` bits in steps of 2^-fraction."""

    bits: int
    fraction: int

    @property
    def limits(self) -> tuple[int, int]:
        """The lowest and the highest integer."""
        return -(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1

    @property
    def step(self) -> float:
        return 2.0**-self.fraction


@dataclass(frozen=True)
class IntegerRecipe:
    """Formats; the defaults are B10, which loses no accuracy that could be measured on SmolLM2-135M.

    Nothing is calibrated: what a matrix reads has one exponent per token, and keys and values one per token and head.
    """

    activation_bits: int = 10
    """Mantissas of what matrices read, with one exponent per token."""
    activation_group: int = 0
    """Channels that share an exponent; 0: all of a token."""
    query_bits: int = 12
    key_value_bits: int = 8
    residual: Format = field(default=Format(25, 8))
    """The first token of some models carries activations of many thousands: clipping them ruins the text."""
    normed: Format = field(default=Format(16, 9))
    gain_bits: int = 8
    attention: Format = field(default=Format(16, 9))
    """Queries, keys and values."""
    mixed: Format = field(default=Format(16, 11))
    """What attention returns."""
    gates: Format = field(default=Format(16, 8))
    hidden: Format = field(default=Format(24, 8))
    """The product of the two gates."""
    rotary_bits: int = 8
    score_fraction: int = 4
    exponential_bits: int = 12
    sigmoid: Format = field(default=Format(9, 4))
    """What the table of sigmoids reads."""
    sigmoid_bits: int = 8
    accumulator: Format = field(default=Format(26, -8))
    """Sums of products in steps of 2^8, in front of the multipliers of rows."""


B10 = IntegerRecipe()
