"""Public names and their signatures change only on purpose: `python scripts/public_names.py` records them anew."""

from __future__ import annotations

import difflib
from importlib import import_module

import public_names
import pytest


def test_names_and_signatures_are_on_record() -> None:
    recorded, found = public_names.RECORD.read_text().splitlines(), [*public_names.listed()]
    changes = [line for line in difflib.unified_diff(recorded, found, lineterm="", n=0) if line[0] in "+-"][2:]
    assert not changes, "run `python scripts/public_names.py` if this is meant:\n" + "\n".join(changes)


@pytest.mark.parametrize("package", public_names.PACKAGES)
def test_every_public_name_is_there(package: str) -> None:
    module = import_module(package)
    assert len(module.__all__) == len({*module.__all__})
    for name in module.__all__:
        getattr(module, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'boards' has no attribute 'bords'; there are names, get, Board"):
        import_module("boards").bords  # noqa: B018
