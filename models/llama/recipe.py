"""How a language model becomes integers: formats of all that lies between two matrices."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from accel.arguments import told
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


WORDS, FRACTIONS = (8, 24), (-8, 24)
LIMITS: dict[str, tuple[int, int]] = {
    "weight_bits": (2, 8), "weight_group": (1, 1 << 16), "weight_symmetric": (0, 1), "folded_rotation": (0, 1),
    "folded_gains": (0, 1), "spared_bits": (0, 16), "root_guard": (2, 24), "root_fraction": (1, 22),
    "divisor_bits": (1, 24),
    "activation_bits": (2, 16), "activation_group": (1, 1 << 16), "query_bits": (2, 16), "key_value_bits": (2, 16),
    "gain_bits": (2, 16), "rotary_bits": (2, 16), "exponential_bits": (2, 20), "sigmoid_bits": (1, 16),
    "residual": (8, 32), "hidden": (8, 32), "sigmoid": (2, 16), "gelu": (2, 16), "key_value_hadamard": (0, 1),
    "hidden_hadamard": (2, 1 << 12), "fitting_tokens": (2, 1 << 20), "fitting_seed": (0, 1 << 30),
    "training_steps": (1, 1 << 20),
}  # fmt: skip
"""Least and most of fields; of a format, of its bits, which are WORDS where it has no entry."""
OFF = (
    "weight_bits", "weight_group", "activation_bits", "activation_group", "query_bits", "key_value_bits",
    "fitting_tokens", "training_steps", "hidden_hadamard", "root_fraction", "divisor_bits", "bits of queries",
    "bits of keys", "bits of values",
)  # fmt: skip
"""Fields that may be 0 as well."""


@dataclass(frozen=True)
class IntegerRecipe:
    """Formats; the defaults are B14, which loses 0.0014 ± 0.0012 nats per token on SmolLM2-135M (KL 0.0026).

    Nothing is calibrated: what a matrix reads has one exponent per token, and keys and values one per token and head.
    A format saturates where a value lies beyond it, and nothing else does. `dataclasses.replace` changes fields.
    Raises UserError for a field that is out of range.
    """

    weight_bits: int = 0
    """Bits to which matrices are rounded anew; 0: quantized files keep their integers, real weights get 8 bits."""
    weight_group: int = 0
    """Inputs of a row that share a scale and an offset, fewer where they are no whole groups; 0: a scale per row.

    The embedding and the head keep 8 bits.
    """
    weight_symmetric: int = 0
    """1: groups have no offsets, and as many weights above 0 as below: with 2 bits, −1, 0 and 1 times a scale.

    It needs `weight_group`.
    """
    folded_rotation: int = 0
    """1: an orthogonal matrix turns the residual stream before weights are rounded (`models.llama.folded`).

    It becomes part of the weights, so integers of a quantized file are lost: they are rounded to `weight_bits`, or to 8
    bits per row.
    """
    folded_gains: int = 0
    """1: gains of norms become part of the matrices behind them; integers of a quantized file are lost, as above."""
    spared_bits: int = 8
    """The most bits that sums of matrices lose in front of the multipliers of their rows."""
    fitting_tokens: int = 0
    """Tokens that the network draws itself, on which the roundings of weights make up for each other (GPTQ); 0: none.

    It needs `weight_bits`.
    """
    fitting_seed: int = 1
    """Draws that text."""
    training_steps: int = 0
    """Steps in which the rounded network then learns, on more such text, what the network in real numbers says."""
    activation_bits: int = 14
    """Mantissas of what matrices read, with one exponent per token; 0: they read words as they are."""
    activation_group: int = 0
    """Channels that share an exponent, fewer where they are no whole groups; 0: all of a token."""
    query_bits: int = 12
    key_value_bits: int = 8
    """Mantissas of queries, and of keys and values, with one exponent per token and head; 0: words as they are."""
    key_value_hadamard: int = 0
    """1: queries, keys, values and what attention returns are turned by a Hadamard matrix per head.

    Keys and values of few bits lose less so, for none of their channels is much larger than the others.
    """
    hidden_hadamard: int = 0
    """Channels, a power of two, that a Hadamard matrix turns in front of the last matrix of a feed-forward; 0: none.

    Fewer where they are no whole groups. That matrix absorbs the inverse before it is rounded. The integers that a
    quantized file has for it are lost: it is rounded to `weight_bits`, or to 8 bits per row.
    """
    residual: Format = field(default=Format(25, 8))
    """The first token of some models carries activations of many thousands: clipping them ruins the text."""
    normed: Format = field(default=Format(16, 9))
    gain_bits: int = 12
    root_guard: int = 18
    root_fraction: int = 0
    """Bits of a sum of squares, in pairs, that its root sees, and pairs of zeros behind them: `guard` and `fraction` of
    `accel.ops.Norm`."""
    attention: Format = field(default=Format(16, 9))
    """Queries, keys and values."""
    queries: Format = field(default=Format(0, 0))
    keys: Format = field(default=Format(0, 0))
    values: Format = field(default=Format(0, 0))
    """What the last rounding of these makes of them; 0 bits: words of `attention`, like all in front of it."""
    scores: Format = field(default=Format(16, 6))
    """Queries times keys, from which the table of exponentials is read."""
    mixed: Format = field(default=Format(16, 11))
    """What attention returns."""
    gates: Format = field(default=Format(16, 8))
    hidden: Format = field(default=Format(24, 8))
    """The product of the two gates."""
    rotary_bits: int = 12
    exponential_bits: int = 12
    divisor_bits: int = 0
    """Leading bits of a sum of exponentials that its reciprocal sees; 0: all."""
    sigmoid: Format = field(default=Format(10, 5))
    """What the table of sigmoids reads."""
    gelu: Format = field(default=Format(10, 7))
    """What the table of a GELU's gates reads, of GPT-2 and Gemma."""
    sigmoid_bits: int = 10
    """Gates of either table, below 1."""

    def head_format(self, part: str) -> Format:
        """The format of queries ("q"), keys ("k") or values ("v") as attention reads them."""
        own = {"q": self.queries, "k": self.keys, "v": self.values}[part]
        return own if own.bits else self.attention

    @property
    def weight_levels(self) -> tuple[int, int]:
        """The lowest and the highest integer of a weight in a group."""
        symmetric = self.weight_symmetric or not self.weight_group  # a row with one scale has no offset
        top = (1 << (self.weight_bits - bool(symmetric))) - 1
        return (-top, top) if symmetric else (0, top)

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(one.default, Format):
                _require_format(one.name, value)
            else:
                _require(one.name, value, *LIMITS[one.name])
        if self.hidden_hadamard & (self.hidden_hadamard - 1):
            raise UserError(f"recipe: hidden_hadamard is a power of two, such as 64; got {self.hidden_hadamard}")
        if self.folded_rotation and self.folded_gains:
            raise UserError("recipe: folded_rotation folds gains as well; leave folded_gains at 0")
        if self.weight_symmetric and not (self.weight_bits and self.weight_group):
            raise UserError("recipe: weight_symmetric is of weights in groups; give weight_bits and weight_group")


