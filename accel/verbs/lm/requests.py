"""Arguments of language models: one line about a value of the wrong kind, before any work starts."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any

from accel.errors import UserError
from accel.spelling import printable

EXAMPLE = '{"role": "user", "content": "Hello"}'


def whole(name: str, value: Any, least: int | None = None) -> int:
    """A whole number, at least `least`. Raises UserError for anything else, True and False included."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise UserError(f"{name} is {_told(value)}; give a whole number")
    found = operator.index(value)
    if least is not None and found < least:
        raise UserError(f"{name} is {found}; give at least {least}")
    return found


def text(name: str, value: Any) -> str:
    """A text that UTF-8 has. Raises UserError for anything else, such as a command line in another encoding."""
    if not isinstance(value, str):
        raise UserError(f"{name} is {_told(value)}; give a text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise UserError(f"{name} is not UTF-8; convert it") from None
    return value


def texts(name: str, value: Any) -> tuple[str, ...]:
    """Texts; one alone needs no list. Raises UserError for anything else; `name` is that of one."""
    many = [value] if isinstance(value, str) or not isinstance(value, Iterable) else value
    return tuple(text(name, one) for one in many)


def messages(value: Any) -> list[Mapping[str, str]]:
    """Messages of a conversation. Raises UserError for anything else."""
    many = value if isinstance(value, Iterable) and not isinstance(value, str | Mapping) else [value]
    return [_message(one) for one in many]


def _message(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not value.keys() >= {"role", "content"}:
        raise UserError(f"a message is {_told(value)}; give a role and a content: {EXAMPLE}")
    for name in ("role", "content"):
        text(f"the {name} of a message", value[name])
    return value


def _told(value: object) -> str:
    return printable(repr(value), 40)
