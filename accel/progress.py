"""How work in progress tells what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Progress = Callable[[str], None]
"""Called with what is being done now. Where the text counts ("3 of 60"), the command line shows a bar and the time."""
Working = Callable[[str], AbstractContextManager[Progress]]
"""Called with the name of a piece of work, which is done inside the block."""


@contextmanager
def silent(what: str) -> Iterator[Progress]:
    """Show nothing of a piece of work."""
    yield lambda text: None