def _require_format(name: str, value: object) -> None:
    if not isinstance(value, tuple) or len(value) != 2:
        raise UserError(f"recipe: {name} is a format, bits and fraction, such as Format(16, 9); got {told(value)}")
    _require(f"bits of {name}", value[0], *LIMITS.get(name, WORDS))
    _require(f"fraction of {name}", value[1], *FRACTIONS)


def _require(name: str, value: object, least: int, most: int) -> None:
    """Raise UserError unless a value is a whole number of least..most, or 0 where that is allowed."""
    if type(value) is not int or not (least <= value <= most or (value == 0 and name in OFF)):
        zero = "0, or " if name in OFF else ""
        raise UserError(f"recipe: {name} must be {zero}{least} to {most}; got {told(value)}")


B14 = IntegerRecipe()
B10 = IntegerRecipe(
    activation_bits=10, gain_bits=8, scores=Format(16, 4), rotary_bits=8, sigmoid=Format(9, 4), gelu=Format(9, 6),
    sigmoid_bits=8,
)  # fmt: skip
A = IntegerRecipe(activation_bits=8, activation_group=32, query_bits=8)
W8A8 = IntegerRecipe(weight_bits=8, activation_bits=8, activation_group=32, query_bits=8)
W4A8 = IntegerRecipe(weight_bits=4, weight_group=32, activation_bits=8, activation_group=32, query_bits=8)
E9 = IntegerRecipe(
    weight_bits=4, folded_gains=1, spared_bits=0, activation_bits=0, query_bits=0, key_value_bits=0,
    residual=Format(18, 12), normed=Format(9, 5), attention=Format(12, 5), queries=Format(9, 3), keys=Format(8, 2),
    values=Format(8, 5), scores=Format(12, 4), mixed=Format(9, 6), gates=Format(12, 8), hidden=Format(9, 5),
    rotary_bits=10, exponential_bits=8, sigmoid=Format(9, 5), sigmoid_bits=8, root_guard=5, root_fraction=8,
    divisor_bits=9,
)  # fmt: skip
RECIPES = {"B14": B14, "B10": B10, "A": A, "W8A8": W8A8, "W4A8": W4A8}
"""By name, the default first. A: 8 bits and an exponent per 32 channels. W8A8: beside that, weights of 8 bits per row.
W4A8: weights of 4 bits per 32 inputs."""

