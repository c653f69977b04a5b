"""The schedule of a design: the folding of every node, its memories, the depth of every buffer; and its file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from accel.errors import UserError
from accel.files import require_ordinary
from accel.fold import Fold, StageFold, UnitFold, from_json, to_json
from accel.graph import Graph, Node
from accel.hardware import Module, Stage, Unit
from accel.ops.hardware import hardware_of, required
from accel.target import DEFAULT, TARGETS, Target

FORMAT = 1
MAX_DEPTH = 1 << 24
MAX_NAME = 1000
_MEMORIES = ("lut", "block")
T = TypeVar("T")


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

    def __post_init__(self) -> None:
        """Refuse objects of files, which are equal to no fold."""
        for name, fold in self.folds.items():
            if not isinstance(fold, Fold):
                remedy = "make one with accel.dataflow.MatrixFold, LaneFold or StageFold, or use Schedule.from_json"
                raise UserError(f"folds of {name!r:.80}: got {fold!r:.80}, expected a fold; {remedy}")

    def text(self) -> str:
        """JSON with one line per node and per buffer: to be edited and compared by hand."""
        parts = [f' "format": {FORMAT}', f' "target": {json.dumps(self.target)}']
        content = self.to_json()
        for name in ("folds", "memories", "depths"):
            entries = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in content[name].items())
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
        try:
            found = content.pop("format", None) if isinstance(content, dict) else FORMAT
            if found != FORMAT:
                raise UserError(f"format {found!r:.80} is not the one that this accel reads ({FORMAT})")
            return cls.from_json(content)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None

    def to_json(self) -> dict[str, Any]:
        """The schedule as files have it, without a format."""
        folds = {name: to_json(fold) for name, fold in self.folds.items()}
        return {"folds": folds, "depths": dict(self.depths), "memories": dict(self.memories), "target": self.target}

    @classmethod
    def from_json(cls, content: object) -> Schedule:
        """Read what `to_json` gave. Raises UserError that says what is wrong, as far as that shows without a graph."""
        known = [entry.name for entry in fields(cls)]
        if not isinstance(content, dict):
            raise UserError("a schedule is an object with folds and depths")
        if unknown := content.keys() - {*known}:
            raise UserError(f"unknown entry {min(unknown)!r:.80}; there are {', '.join(known)}")
        target = content.get("target", DEFAULT.name)
        if target not in list(TARGETS):
            raise UserError(f"target {target!r:.80} is not one of {', '.join(TARGETS)}")
        return cls(
            _entries(content, "folds", from_json),
            _entries(content, "depths", _depth),
            _entries(content, "memories", _memory),
            target,
        )


def _entries(content: dict[str, Any], name: str, read: Callable[[object], T]) -> dict[str, T]:
    """Read the entries of one kind. Raises UserError that names the first wrong one."""
    entries = content.get(name, {})
    if not isinstance(entries, dict):
        raise UserError(f"{name} is {entries!r:.80}, expected an object with an entry per name")
    found = {}
    for key, value in entries.items():
        try:
            if len(key) > MAX_NAME:
                raise UserError(f"a name of {len(key)} characters, at most {MAX_NAME} are read")
            found[key] = read(value)
        except UserError as error:
            raise UserError(f"{name} of {key!r:.80}: {error}") from None
    return found


def _memory(value: object) -> str:
    if value not in _MEMORIES:
        raise UserError(f"got {value!r:.80}, expected one of {', '.join(_MEMORIES)}")
    return str(value)


def _depth(value: object) -> int:
    if type(value) is not int or not 0 < value <= MAX_DEPTH:
        raise UserError(f"got {value!r:.80}, expected a positive number up to {MAX_DEPTH}")
    return value


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
    return [*hardware_of(node.op).folds(node.op, *graph.ends(node))]


def unit_folds_of(graph: Graph, node: Node) -> list[UnitFold]:
    """All folds of a node that is no stage."""
    return [fold for fold in folds_of(graph, node) if not isinstance(fold, StageFold)]


def fold_of(graph: Graph, node: Node, schedule: Schedule) -> Fold:
    """How a node is folded; a stage without an entry, in the first of its ways.

    Raises UserError when the schedule has no possible fold for it.
    """
    hardware, possible = hardware_of(node.op), folds_of(graph, node)
    fold = schedule.folds.get(node.name)
    if fold is None and is_stage(node):
        return possible[0] if possible else StageFold()
    if fold is None or fold not in possible:
        why = hardware.refusal(node.op, fold) if fold and hardware.refusal else None
        if why:
            raise UserError(f"schedule: node {node.name!r} has fold {fold}, but {why}")
        some = ", ".join(map(str, possible[:12]))
        raise UserError(f"schedule: node {node.name!r} has fold {fold}; possible are {some}")
    return fold


def unit_fold_of(graph: Graph, node: Node, schedule: Schedule, lanes: int = 1) -> UnitFold:
    """How a node is folded; a stage with the `lanes` of the unit in front of it.

    Raises UserError when the schedule has no possible fold for it.
    """
    return on_lanes(fold_of(graph, node, schedule), lanes)


def on_lanes(fold: Fold, lanes: int) -> UnitFold:
    """A fold as a module has it; a stage has the `lanes` of the unit in front of it."""
    return fold.on(lanes) if isinstance(fold, StageFold) else fold


def units_with(graph: Graph, node: Node, fold: UnitFold, target: Target) -> tuple[Unit, ...]:
    """Units of a node in one of its folds; their memories lie where they lie by default."""
    return required(hardware_of(node.op).units, node.op, "units")(node.op, *graph.ends(node), fold, target)


def stages_with(graph: Graph, node: Node, fold: UnitFold, target: Target) -> tuple[Stage, ...]:
    """Stages of a node in one of its folds; their memories lie where they lie by default."""
    return required(hardware_of(node.op).stages, node.op, "stages")(node.op, *graph.ends(node), fold, target)


def units_of(graph: Graph, node: Node, schedule: Schedule) -> tuple[Unit, ...]:
    """Units of a node. Raises UserError when the schedule has no possible fold for it."""
    units = units_with(graph, node, unit_fold_of(graph, node, schedule), TARGETS[schedule.target])
    return tuple(replace(unit, module=_placed(unit.module, node, schedule)) for unit in units)


def stages_of(graph: Graph, node: Node, lanes: int, schedule: Schedule) -> tuple[Stage, ...]:
    """The stages that a node becomes when it rides behind its producer, in order."""
    found = stages_with(graph, node, unit_fold_of(graph, node, schedule, lanes), TARGETS[schedule.target])
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
    return hardware_of(node.op).stages is not None
