"""Pages that `make docs` generates from the sources.

Operators come from docstrings, headers, schedule and cost model; recipes from `models.presets`; the API from the
packages' public names; the list of modules from their docstrings.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module, metadata
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from mkdocs.utils import get_relative_url
from public_names import PACKAGES as PUBLIC
from public_names import home, public

from accel import cost
from accel.fold import LaneFold, UnitFold
from accel.hardware import Stage, Unit
from accel.op import Op
from accel.ops import OPERATORS, folder, operator
from accel.ops.exponential.op import table as exponentials
from accel.ops.hardware import hardware_of
from accel.ops.softmax.op import exp_table
from accel.target import DEFAULT
from accel.tensor import Tensor
from models.presets import LEVERS

ROOT = Path(__file__).parents[1]
PACKAGES = ("accel", "hls", "boards", "models")
OPERATORS_HERE = "<!-- operators: written by scripts/docs_hooks.py -->"
RECIPES_HERE = "<!-- recipes: written by scripts/docs_hooks.py -->"
MODULES_HERE = "<!-- modules: written by scripts/docs_hooks.py -->"
API_HERE = "<!-- public names: written by scripts/docs_hooks.py -->"
SHIM = "https://unpkg.com/iframe-worker/shim"
"""Address that the plugin `offline` of mkdocs-material writes into every page."""
LANES = 4
X = Tensor((8, 32), -128, 127)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """mkdocs calls this with every page before it is rendered."""
    pages = ((OPERATORS_HERE, operators), (RECIPES_HERE, recipes), (API_HERE, api), (MODULES_HERE, modules))
    for marker, made in pages:
        if marker in markdown:
            markdown = markdown.replace(marker, made())
    return markdown


def on_config(config: Any) -> Any:
    """Put the version into the footer of every page; mkdocs calls this first."""
    config.copyright = f"accel {metadata.version('accel-fpga')} · Apache-2.0"
    return config


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Take the script that searches from the disk from the site itself; mkdocs calls this with every page."""
    return output.replace(SHIM, get_relative_url("assets/iframe-worker.js", page.url))


def on_post_template(output_content: str, **_: Any) -> str:
    """Do the same in pages that are no documents, such as 404.html, which is served from the root."""
    return output_content.replace(SHIM, "/assets/iframe-worker.js")


def recipes() -> str:
    """The named recipes by what they change."""
    kinds: dict[str, list[str]] = {}
    for name, lever in LEVERS.items():
        kinds.setdefault(lever.kind, []).append(name)
    rows = (f"| {kind} | {', '.join(f'`{name}`' for name in names)} |" for kind, names in kinds.items())
    return "\n".join(("| changes | recipes |", "|---|---|", *rows))


def api() -> str:
    """One section per package, one entry per public name."""
    return "\n".join(f"## {package}\n\n" + "\n".join(_entries(package)) for package in PUBLIC if public(package))


def modules() -> str:
    """One table per package: its modules with the first line of their docstrings."""
    return "\n\n".join(
        "\n".join((f"### {package}", "", "| module | what it holds |", "|---|---|", *_rows(package)))
        for package in PACKAGES
    )


