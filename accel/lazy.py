"""Packages whose public names are imported on first use, so that importing the package stays light."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any


def lazy(package: str, homes: Mapping[str, str], modules: Collection[str] = ()) -> Callable[[str], Any]:
    """`__getattr__` of a package: names by the modules that define them, and `modules` of the package itself."""

    def found(name: str) -> Any:
        if name in homes:
            return getattr(import_module(homes[name]), name)
        if name in modules:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}; there are {', '.join((*homes, *modules))}")

    return found
