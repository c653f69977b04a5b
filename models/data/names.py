"""Names of people as characters, from the package `names`: first names and the commonest surnames of the US census."""

from __future__ import annotations

import random
from pathlib import Path

import torch

from accel.errors import UserError
from models.data.split import IGNORED, Split

TOKENS = 16
COUNT = 32_033
"""As many as in the list of names that small language models are shown on (makemore, microGPT)."""
HELD_OUT = 0.1
SEED = 42
END = 26
"""Opens and closes a name; 0 to 25 are letters."""
VOCABULARY = 27


def load(tokens: int = TOKENS) -> Split:
    """Identifiers (samples, tokens), a name per sample, and for each the next one; IGNORED behind the end of a name.

    A tenth of the names is held out, always the same. Raises UserError where the package is not installed.
    """
    words = names()
    random.Random(SEED).shuffle(words)
    held = int(len(words) * HELD_OUT)
    return Split(*_samples(words[held:], tokens), *_samples(words[:held], tokens))


def names() -> list[str]:
    """All names in lower case: first names in alphabetical order, then surnames, the commonest first."""
    try:
        from names import FILES
    except ImportError:
        raise UserError("the names come with the package names: pip install 'accel-fpga[data]'") from None
    first = sorted({*_words(FILES["first:female"]), *_words(FILES["first:male"])})
    last = [name for name in _words(FILES["last"]) if name not in {*first}]
    return [name for name in first + last[: COUNT - len(first)] if name.isascii() and name.isalpha()]


def decode(identifiers: torch.Tensor) -> str:
    """Identifiers (tokens,) → letters, up to the end of the name."""
    found = identifiers.tolist()
    found = found[1:] if found[:1] == [END] else found
    return "".join(chr(ord("a") + index) for index in found[: found.index(END) if END in found else None])


def _words(path: str) -> list[str]:
    """The first column of a table, in lower case."""
    return [line.split()[0].lower() for line in Path(path).read_text(encoding="ascii").splitlines()]


def _samples(words: list[str], tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = torch.full((len(words), tokens), END), torch.full((len(words), tokens), IGNORED)
    for row, word in enumerate(words):
        line = torch.tensor([END, *(ord(letter) - ord("a") for letter in word), END])
        known = min(tokens, len(line) - 1)
        x[row, :known], y[row, :known] = line[:known], line[1 : known + 1]
    return x, y
