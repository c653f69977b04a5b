"""Figures that are made part by part: one JSON file, and a Markdown table of each part beside it.

Every part is a module here with `rows()`, its value in the JSON file, and perhaps `table(value)`, its Markdown. A part
that runs alone leaves the others in the files as they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from accel.files import write_atomic


def kept(path: Path) -> dict[str, Any]:
    """Read a JSON file of figures; nothing where there is none yet."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def keep(path: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """Set keys of a JSON file of figures, and return all of them; other keys stay."""
    found = kept(path) | dict(values)
    write_atomic(path, json.dumps(found, indent=1) + "\n")
    return found


def markdown(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown."""
    heads = list(heads)
    lines = ["|" + "".join(f" {head} |" if head else " |" for head in heads), "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


class Part(NamedTuple):
    """The module that measures, the title of its table, the packages whose versions matter."""

    module: str
    title: str
    tools: tuple[str, ...]

    @property
    def caption(self) -> str:
        """Caption of the figures: the first sentences of the module."""
        return str(import_module(self.module).__doc__).partition("\n\n")[0].replace("\n", " ")

    def measure(self) -> tuple[Any, str]:
        """The value, and what it was made with."""
        made = ", ".join([str(date.today()), *(f"{tool} {version(tool)}" for tool in self.tools)])
        return import_module(self.module).rows(), made

    def table(self, value: Any) -> str:
        """Markdown."""
        module = import_module(self.module)
        if hasattr(module, "table"):
            return str(module.table(value))
        return markdown(("", ""), value.items())


@dataclass(frozen=True)
class Figures:
    """The file `results`, and its parts by key."""

    heading: str
    results: Path
    parts: Mapping[str, Part]

    def write(self, found: dict[str, Any]) -> None:
        """Both files."""
        ordered = {key: found[key] for key in self.parts if key in found} | {"made": found["made"]}
        self.results.parent.mkdir(exist_ok=True)
        write_atomic(self.results, json.dumps(ordered, indent=1) + "\n")
        sections = (
            f"## {part.title}\n\n{part.caption}\n\n{part.table(found[key])}\n\nMeasured {found['made'][key]}.\n"
            for key, part in self.parts.items()
            if key in found
        )
        write_atomic(self.results.with_suffix(".md"), "\n".join([f"# {self.heading}\n", *sections]))

    def main(self, description: str | None) -> None:
        """The command line of a script: every part, or those after --only."""
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--only", nargs="+", default=list(self.parts), choices=self.parts, help="parts to run")
        chosen = parser.parse_args().only
        for key in chosen:
            import_module(self.parts[key].module)  # a missing one is noticed before hours of work
        found = kept(self.results) or {"made": {}}
        for key in chosen:
            found[key], found["made"][key] = self.parts[key].measure()
            self.write(found)
            print(f"{self.parts[key].title}\n{self.parts[key].table(found[key])}\n", flush=True)