def _rows(package: str) -> Iterator[str]:
    for path in sorted((ROOT / package).rglob("*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        if text:
            line = text.splitlines()[0].replace("|", "\\|")
            yield f"| `{path.relative_to(ROOT)}` | {line} |"


def _entries(package: str) -> Iterator[str]:
    for name in public(package):
        yield f"::: {home(name)}\n    options:\n      heading: {name}\n      toc_label: {name}\n"


def operators() -> str:
    """One section per operator: definition, fields, hardware, an example."""
    return "\n".join(_section(kind) for kind in OPERATORS)


def _section(kind: str) -> str:
    name = OPERATORS[kind]
    parts = [
        f"## {name}\n",
        _block(inspect.getdoc(import_module(f"accel.ops.{kind}.op")) or ""),
        f"::: accel.ops.{kind}.op.{name}\n    options:\n      members: false\n      show_root_full_path: false\n",
        f"**Hardware.** {inspect.getdoc(import_module(f'accel.ops.{kind}.rtl'))}\n",
        *(_block(_header(path.read_text(encoding="utf-8")), path.name) for path in sorted(folder(kind).glob("*.sv"))),
        _example(kind),
    ]
    return "\n".join(parts)


def _block(text: str, title: str = "") -> str:
    return f"```text{f' title={title!r}' if title else ''}\n{text}\n```\n"


def _header(source: str) -> str:
    """The comment at the head of a SystemVerilog file."""
    return "\n".join(line[2:].removeprefix(" ") for line in takewhile(lambda x: x.startswith("//"), source.split("\n")))


def _example(kind: str) -> str:
    op, inputs = _examples()[kind]
    output = op.infer(*inputs)
    hardware = hardware_of(op)
    parts: tuple[Unit | Stage, ...]
    fold: UnitFold = LaneFold(LANES)
    if hardware.stages:
        parts, spent = hardware.stages(op, inputs, output, fold, DEFAULT), "as the unit before it"
    else:
        fold = next(found for found in hardware.folds(op, inputs, output) if _is_typical(found))
        parts = hardware.units(op, inputs, output, fold, DEFAULT)
        spent = f"{max(unit.cycles for unit in parts) / inputs[0].tokens:g}"
    used = cost.total(cost.estimate(part, DEFAULT.name) for part in parts)
    shapes = ", ".join(f"{x.shape} of {x.lo}..{x.hi}" for x in inputs)
    return (
        f"**Example.** {shapes} → {output.shape} of {output.lo}..{output.hi}, fold `{fold}`, cost model of ECP5:\n\n"
        "| units | cycles per token | LUT | FF | block RAM | DSP |\n|---|---|---|---|---|---|\n"
        f"| {', '.join(part.module.name for part in parts)} | {spent} | {used.equivalents(DEFAULT.name)} | {used.ff} "
        f"| {used.bram} | {used.dsp} |\n"
    )


def _is_typical(fold: UnitFold) -> bool:
    """4 lanes, or 4 × 4 products of which none are left out."""
    sizes = (fold.lanes,) if isinstance(fold, LaneFold) else (fold.pe, fold.simd)
    return {*sizes} == {LANES} and fold.heads == 1 and not fold.unrolled


def _examples() -> dict[str, tuple[Op, tuple[Tensor, ...]]]:
    """An operator of each kind as it occurs in a transformer of 8 tokens, 32 channels and 4 heads, W4A8."""
    rng = np.random.default_rng(0)

    def make(kind: str, *inputs: Tensor, **fields: Any) -> tuple[Op, tuple[Tensor, ...]]:
        return operator(kind)(**fields), inputs or (X,)

    table = rng.integers(-128, 128, (8, 32))
    return {
        "dense": make("dense", weight=rng.integers(-7, 8, (32, 32)), bias=rng.integers(-99, 99, 32)),
        "matmul": make("matmul", X, X, heads=4, form="scores"),
        "add": make("add", X, X, multipliers=[1, 4]),
        "mul": make("mul", X, X),
        "rescale": make(
            "rescale", Tensor((8, 32), -9999, 9999), multiplier=[77], shift=13, rounding="half_even", lo=-128, hi=127
        ),
        "lookup": make("lookup", table=rng.integers(-128, 128, 256), base=-128),
        "softmax": make("softmax", row=8, out_bits=8, rom=exp_table(1 / 16, 8, 256)),
        "norm": (operator("norm").of(X, "layer", 4, 8), (X,)),  # type: ignore[attr-defined]
        "exponential": make("exponential", row=8, rom=exponentials(1 / 16, 12, 256)),
        "divide": (
            operator("divide").of(Tensor((8, 4), 0, 32760), 4, -128, 127, least=11),  # type: ignore[attr-defined]
            (Tensor((8, 32), -999999, 999999), Tensor((8, 4), 0, 32760)),
        ),
        "blockfloat": make("blockfloat", Tensor((8, 32), -32768, 32767), bits=10),
        "position": make("position", table=table),
        "rotary": make("rotary", cos=rng.integers(-127, 128, (8, 8)), sin=rng.integers(-127, 128, (8, 8))),
        "pool": make("pool"),
        "window": make("window", first=-1, fill=rng.integers(-128, 128, (9, 32))),
        "embedding": make("embedding", Tensor((8, 1), 0, 95), table=rng.integers(-128, 128, (96, 32))),
    }
