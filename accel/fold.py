"""How far a node is folded: what of it works at once, and what makes its products.

A schedule has a fold per node; `accel.dataflow.folding` chooses it among those that the operator lists. Files have the
objects of `to_json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, NamedTuple, get_args

from accel.errors import UserError

Style = Literal["dsp", "lut"]
STYLES: tuple[Style, ...] = get_args(Style)
"""What makes the products of a fold, its `multiply`: hard multipliers, or look-up tables."""


class Pattern(NamedTuple):
    """N:M weights: at most N of every M in a row are not 0."""

    n: int
    m: int

    def __str__(self) -> str:
        return f"{self.n}:{self.m}"

    @property
    def index_bits(self) -> int:
        """Bits that select a kept weight: the n-th of a group lies 0 to M − N places after n."""
        return (self.m - self.n).bit_length()


ALL_KEPT = Pattern(1, 1)
"""No weight is left out."""


def _text(fold: Fold) -> str:
    """The fold as a file has it."""
    return json.dumps(to_json(fold))


@dataclass(frozen=True, slots=True)
class MatrixFold:
    """`pe` rows of `simd` products each per cycle, for `heads` heads at once.

    With a `sparse` pattern only the products of kept weights are made. An adder graph is `unrolled`, which is the
    number of adders between two registers; 0 for an array of multipliers.
    """

    pe: int
    simd: int
    multiply: Style = "dsp"
    sparse: Pattern = ALL_KEPT
    heads: int = 1
    unrolled: int = 0
    __str__ = _text

    @property
    def is_sparse(self) -> bool:
        """True where products of zeros are left out."""
        return self.sparse != ALL_KEPT

    @property
    def products(self) -> int:
        """Products per cycle."""
        return self.pe * self.simd * self.heads

    @property
    def parallel(self) -> int:
        """Products per cycle, with those that are left out."""
        return self.products // self.sparse.n * self.sparse.m


@dataclass(frozen=True, slots=True)
class LaneFold:
    """Beats of `lanes` elements, of `heads` heads at once.

    `unrolled` divisions and roots are pipelines, and this is the number of bits that they find between two registers;
    0 for serial ones.
    """

    lanes: int
    heads: int = 1
    unrolled: int = 0
    multiply: Style = "dsp"
    __str__ = _text

    @property
    def products(self) -> int:
        """Elements per cycle."""
        return self.lanes * self.heads

    parallel = products


@dataclass(frozen=True, slots=True)
class StageFold:
    """A stage has the lanes of the unit in front of it, so that only the kind of its products is a choice."""

    multiply: Style = "dsp"
    __str__ = _text

    def on(self, lanes: int) -> LaneFold:
        """The fold of the stage behind a unit with beats of `lanes` elements."""
        return LaneFold(lanes, multiply=self.multiply)


UnitFold = MatrixFold | LaneFold
Fold = UnitFold | StageFold
_KINDS: dict[str, type[Fold]] = {"lanes": LaneFold, "pe": MatrixFold, "simd": MatrixFold, "multiply": StageFold}
"""The first entry of these that a file has tells the kind of a fold."""


def to_json(fold: Fold) -> dict[str, int | str]:
    """Entries of a fold in a file: what is not the default, and the products of an array or a stage."""
    said = isinstance(fold, StageFold) or (isinstance(fold, MatrixFold) and not fold.unrolled)
    found = {}
    for field in fields(fold):
        value = getattr(fold, field.name)
        if value != field.default or (said and field.name == "multiply"):
            found[field.name] = str(value) if isinstance(value, Pattern) else value
    return found


def from_json(content: object) -> Fold:
    """Read a fold of a file. Raises UserError that says what is wrong in it."""
    kind = next((_KINDS[name] for name in _KINDS if name in content), None) if isinstance(content, dict) else None
    if not isinstance(content, dict) or kind is None:
        raise UserError(f"got {content!r:.80}, expected a fold: pe and simd, or lanes, or multiply")
    known = {field.name: field.default for field in fields(kind)}
    unknown = content.keys() - known.keys()
    missing = [name for name, default in known.items() if default is MISSING and name not in content]
    if unknown or missing:
        what = f"unknown entry {min(unknown)!r:.80}" if unknown else f"no {missing[0]}"
        raise UserError(f"got {content!r:.80}, with {what}; the entries of such a fold are {', '.join(known)}")
    entries: dict[str, Any] = {name: _entry(name, value) for name, value in content.items()}
    return kind(**entries)


def _entry(name: str, value: object) -> int | Pattern | Style:
    """Read an entry of a fold in a file."""
    read, expected = _ENTRIES.get(name, (_number, "a positive number"))
    found = read(value)
    if found is None:
        raise UserError(f"{name} is {value!r:.80}, expected {expected}")
    return found


def _number(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None


def _style(value: object) -> Style | None:
    return next((style for style in STYLES if style == value), None)


def _pattern(value: object) -> Pattern | None:
    found = re.fullmatch(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})", value) if isinstance(value, str) else None
    return Pattern(*map(int, found.groups())) if found else None


_ENTRIES: dict[str, tuple[Callable[[object], int | Pattern | Style | None], str]] = {
    "multiply": (_style, f"one of {', '.join(STYLES)}"),
    "sparse": (_pattern, "N:M, at most N of every M weights"),
}
"""How the entries that are no numbers are read, and what is expected of them."""
