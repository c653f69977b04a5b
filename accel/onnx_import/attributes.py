"""Attributes of ONNX nodes. A handler declares the ones that it understands; any other one is refused by name.

An attribute that stands at its default changes nothing, so it is allowed everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeVar

import numpy as np
import onnx
from onnx import helper

from accel.onnx_import.values import Call, Refused
from accel.spelling import printable

Decorated = TypeVar("Decorated", bound=Callable[..., object])

ALL = "*"
"""Declared by handlers that execute the file's own node, with whatever attributes it has."""
_UNDERSTOOD: dict[Callable[..., object], frozenset[str]] = {}


def understands(*names: str) -> Callable[[Decorated], Decorated]:
    """Declare the attributes that a handler acts upon, or that cannot change what it makes."""

    def declare(handler: Decorated) -> Decorated:
        _UNDERSTOOD[handler] = frozenset(names)
        return handler

    return declare


def check(call: Call, handler: Callable[..., object]) -> None:
    """Raise Refused for an attribute that `handler` does not understand and that is not at its default."""
    known = _UNDERSTOOD.get(handler, frozenset())
    if ALL in known:
        return
    for name, value in call.attributes.items():
        if name not in known and not _is_default(call, name, value):
            raise Refused(f"has attribute {printable(name, 40)} = {_shown(value)}", "export without that attribute")


def _is_default(call: Call, name: str, value: object) -> bool:
    return name in (known := _defaults(call.op_type, call.opset)) and bool(np.all(known[name] == value))


@cache
def _defaults(op: str, opset: int) -> dict[str, object]:
    """Default values of a standard operator's attributes, where it has them."""
    try:
        schema = onnx.defs.get_schema(op, opset, "")
    except onnx.defs.SchemaError:  # an operator of another domain, or of a newer version
        return {}
    found = {name: attribute.default_value for name, attribute in schema.attributes.items()}
    return {name: helper.get_attribute_value(value) for name, value in found.items() if value.type}


def _shown(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return printable(text.split("\n")[0], 40)
