"""Text as characters: Python's own documentation, or the King James Bible where Debian has it installed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import torch

from accel.errors import UserError
from models.data.split import Split

TOKENS = 64
HELD_OUT = 0.1
SYMBOLS = "\n" + "".join(map(chr, range(ord(" "), ord("~") + 1)))
"""What the vocabulary knows: ASCII; other characters are spaces."""
VOCABULARY = len(SYMBOLS)


def load(tokens: int = TOKENS) -> Split:
    """`pydoc_data.topics` of the standard library, about 450,000 characters; the last tenth is held out."""
    from pydoc_data.topics import topics

    return split("".join(topics[name] for name in sorted(topics)), tokens)


def bible(tokens: int = TOKENS) -> Split:
    """The King James Bible, 4.1 million characters (Debian: bible-kjv). Raises UserError where it is not installed."""
    done = subprocess.run(
        [program(), "-f", "gen1:1-rev22:21"], capture_output=True, check=True, encoding="utf-8", errors="replace"
    )
    return split(done.stdout, tokens)


def program() -> Path:
    """The reader that knows the Bible. Raises UserError where it is not installed."""
    command = Path("/usr/bin/bible")
    if not command.exists():
        raise UserError("the King James Bible is not installed: Debian has it (apt install bible-kjv), or use `text`")
    return command


def split(text: str, tokens: int) -> Split:
    """Identifiers (samples, tokens) that follow each other, and for each the next one."""
    held = int(len(text) * (1 - HELD_OUT))
    return Split(*_windows(text[:held], tokens), *_windows(text[held:], tokens))


def encode(text: str) -> torch.Tensor:
    """Characters → identifiers."""
    known = {symbol: index for index, symbol in enumerate(SYMBOLS)}
    return torch.tensor([known.get(character, known[" "]) for character in text])


def decode(identifiers: torch.Tensor) -> str:
    """Identifiers (tokens,) → text."""
    return "".join(SYMBOLS[index] for index in identifiers.tolist())


def _windows(text: str, tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
    identifiers = encode(text)
    count = (len(identifiers) - 1) // tokens
    inputs, targets = (identifiers[first : first + count * tokens] for first in (0, 1))
    return inputs.reshape(count, tokens), targets.reshape(count, tokens)
