"""Vocabularies of single characters, for networks that come without a tokenizer's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from accel.checkpoints.tokenizer import Tokenizer
from accel.errors import UserError


class Alphabet:
    """An identifier for each of some symbols, in their order, and one behind them that begins and ends texts."""

    prefix = False

    def __init__(self, symbols: Sequence[bytes], name: str, *, ends: bool = False, folded: bool = False) -> None:
        """`name` says in errors what a text may have. With `folded`, capital letters count as small ones."""
        self._name, self._folded = name, folded
        self._places = {symbol: place for place, symbol in enumerate(symbols)}
        self.pieces: Sequence[bytes] = [*symbols, b""] if ends else symbols
        self.special: Mapping[str, int] = {"<end>": len(symbols)} if ends else {}

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Identifiers of a text. Raises UserError for a symbol that the alphabet lacks."""
        raw = (text.lower() if self._folded else text).encode("utf-8")
        symbols = [raw[place : place + 1] for place in range(len(raw))]
        if missing := [symbol for symbol in symbols if symbol not in self._places]:
            shown = missing[0].decode("ascii", "backslashreplace")
            raise UserError(f"{shown!r} is not in the alphabet: a text has {self._name}")
        return [self._places[symbol] for symbol in symbols]


def letters() -> Tokenizer:
    """a to z, and token 26, which begins and ends a name."""
    alphabet = Alphabet(
        [bytes([code]) for code in range(ord("a"), ord("z") + 1)], "letters a to z", ends=True, folded=True
    )
    return Tokenizer(alphabet, begin=26, ends=frozenset({26}), adds_begin=True)


def ascii_symbols() -> Tokenizer:
    """The end of a line, and the characters of ASCII from space to tilde: what `accel train` calls text."""
    return Tokenizer(Alphabet([b"\n", *(bytes([code]) for code in range(ord(" "), ord("~") + 1))], "ASCII characters"))


def byte_values() -> Tokenizer:
    """All bytes of UTF-8."""
    return Tokenizer(Alphabet([bytes([code]) for code in range(256)], "bytes"))


ALPHABETS: dict[str, Callable[[], Tokenizer]] = {"letters": letters, "ascii": ascii_symbols, "bytes": byte_values}
"""Tokenizers that need no file, by the name that a user gives."""
