"""The post-synthesis level: a design's synthesized netlist as a design of its own, which simulates like any other.

Cells come from yosys' own simulation library; those that it has only as black boxes have behavioural models in
`hls/synthesis/cells/<target>/`. The netlist has no parameters and no memory files: what is simulated is what
synthesis left.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from importlib import util
from pathlib import Path

from accel.design import Design
from accel.errors import ToolError, UserError
from hls.synthesis import yosys

CELLS = "accel_cells.sv"
_OWN = Path(__file__).parent / "cells"
_LIBRARIES = {
    "ecp5": ("ecp5/cells_sim.v", "ecp5/common_sim.vh", "ecp5/ccu2c_sim.vh"),
    "ice40": ("ice40/cells_sim.v",),
    "gowin": ("gowin/cells_sim.v",),
    "gw5a": ("gowin/cells_sim.v",),
    "gatemate": ("gatemate/cells_sim.v",),
}
_MODULE = re.compile(r"^module\s+\\?([\w$]+).*?^\s*endmodule", re.MULTILINE | re.DOTALL)
_DIRECTIVE = re.compile(r"^`(?!include|timescale).*\n", re.MULTILINE)
_TIMING = re.compile(r"^\s*specify\b.*?^\s*endspecify\b", re.MULTILINE | re.DOTALL)
_LINT = "".join(f"/* verilator lint_off {rule} */\n" for rule in ("WIDTH", "WIDTHCONCAT", "PINMISSING", "INITIALDLY"))
# Verilator would drive the nets of connected pins with the default values that yosys' models give to open ones
_PREAMBLE = "`define NO_ICE40_DEFAULT_ASSIGNMENTS\n"


def synthesize(design: Design, target: str = "ecp5") -> Design:
    """The netlist of a design on `target`, with the same streams, which simulates as the design does.

    Edges cannot be traced in it. Raises UserError for a target without cell models, ToolError from yosys.
    """
    models = cell_models(target)
    made = yosys.synthesize(design.contents, design.top, target)
    files = {
        f"{design.top}.sv": _LINT + made.verilog,
        CELLS: _LINT + _PREAMBLE + _macros(target) + _needed(made.cells, models),
    }
    return replace(design, name=f"{design.name}-{target}", files=files, memories={}, taps=(), structure=None)


@cache
def cell_models(target: str) -> dict[str, str]:
    """Cell type → Verilog of its model; our own replace black boxes."""
    found = {match[1]: _TIMING.sub("", match[0]) for text in _library(target) for match in _MODULE.finditer(text)}
    folder = "gowin" if target == "gw5a" else target
    paths = [path for place in ("common", folder) for path in sorted((_OWN / place).glob("*.sv"))]
    own = {path.stem: path.read_text(encoding="utf-8") for path in paths}
    if target == "gw5a":  # its block RAM has one reset, that of the read port
        own = {name: _with_one_reset(text) for name, text in own.items()}
    return found | own


def _with_one_reset(text: str) -> str:
    return text.replace(" RESETA,", "").replace("RESETA", "1'b0").replace("RESETB", "RESET")


def _library(target: str) -> list[str]:
    """Yosys' simulation models of a target, file by file."""
    if target not in _LIBRARIES:
        raise UserError(f"target {target!r} has no cell models to simulate; there are {', '.join(_LIBRARIES)}")
    spec = util.find_spec("pyosys")
    if spec is None or spec.origin is None:
        raise ToolError("yosys' cell models not found; looked for the Python package pyosys; pip install pyosys")
    return [(Path(spec.origin).parent / "share" / name).read_text(encoding="utf-8") for name in _LIBRARIES[target]]


def _macros(target: str) -> str:
    """Definitions of the library before its first module."""
    return "".join(line for text in _library(target) for line in _DIRECTIVE.findall(text.partition("\nmodule")[0]))


def _needed(cells: Iterable[str], models: dict[str, str]) -> str:
    """Models of `cells` and of what they are made of."""
    seen: set[str] = set()
    pending = {cell for cell in cells if cell in models}
    while pending:
        seen |= pending
        below = {name for cell in pending for name in re.findall(r"\b[A-Z]\w+\b", models[cell])}
        pending = {name for name in below if name in models} - seen
    return "\n".join(models[cell] for cell in sorted(seen))
