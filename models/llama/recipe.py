"""How a language model becomes integers: formats of all that lies between two matrices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from accel.errors import UserError
from accel.spelling import printable


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
    """Formats; the defaults are B10, which loses 0.02 nats per token on SmolLM2-135M.

    Nothing is calibrated: what a matrix reads has one exponent per token, and keys and values one per token and head.
    """

    weight_bits: int = 0
    """Bits to which matrices are rounded anew; 0: quantized files keep their integers, real weights get 8 bits."""
    weight_group: int = 0
    """Inputs of a row that share a scale and an offset, fewer where they are no whole groups; 0: a scale per row.

    The embedding and the head keep 8 bits.
    """
    activation_bits: int = 10
    """Mantissas of what matrices read, with one exponent per token."""
    activation_group: int = 0
    """Channels that share an exponent, fewer where they are no whole groups; 0: all of a token."""
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
    gelu: Format = field(default=Format(9, 6))
    """What the table of a GELU's gates reads, of GPT-2 and Gemma."""
    sigmoid_bits: int = 8
    """Gates of either table, below 1."""
    accumulator: Format = field(default=Format(26, -8))
    """Sums of products in steps of 2^8, in front of the multipliers of rows."""


B10 = IntegerRecipe()
A = IntegerRecipe(activation_bits=8, activation_group=32, query_bits=8)
W8A8 = IntegerRecipe(weight_bits=8, activation_bits=8, query_bits=8)
W4A8 = IntegerRecipe(weight_bits=4, weight_group=32, activation_bits=8, activation_group=32, query_bits=8)
RECIPES = {"B10": B10, "A": A, "W8A8": W8A8, "W4A8": W4A8}
"""By name. A: 8 bits and an exponent per 32 channels. W8A8: weights of 8 bits per row. W4A8: 4 bits per 32 inputs."""


def named(name: str) -> IntegerRecipe:
    """A recipe of RECIPES, whatever the case of its name. Raises UserError for another name."""
    if (found := RECIPES.get(name.upper())) is None:
        raise UserError(f"unknown recipe {printable(name, 40)!r}; there are {', '.join(RECIPES)}")
    return found
