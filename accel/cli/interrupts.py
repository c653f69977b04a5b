"""Ctrl-C and a polite kill: one exception that cleans up on its way out, and that nobody can swallow."""

from __future__ import annotations

import gc
import signal
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

_AGAIN_S = 0.2


class Interrupted(KeyboardInterrupt):
    """An interruption. CPython kills itself after a plain KeyboardInterrupt that passed through `exec`."""


_raised: weakref.ref[Interrupted] | None = None
NOTHING = "nothing half-written was left behind"
_left = NOTHING


def left_behind() -> str:
    """Words for what an interruption left behind; they are given once."""
    global _left
    told, _left = _left, NOTHING
    return told


@contextmanager
def resumable(what: str) -> Iterator[None]:
    """While the block runs, an interruption leaves `what` behind."""
    global _left
    _left = what
    try:
        yield
    except Exception:
        _left = NOTHING
        raise
    _left = NOTHING  # not after an interruption: it is told later


def install() -> None:
    """Raise Interrupted in the main thread on SIGINT (unless it is ignored) and SIGTERM.

    Destructors, callbacks and bare `except` clauses of libraries drop exceptions. So the signal handler keeps
    looking: while the exception is on its way up it is alive, and when it is not, it is raised anew.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    signal.signal(signal.SIGALRM, _interrupt)


def finish() -> bool:
    """Whether the command was interrupted, whatever became of the exception; it is not raised any more."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    return _raised is not None


@contextmanager
def awaited() -> Iterator[threading.Event]:
    """Where Ctrl-C is the regular end: while the block runs, it (or SIGTERM) sets the event and raises nothing."""
    event = threading.Event()
    numbers = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: event.set()) for number in numbers}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(*_: object) -> None:
    global _raised
    gc.collect()  # an exception that was caught and dropped can hang in a cycle with its own traceback
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
    if _raised is None or _raised() is None:
        error = Interrupted()
        _raised = weakref.ref(error)
        raise error
