"""Units of a design synthesized apart from each other, and the top module without them: cells of each."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from accel import image, scratch
from accel.design import Design
from accel.files import write_atomic
from accel.target import Cells
from hls.synthesis import yosys

TOP = "top"
"""The name of the top module's own logic among the units."""
_CELLS, _STAT = "cells.txt", "stat.json"


def synthesize(design: Design, units: Collection[str], target: str) -> dict[str, Cells]:
    """Cells of the units of these names, and of TOP. Other units of the design are left out.

    Each has the parameters that it has in the design, and none of its logic moves to another one. Raises ToolError with
    yosys' message.
    """
    files = design.contents
    with scratch.folder() as folder:
        for file, content in {**files, **yosys.family(target).files}.items():
            image.write(folder / file, content)
        write_atomic(folder / "synthesis.ys", _script(design, units, target))
        yosys.run(folder, f"units of {design.top} for {target}")
        modules = json.loads((folder / _STAT).read_text(encoding="utf-8"))["modules"]
        types = {name: kind for kind, name in _listed((folder / _CELLS).read_text(encoding="utf-8"))} | {
            TOP: design.top
        }
    found = {name.removeprefix("\\"): each["num_cells_by_type"] for name, each in modules.items()}
    return {name: yosys.count(found[types[name]], target) for name in (*units, TOP)}


def _script(design: Design, units: Collection[str], target: str) -> str:
    """Commands that make modules of their own of the units, and black boxes of the rest."""
    chosen, top = yosys.family(target), design.top
    sources = sorted(name for name in design.contents if name.endswith(".sv"))
    whole = yosys.script(sources, top, target, chosen.core)
    at = whole.index(chosen.command)
    return (
        f"{whole[:at]}hierarchy -top {top}\ncd {top}\ndump -n -o {_CELLS} t:*accel_*\ncd\n"
        f"select -set all {top}/t:*accel_* %M {top} %d\n"
        f"select -set chosen {' '.join(f'{top}/c:{name}' for name in units)}\nselect -set units @chosen %M {top} %d\n"
        "blackbox @all @units %d\nsetattr -mod -set keep_hierarchy 1 @units\n"
        f"{whole[at:]}tee -q -o {_STAT} stat -json\n"
    )


def _listed(text: str) -> list[tuple[str, str]]:
    """Types and names of the cells in yosys' text of a module."""
    return re.findall(r"^\s*cell \\?(\S+) \\(\S+)", text, re.MULTILINE)
