"""Arguments of public functions: one line about a value of the wrong kind, before any work starts.

Each function returns the value in its plain type, and raises UserError with the argument's name for anything else.
"""

from __future__ import annotations

import numbers
import operator
import sys
from collections.abc import Iterable
from typing import Any

from accel.errors import UserError
from accel.spelling import printable


def whole(name: str, value: Any, least: int | None = None) -> int:
    """A whole number, at least `least`; True and False are none."""
    try:
        if isinstance(value, bool):
            raise TypeError
        found = operator.index(value)
    except TypeError:
        raise UserError(f"{name} is {told(value)}; give a whole number") from None
    if least is not None and found < least:
        raise UserError(f"{name} is {found}; give at least {least}")
    return found


def positive(name: str, value: Any) -> float:
    """A finite real number above 0; True is none."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not (is_number and 0 < value <= sys.float_info.max):
        raise UserError(f"{name} is {told(value)}; give a finite number above 0")
    return float(value)


def text(name: str, value: Any) -> str:
    """A text that UTF-8 has, which a command line in another encoding may not be."""
    if not isinstance(value, str):
        raise UserError(f"{name} is {told(value)}; give a text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise UserError(f"{name} is not UTF-8; convert it") from None
    return value


def texts(name: str, value: Any) -> tuple[str, ...]:
    """Texts; one alone needs no list. `name` is that of one."""
    many = [value] if isinstance(value, str) or not isinstance(value, Iterable) else value
    return tuple(text(name, one) for one in many)


def told(value: object) -> str:
    """A value in a line of text."""
    return printable(repr(value), 40)
