"""Tokenization by scores, as BPE models of SentencePiece do it: the best two neighbours are merged, again and again."""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Iterable, Mapping, Sequence

MARK = "▁"
"""SentencePiece's sign for a space."""


class Scored:
    """Pieces with scores, and tokens for single bytes where no piece fits.

    pieces: text of each identifier in UTF-8, with `space` for a space. scores: higher is merged first, the left pair
    among equals. fallback: byte → identifier. special: identifiers that plain text never gives, with their texts.
    prefix: a text gets a space in front, which decoding takes away. Raises ValueError on a score that is not finite.
    """

    def __init__(
        self,
        pieces: Sequence[bytes],
        scores: Sequence[float],
        fallback: Mapping[int, int],
        *,
        space: str = MARK,
        prefix: bool = True,
        special: Mapping[str, int] | None = None,
        unknown: int = 0,
    ) -> None:
        if not all(map(math.isfinite, scores)):
            raise ValueError("a token's score is not finite")
        self.special: Mapping[str, int] = dict(special or {})
        self.prefix = prefix
        self._space, self._fallback, self._unknown, self._scores = space, fallback, unknown, scores
        bytes_of = {identifier: bytes([byte]) for byte, identifier in fallback.items()}
        apart = {*bytes_of, *self.special.values()}
        self._places = {piece: i for i, piece in enumerate(pieces) if i not in apart}
        self.pieces: Sequence[bytes] = [
            bytes_of.get(i) or piece.replace(space.encode(), b" ") for i, piece in enumerate(pieces)
        ]

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Identifiers of a text; with `special`, texts of special tokens in it become those tokens."""
        if not special or not self.special:
            return self._plain(text)
        longest = sorted(self.special, key=len, reverse=True)
        parts = re.split(f"({'|'.join(map(re.escape, longest))})", text)
        return [i for part in parts for i in ([self.special[part]] if part in self.special else self._plain(part))]

    def entries(self) -> dict[str, object]:
        """Values for a file, beside pieces and special tokens."""
        return {
            "scores": [float(score) for score in self._scores],
            "fallback": {str(byte): i for byte, i in self._fallback.items()},
            "space": self._space,
            "unknown": self._unknown,
        }

    def _plain(self, text: str) -> list[int]:
        if not text:
            return []
        marked = (" " * self.prefix + text).replace(" ", self._space)
        symbols = self._merged([c.encode("utf-8", errors="replace") for c in marked])
        return [i for symbol in symbols for i in self._identifiers(symbol)]

    def _identifiers(self, symbol: bytes) -> Iterable[int]:
        if symbol in self._places:
            return [self._places[symbol]]
        return [self._fallback.get(byte, self._unknown) for byte in symbol]

    def _merged(self, symbols: list[bytes]) -> list[bytes]:
        """The symbols after all merges. A symbol that was merged into its left neighbour is empty."""
        after = [*range(1, len(symbols)), -1]
        before = [*range(-1, len(symbols) - 1)]
        queue: list[tuple[float, int, int, bytes]] = []

        def offer(left: int, right: int) -> None:
            if left >= 0 and right >= 0:
                pair = symbols[left] + symbols[right]
                if (place := self._places.get(pair)) is not None:
                    heapq.heappush(queue, (-self._scores[place], left, right, pair))

        for left in range(len(symbols) - 1):
            offer(left, left + 1)
        while queue:
            _, left, right, pair = heapq.heappop(queue)
            if not symbols[left] or not symbols[right] or symbols[left] + symbols[right] != pair:
                continue  # one of the two has been merged since
            symbols[left], symbols[right] = pair, b""
            after[left] = after[right]
            if after[left] >= 0:
                before[after[left]] = left
            offer(before[left], left)
            offer(left, after[left])
        return [symbol for symbol in symbols if symbol]
