"""Dataclasses out of JSON: what fits comes back as it was, and what does not is named with its place."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import pytest

from accel.entries import read
from accel.errors import UserError


@dataclass(frozen=True)
class Inner:
    name: str
    sizes: tuple[int, int]
    scale: float | tuple[float, ...] = 1.0

    def __post_init__(self) -> None:
        if self.sizes[0] < 0:
            raise UserError("sizes are not negative")


@dataclass(frozen=True)
class Outer:
    inner: Inner
    others: tuple[Inner, ...]
    known: dict[str, bool]
    place: Inner | None


WHOLE = Outer(Inner("a", (1, 2), (0.5, 2)), (Inner("b", (3, 4), 7),), {"x": True}, None)


@pytest.mark.parametrize("value", [WHOLE, Outer(WHOLE.inner, (), {}, WHOLE.others[0])])
def test_what_was_written_comes_back(value: Outer) -> None:
    assert read(Outer, json.loads(json.dumps(asdict(value)))) == value


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (["inner"], 7, "inner is 7, expected an object"),
        (["inner", "name"], None, "inner.name is null, expected a text"),
        (["inner", "sizes"], [1], "inner.sizes is [1], expected a list of 2"),
        (["inner", "sizes", 1], 1.0, "inner.sizes[1] is 1.0, expected an integer"),
        (["inner", "sizes", 1], True, "inner.sizes[1] is true, expected an integer"),
        (["inner", "sizes", 0], -1, "inner: sizes are not negative"),
        (["inner", "scale"], "x", 'inner.scale is "x", expected a list'),
        (["inner", "scale", 1], None, "inner.scale[1] is null, expected a number"),
        (["others", 0, "more"], 1, "others[0].'more' is no entry here"),
        (["known", "x"], 1, "known['x'] is 1, expected true or false"),
        (["place"], [], "place is [], expected an object"),
    ],
)
def test_what_does_not_fit_is_named(path: list[str | int], value: object, text: str) -> None:
    content = json.loads(json.dumps(asdict(WHOLE)))
    inside = content
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    with pytest.raises(ValueError) as error:  # noqa: PT011
        read(Outer, content)
    assert str(error.value) == text


def test_what_is_missing_is_named() -> None:
    content = asdict(WHOLE)
    del content["known"]
    with pytest.raises(ValueError, match="known is missing"):
        read(Outer, json.loads(json.dumps(content)))


@pytest.mark.parametrize("value", [10**400, -(10**400), [10**400]])
def test_an_integer_beyond_all_floats_is_no_number(value: object) -> None:
    content = json.loads(json.dumps(asdict(WHOLE)))
    content["inner"]["scale"] = value
    with pytest.raises(ValueError, match=r"inner\.scale.* is -?1000+, expected a"):
        read(Outer, content)
