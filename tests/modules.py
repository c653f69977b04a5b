"""The modules of the packages, and the modules that each of them imports, wherever in its file."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("accel", "hls", "models", "boards")


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {name_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


@cache
def imported(path: Path) -> list[str]:
    """Modules and names that a file imports, wherever in the file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def module_of(name: str) -> str | None:
    """The module of ours that an imported name is, or lies in."""
    return next((module for module in (name, name.rpartition(".")[0]) if module in SOURCES), None)


@cache
def modules() -> dict[str, set[str]]:
    """Module → the modules that it imports."""
    return {name: reads(name) for name in SOURCES}


def reads(name: str) -> set[str]:
    """The modules that one imports."""
    return {module for module in map(module_of, imported(SOURCES[name])) if module and module != name}
