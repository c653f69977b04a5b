"""The import rule: accel ← hls ← boards and accel ← models; only accel/verbs and accel/cli compose; no circles.

Imports inside of functions and for type checking count like any other.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from modules import ROOT, SOURCES, imported, modules, reads

from accel.ops import OPERATORS

ALLOWED = {
    "accel": {"accel"},
    "hls": {"accel", "hls"},
    "models": {"accel", "models"},
    "boards": {"accel", "hls", "boards"},
}
HIDDEN = {
    "accel.verbs": ("accel.cli", "click"),
    "accel.checkpoints": (
        "accel.dataflow",
        "accel.onnx_import",
        "accel.ops",
        "accel.reference",
        "accel.verification",
        "torch",
        "gguf",
        "safetensors",
        "transformers",
    ),
    "accel.dataflow": ("accel.onnx_import", "accel.reference", "accel.verification"),
    "accel.reference": ("accel.dataflow", "accel.onnx_import", "accel.verification"),
    "accel.ops": ("accel.dataflow", "accel.onnx_import", "accel.reference", "accel.verification"),
    "hls.projects": ("hls.rtl", "hls.simulation", "hls.synthesis"),
    "hls.rtl": ("hls.projects", "hls.simulation", "hls.synthesis"),
    "hls.simulation": ("hls.projects", "hls.synthesis"),
    "hls.synthesis": ("hls.projects", "hls.simulation"),
}
"""Part → what it does not see. hls.rtlsim, which is of no part, composes rtl and simulation."""


def part_of(module: str) -> str:
    package, *inside = module.split(".")
    return ".".join((package, *inside[:1])) if package in ("accel", "hls") else package


def is_in(module: str, part: str) -> bool:
    return module == part or module.startswith(f"{part}.")


def first_circle(reads: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(reads).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


@pytest.mark.parametrize("module", SOURCES)
def test_nothing_imports_upward_or_sideways(module: str) -> None:
    path = SOURCES[module].relative_to(ROOT)
    if path.is_relative_to("accel/cli") or path.is_relative_to("accel/verbs"):
        return
    used = {name.partition(".")[0] for name in imported(SOURCES[module])} & set(ALLOWED)
    assert used <= ALLOWED[path.parts[0]], f"{path} may not import {used - ALLOWED[path.parts[0]]}"
    composing = [name for name in reads(module) if is_in(name, "accel.cli") or is_in(name, "accel.verbs")]
    assert not composing or module == "accel.__main__", f"{path} may not import {composing}"


@pytest.mark.parametrize("part", HIDDEN)
def test_parts_do_not_see_each_other(part: str) -> None:
    inside = [name for name in SOURCES if is_in(name, part)]
    assert inside, f"there is no part {part}"
    seen = [(n, used) for n in inside for used in imported(SOURCES[n]) if any(is_in(used, h) for h in HIDDEN[part])]
    assert not seen, f"{part} does not see {', '.join(HIDDEN[part])}: {seen}"


def test_no_import_circle() -> None:
    circle = first_circle(modules())
    assert not circle, f"modules import each other: {' ← '.join(circle)}"


def test_no_circle_of_parts() -> None:
    """Files and folders of a package: `accel/ops` with all that it holds is one part."""
    parts: dict[str, set[str]] = {}
    for name, used in modules().items():
        parts.setdefault(part_of(name), set()).update({part_of(module) for module in used} - {part_of(name)})
    circle = first_circle(parts)
    assert not circle, f"parts import each other: {' ← '.join(circle)}"


def test_a_circle_is_found(tmp_path: Path) -> None:
    assert not first_circle({"a": {"b", "c"}, "b": {"c"}})
    assert {*first_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})} == {"a", "b", "c"}
    (tmp_path / "lazy.py").write_text("if TYPE_CHECKING:\n    import a\ndef f():\n    from b import c\n")
    assert imported(tmp_path / "lazy.py") == ["a", "b.c"]


def test_hls_names_no_operator() -> None:
    for path in (ROOT / "hls").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant):
                assert node.value not in set(OPERATORS), f"{path}:{node.lineno} names the operator {node.value!r}"
            elif isinstance(node, ast.Name):
                assert node.id not in OPERATORS.values(), f"{path}:{node.lineno} names the operator {node.id}"


@pytest.mark.parametrize(
    "module",
    [
        "accel",
        "accel.graph",
        "accel.ops",
        "accel.cli",
        "accel.verbs",
        "accel.checkpoints",
        "accel.checkpoints.loading",
        "hls",
        "models",
        "boards",
    ],
)
def test_base_imports_are_light(module: str) -> None:
    heavy = "{'torch', 'onnx', 'hls4ml', 'brevitas', 'qonnx', 'sklearn', 'tokenizers', 'jinja2'}"
    code = f"import sys, {module}; found = {heavy} & set(sys.modules); sys.exit(str(found) if found else 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, f"import {module} imports {done.stderr}"
