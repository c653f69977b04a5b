"""Messages of a conversation that a caller gives, checked before any work starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from accel.arguments import text, told
from accel.errors import UserError

EXAMPLE = '{"role": "user", "content": "Hello"}'


def messages(value: Any) -> list[Mapping[str, str]]:
    """Messages of a conversation. Raises UserError for anything else."""
    many = value if isinstance(value, Iterable) and not isinstance(value, str | Mapping) else [value]
    return [_message(one) for one in many]


def _message(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not value.keys() >= {"role", "content"}:
        raise UserError(f"a message is {told(value)}; give a role and a content: {EXAMPLE}")
    for name in ("role", "content"):
        text(f"the {name} of a message", value[name])
    return value
