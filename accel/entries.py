"""Typed values from JSON that nobody is trusted to have left as it was: the dataclasses of a file are its format."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import TypeVar, get_args, get_origin, get_type_hints

from accel.errors import AccelError
from accel.spelling import brief

T = TypeVar("T")
_WORDS = {int: "an integer", float: "a number", str: "a text", bool: "true or false", NoneType: "null"}


def read(kind: type[T], value: object, place: str = "") -> T:
    """The value of type `kind` that `json.loads` gave as `value`, with all that is inside checked.

    Kinds are int, float, str, bool, None, dataclasses (whose fields with a default may be missing), `tuple[X, ...]`,
    `tuple[X, Y]`, `dict[str, X]`, unions of such, and classes that have a method `from_json`. `place` names the value
    in errors. Raises ValueError where something is of another kind, is missing or has no field, and where a class
    refuses its values.
    """
    return _read(kind, value, place)  # type: ignore[return-value]


def _read(kind: object, value: object, place: str) -> object:
    inside = get_args(kind)
    if hasattr(kind, "from_json"):
        return _refusing(place, lambda: kind.from_json(value))
    if get_origin(kind) is tuple:
        return _tuple(inside, value, place)
    if get_origin(kind) is dict:
        entries = _object(value, place)
        return {key: _read(inside[1], entry, f"{place}[{key!a:.80}]") for key, entry in entries.items()}
    if isinstance(kind, UnionType):
        return _one_of(inside, value, place)
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass(kind, value, place)
    if kind is float and type(value) is int and abs(value) <= sys.float_info.max:
        return value  # what is whole is written without a point, and stays as exact as it is
    if type(value) is not kind:
        raise _other(value, place, _WORDS[kind])  # type: ignore[index]
    return value


def _tuple(inside: tuple[object, ...], value: object, place: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise _other(value, place, "a list")
    kinds = [inside[0]] * len(value) if inside[-1] is Ellipsis else list(inside)
    if len(kinds) != len(value):
        raise _other(value, place, f"a list of {len(kinds)}")
    places = (f"{place}[{number}]" for number in range(len(kinds)))
    return tuple(map(_read, kinds, value, places))


def _one_of(kinds: tuple[object, ...], value: object, place: str) -> object:
    """Read the first of several kinds that fits; where none does, the error is that of the last one but null."""
    if value is None and NoneType in kinds:
        return None
    kinds = tuple(kind for kind in kinds if kind is not NoneType)
    for kind in kinds[:-1]:
        try:
            return _read(kind, value, place)
        except ValueError:
            continue
    return _read(kinds[-1], value, place)


def _dataclass(kind: type, value: object, place: str) -> object:
    entries, hints = _object(value, place), get_type_hints(kind)
    known = {spec.name: spec for spec in fields(kind) if spec.init}
    dot = f"{place}." if place else ""
    unknown = sorted(set(entries) - set(known))
    if unknown:
        raise ValueError(f"{dot}{unknown[0]!a:.80} is no entry here")
    for name, spec in known.items():
        if name not in entries and spec.default is MISSING and spec.default_factory is MISSING:
            raise ValueError(f"{dot}{name} is missing")
    made = {name: _read(hints[name], entry, f"{dot}{name}") for name, entry in entries.items()}
    return _refusing(place, lambda: kind(**made))


def _refusing(place: str, make: Callable[[], object]) -> object:
    try:
        return make()
    except AccelError as error:
        text = brief(str(error))
        raise ValueError(f"{place}: {text}" if place else text) from None


def _object(value: object, place: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _other(value, place, "an object")
    return value


def _other(value: object, place: str, expected: str) -> ValueError:
    return ValueError(f"{place or 'it'} is {json.dumps(value):.80}, expected {expected}")
