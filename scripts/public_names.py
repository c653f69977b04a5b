"""Public names of the packages and their signatures, read from the sources: tests/unit/public_names.txt.

    python scripts/public_names.py

writes the file anew. A test compares it with the sources, so that no public name changes by accident.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "tests" / "unit" / "public_names.txt"
PACKAGES = (
    "accel", "accel.checkpoints", "accel.reference", "accel.dataflow", "accel.verification", "hls", "hls.projects",
    "hls.rtl", "hls.rtlsim", "hls.simulation", "hls.synthesis", "boards", "models", "models.llama", "models.gpt2",
    "accel.verbs.lm",
)  # fmt: skip
"""Every one has `__all__`."""


def public(package: str) -> list[str]:
    """Public names of a package, as `package.name`; packages among them have lists of their own."""
    names = [f"{package}.{name}" for name in import_module(package).__all__]
    return [name for name in names if name not in PACKAGES]


def listed() -> Iterator[str]:
    """A line per function, class, method, field and constant."""
    for package in PACKAGES:
        for name in public(package):
            yield from _lines(name, *_definition(package, name.rpartition(".")[2]))


def home(name: str) -> str:
    """Where a public name is defined: `module.name`, or the module that it is."""
    package, _, short = name.rpartition(".")
    module, node = _definition(package, short)
    return f"{module}.{short}" if node else module


def _definition(package: str, name: str) -> tuple[str, ast.stmt | None]:
    """The module that defines a name, and the statement there; None for a module."""
    module = getattr(import_module(package), "HOMES", {}).get(name, package)
    for node in _tree(module).body:
        if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
            return _definition(node.module or "", name)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return module, node
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            return module, node
    return f"{package}.{name}", None


@cache
def _tree(module: str) -> ast.Module:
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def _lines(name: str, module: str, node: ast.stmt | None) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef):
        yield f"{name}{_signature(node)}"
    elif isinstance(node, ast.ClassDef):
        yield f"class {name}({', '.join(map(ast.unparse, node.bases))})".removesuffix("()")
        for member in node.body:
            yield from _member(name, member)
    elif isinstance(node, ast.Assign):
        yield f"{name} = {ast.unparse(node.value)}"
    else:
        yield f"module {name}"


def _member(owner: str, node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name == "__init__"):
        kinds = {ast.unparse(decorator) for decorator in node.decorator_list}
        if kinds & {"property", "cached_property"}:
            yield f"  {owner}.{node.name}: {ast.unparse(node.returns) if node.returns else ''}"
        else:
            yield f"  {owner}.{node.name}{_signature(node)}"
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not node.target.id.startswith("_"):
        value = f" = {ast.unparse(node.value)}" if node.value else ""
        yield f"  {owner}.{node.target.id}: {ast.unparse(node.annotation)}{value}"


def _signature(node: ast.FunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(node.args)}){returns}"


if __name__ == "__main__":
    RECORD.write_text("\n".join(listed()) + "\n", encoding="utf-8")