OPTIONS = {
    "W4A8-GPTQ": replace(W4A8, fitting_tokens=4096),
    "W4A8-QAT": replace(W4A8, fitting_tokens=4096, training_steps=200),
    "W3A8-QAT": replace(W4A8, weight_bits=3, fitting_tokens=4096, training_steps=200),
    "TERNARY-QAT": replace(W4A8, weight_bits=2, weight_symmetric=1, fitting_tokens=4096, training_steps=600),
    "KV4": replace(B14, key_value_bits=4, key_value_hadamard=1),
    "STATIC8": replace(
        W8A8, activation_bits=9, activation_group=0, normed=Format(8, 4), mixed=Format(8, 6), hidden=Format(8, 4)
    ),
    "E9": E9,
    "E9-QAT": replace(E9, fitting_tokens=4096, training_steps=200),
}
"""Recipes for those who need them, by name. The weights of four of them are fitted to the network, which takes minutes
for a small one and long for a large one. KV4: keys and values of 4 bits, behind Hadamard matrices.
STATIC8: matrices read words of 8 bits in one fixed step, so that none has an exponent; what lies beyond is clipped.
E9: what the decode engine runs. All formats are fixed and fit stories260K: matrices read words of at most 9 bits."""


def named(text: str) -> IntegerRecipe:
    """A recipe of RECIPES or OPTIONS by name, with fields changed: `B14`, `B14:key_value_bits=9,sigmoid=11/6`.

    A format is bits/fraction. The case of the name does not matter. Raises UserError for another name or field.
    """
    name, _, changes = text.partition(":")
    if (found := (RECIPES | OPTIONS).get(name.strip().upper())) is None:
        raise UserError(f"unknown recipe {printable(name, 40)!r}; there are {', '.join([*RECIPES, *OPTIONS])}")
    changed: dict[str, Any] = dict(_change(part) for part in changes.split(",") if part.strip())
    return replace(found, **changed)


def _change(text: str) -> tuple[str, int | Format]:
    """A field and its value, of `field=value`."""
    name, equals, value = (part.strip() for part in text.partition("="))
    known = {one.name: isinstance(one.default, Format) for one in fields(IntegerRecipe)}
    if name not in known or not equals:
        raise UserError(f"recipe: {printable(text.strip(), 40)!r} is no field=value; fields are {', '.join(known)}")
    parts = value.split("/") if known[name] else [value]
    try:
        numbers = [int(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != 1 + known[name]:
        wanted = "bits/fraction, such as 16/9" if known[name] else "a whole number"
        raise UserError(f"recipe: {name} is {wanted}; got {printable(value, 40)!r}")
    return name, Format(*numbers) if known[name] else numbers[0]
