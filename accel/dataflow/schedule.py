"""The schedule of a design: the folding of every node, its memories, the depth of every buffer; and its file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from accel.errors import UserError
from accel.files import require_ordinary
from accel.graph import Graph, Node
from accel.hardware import Fold, Module, Stage, Unit
from accel.ops import facet
from accel.target import DEFAULT, TARGETS

FORMAT = 1
MAX_DEPTH = 1 << 24
MAX_NAME = 1000
_MEMORIES = ("lut", "block")
_ENTRIES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "folds": ("a fold", lambda value: isinstance(value, dict)),
    "memories": (f"one of {', '.join(_MEMORIES)}", lambda value: value in _MEMORIES),
    "depths": (f"a positive number up to {MAX_DEPTH}", lambda value: type(value) is int and 0 < value <= MAX_DEPTH),
}
"""What an entry of a schedule file is."""


@dataclass(frozen=True)
class Schedule:
    """Folds and memories by node name, and depths by buffer name.

    A memory is "block" (block RAM) or "lut" (look-up tables). A deep memory without an entry is block RAM. A buffer
    without an entry gets the depth that the timing needs. `target` names the device family for which products are
    packed into hard multipliers.
    """

    folds: dict[str, Fold] = field(default_factory=dict)
    depths: dict[str, int] = field(default_factory=dict)
    memories: dict[str, str] = field(default_factory=dict)
    target: str = DEFAULT.name

    def text(self) -> str:
        """JSON with one line per node and per buffer: to be edited and compared by hand."""
        parts = [f' "format": {FORMAT}', f' "target": {json.dumps(self.target)}']
        for name in ("folds", "memories", "depths"):
            entries = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in getattr(self, name).items())
            parts.append(f' "{name}": {{\n' + ",\n".join(entries) + "\n }")
        return "{\n" + ",\n".join(parts) + "\n}\n"

    @classmethod
    def load(cls, path: Path) -> Schedule:
        """Read what `text` wrote, possibly edited. Raises UserError that names the file and what is wrong in it."""
        require_ordinary(path)
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; `accel lower --target rtl` writes a schedule.json") from None
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}: not JSON ({error}); see a schedule.json of `accel lower`") from None
        problem = _problem(content)
        if problem:
            raise UserError(f"{path}: {problem}")
        return cls(**{key: content[key] for key in asdict(cls()) if key in content})


def _problem(content: Any) -> str | None:
    """Describe what is wrong in a schedule file, as far as that shows without a graph."""
    if not isinstance(content, dict):
        return "a schedule is an object with folds and depths"
    if content.get("format") != FORMAT:
        return f"format {content.get('format')!r:.80} is not the one that this accel reads ({FORMAT})"
    unknown = set(content) - set(asdict(Schedule())) - {"format"}
    if unknown:
        return f"unknown entry {min(unknown)!r:.80}; there are {', '.join(asdict(Schedule()))}"
    if content.get("target", DEFAULT.name) not in list(TARGETS):
        return f"target {content['target']!r:.80} is not one of {', '.join(TARGETS)}"
    for name, (expected, fits) in _ENTRIES.items():
        entries = content.get(name, {})
        if not isinstance(entries, dict):
            return f"{name} is {entries!r:.80}, expected an object with an entry per name"
        for key, value in entries.items():
            if len(key) > MAX_NAME or not fits(value):
                return f"{name} of {key!r:.80}: got {value!r:.80}, expected {expected}"
    return None


def require_known(schedule: Schedule, graph: Graph) -> None:
    """Raise UserError when the schedule folds a node that the graph does not have, or places a memory of one."""
    nodes = {node.name for node in graph}
    foldable = {node.name for node in graph if folds_of(graph, node)}
    for names, known, what in ((schedule.folds, foldable, "fold"), (schedule.memories, nodes, "place a memory of")):
        for name in names:
            if name not in known:
                raise UserError(
                    f"schedule: the graph has no node {name!r} to {what}; there are {', '.join(sorted(known))}"
                )


def folds_of(graph: Graph, node: Node) -> list[Fold]:
    """All folds of a node; stages that are made in one way only have none."""
    rtl = facet(node.op.kind, "rtl")
    found: list[Fold] = rtl.folds(node.op, *graph.ends(node)) if hasattr(rtl, "folds") else []
    return found


def fold_of(graph: Graph, node: Node, schedule: Schedule) -> Fold:
    """How a node is folded; a stage without an entry in the first of its ways.

    Raises UserError when the schedule has no possible fold for it.
    """
    rtl, possible = facet(node.op.kind, "rtl"), folds_of(graph, node)
    fold = schedule.folds.get(node.name)
    if fold is None and is_stage(node):
        return possible[0] if possible else {}
    if fold is None or fold not in possible:
        why = rtl.refusal(node.op, fold) if fold and hasattr(rtl, "refusal") else None
        if why:
            raise UserError(f"schedule: node {node.name!r} has fold {fold}, but {why}")
        raise UserError(f"schedule: node {node.name!r} has fold {fold}; possible are {possible[:12]}")
    return fold


def units_of(graph: Graph, node: Node, schedule: Schedule) -> tuple[Unit, ...]:
    """Units of a node. Raises UserError when the schedule has no possible fold for it."""
    rtl, (inputs, output) = facet(node.op.kind, "rtl"), graph.ends(node)
    fold = fold_of(graph, node, schedule)
    units: tuple[Unit, ...] = rtl.hardware(node.op, inputs, output, fold, TARGETS[schedule.target])
    return tuple(replace(unit, module=_placed(unit.module, node, schedule)) for unit in units)


def stages_of(graph: Graph, node: Node, lanes: int, schedule: Schedule) -> tuple[Stage, ...]:
    """The stages that a node becomes when it rides behind its producer, in order."""
    ends, fold = graph.ends(node), fold_of(graph, node, schedule)
    found: tuple[Stage, ...] = facet(node.op.kind, "rtl").stages(node.op, *ends, lanes, fold, TARGETS[schedule.target])
    return tuple(replace(stage, module=_placed(stage.module, node, schedule)) for stage in found)


def _placed(module: Module, node: Node, schedule: Schedule) -> Module:
    """The module with its memory where the schedule wants it."""
    style = schedule.memories.get(node.name)
    if style is None or "BLOCK" not in module.params:
        return module
    return replace(module, params=module.params | {"BLOCK": _MEMORIES.index(style)})


def memory_of(module: Module) -> str | None:
    """Place of a module's memory: "block" or "lut"; None without one."""
    return _MEMORIES[module.params["BLOCK"]] if "BLOCK" in module.params else None


def is_stage(node: Node) -> bool:
    """True for operators that ride behind their producer, on its lanes."""
    return hasattr(facet(node.op.kind, "rtl"), "stages")
