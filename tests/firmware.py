"""Written HLS projects as a synthesis tool would see them, without one.

`Firmware.problems` walks every call of the top function with the constants of its CONFIG (`tests/kernel_reader.py`) and
says in words what does not follow the schedule.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from kernel_reader import Block, Walk, functions, parse

from accel import storage
from accel.dataflow.schedule import Schedule, is_stage, units_of
from accel.fold import LaneFold, MatrixFold, StageFold, UnitFold
from accel.graph import Graph

FORBIDDEN = {
    "floating point": r"\b(float|double)\b|\d\.\d|\b(ap|ac)_u?fixed<",
    "a function of the C library": r"\b(std::)?(exp|log|pow|sqrt|tanh|erf)f?\(",
    "a division by zero": r"[/%] *0\b",
    "a table made at run time": r"\binit\w*table|lookup_table",
}
LONGEST_RESULT = 64
"""Bits that an unrolled division or root finds at most."""


@dataclass(frozen=True)
class Called:
    """A call in the top function. Outputs are the variables that nobody has written before."""

    function: str
    config: str
    arguments: tuple[str, ...]
    layer: str


class Firmware:
    """The sources of a written project that are not the vendor's or hls4ml's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.graph: Graph = storage.load(folder / "graph.accel")
        self.schedule = Schedule.load(folder / "schedule.json")
        firmware = folder / "firmware"
        self.top = (firmware / "accel_model.cpp").read_text()
        self.parameters = (firmware / "parameters.h").read_text()
        self.defines = (firmware / "defines.h").read_text()
        generated = firmware / "nnet_utils" / "nnet_code_gen.h"
        self.kernels = {path.name: path.read_text() for path in sorted((firmware / "nnet_utils").glob("accel_*.h"))}
        if generated.exists():
            self.kernels[generated.name] = "".join(re.split(r"(?m)^(?=// y\[t\])", generated.read_text())[1:])
        self.functions: dict[str, tuple[list[str], Block]] = {}
        for text in self.kernels.values():
            self.functions |= functions(parse(text))
        configs = re.findall(r"// (\w+)\nstruct (config\d+) \{(.*?)\n\};", self.parameters, re.DOTALL)
        layers = {config: layer for layer, config, _ in configs}
        self.constants = {
            config: {name: int(value) for name, value in re.findall(r"static const [\w ]+ (\w+) = (-?\d+);", body)}
            for _, config, body in configs
        }
        calls = re.findall(r"(?m)^ *nnet::(accel_\w+)<(config\d+)>\((.*)\);", self.top)
        self.calls = [
            Called(name, config, tuple(args.split(", ")), layers.get(config, "")) for name, config, args in calls
        ]

    def beat(self, variable: str) -> int:
        """Elements that a variable of the top function carries or gives per cycle."""
        if cut := re.search(rf"ARRAY_PARTITION variable={variable} (?:cyclic factor=(\d+)|complete)", self.top):
            return int(cut[1] or self._size(variable))
        kind = re.search(rf"(?:stream|channel)<(\w+)> &?{variable}\b", self.top)
        lanes = re.search(rf"nnet::array<.*, (\d+)\*1> {kind[1] if kind else '?'};", self.defines)
        return int(lanes[1]) if lanes else 0

    def _size(self, variable: str) -> int:
        match = re.search(rf"\b{variable}\[([\d*]+)\]", self.top)
        return math.prod(map(int, match[1].split("*"))) if match else 0

    def problems(self) -> list[str]:
        """Everything that a synthesis tool would stumble over, or that does not follow the schedule."""
        return [*self.forbidden(), *self.uncalled(), *self._ends(), *itertools.chain(*map(self._call, self.calls))]

    def forbidden(self) -> Iterator[str]:
        """What has no place in hardware."""
        top = re.sub(r"(?ms)^#ifndef __SYNTHESIS__.*?^#endif", "", self.top)
        sources = {"accel_model.cpp": top, "defines.h": self.defines, "parameters.h": self.parameters, **self.kernels}
        for name, text in sources.items():
            code = re.sub(r"//.*|#include.*", "", text)
            for what, pattern in FORBIDDEN.items():
                if match := re.search(pattern, code):
                    yield f"{name}: {what}: {match[0]!r}"

    def uncalled(self) -> Iterator[str]:
        """Nodes of the graph without exactly one call."""
        called = Counter(call.layer for call in self.calls)
        for index, node in enumerate(self.graph):
            if called[f"n{index}"] != 1:
                yield f"node {node.name!r} (n{index}) has {called[f'n{index}']} calls"

    def _ends(self) -> Iterator[str]:
        """Variables without one writer and one reader: no dataflow."""
        uses = Counter(name for call in self.calls for name in call.arguments if re.match(r"layer\d+_|[xy]$", name))
        for clone in re.findall(r"nnet::clone_stream<.*>\((.*)\);", self.top):
            uses.update(clone.split(", "))
        ports = re.search(r"void (?:CCS_BLOCK\()?accel_model\)?\((.*?)\) \{", self.top, re.DOTALL)
        uses.update(re.findall(r"(\w+)(?:\[[^\]]*\])?(?=,|\s*$)", ports[1] if ports else ""))
        for name, count in uses.items():
            if count != 2:
                yield f"{name} has {count} ends"

    def walk(self, call: Called) -> tuple[Walk, int]:
        """A call walked through, and its cycles per sample."""
        walk = Walk(self.functions, self.constants[call.config])
        return walk, walk.call(call.function, list(call.arguments))

    def _call(self, call: Called) -> Iterator[str]:
        where = f"{call.layer} ({call.function})"
        walk, cycles = self.walk(call)
        yield from (f"{where}: {text}" for text in walk.found)
        yield from (f"{where}: {text}" for array in walk.arrays for text in array.problems())
        for variable, sizes in walk.beats.items():
            if sizes != {self.beat(variable)}:
                yield f"{where}: {variable} is {self.beat(variable)} wide and used in beats of {sorted(sizes)}"
        yield from (f"{where}: {text}" for text in self._against_schedule(call, walk, cycles))

    def _against_schedule(self, call: Called, walk: Walk, cycles: int) -> Iterator[str]:
        """Operations per cycle and cycles per sample, as the RTL of the same schedule has them."""
        nodes = {f"n{index}": node for index, node in enumerate(self.graph)}
        node = nodes.get(call.layer)
        if node is None or is_stage(node):
            edge = nodes[source].name if (source := call.layer.split("_")[0]) in nodes else self.graph.input_name
            beats = [self.beat(name) for name in walk.beats]
            limit, least = max(beats), self.graph.tensors[edge].size // min(beats)
            most = least
        else:
            fold = self.schedule.folds[node.name]
            assert not isinstance(fold, StageFold)
            limit = _parallel(fold)
            if isinstance(fold, LaneFold) and not call.function.endswith("_pipelined"):
                fold = replace(fold, unrolled=0)  # divisions of HLS are serial then
            units = units_of(self.graph, node, Schedule({node.name: fold}))
            most = max(unit.cycles for unit in units)
            least = max(u.cycles for u in units if all(actor.interval == 1 for actor in u.actors))
        if walk.widest > limit:
            yield f"{walk.widest} operations in a cycle, the schedule has {limit}"
        if not least <= cycles <= most:
            yield f"{cycles} cycles per sample, the schedule has {most}"


def _parallel(fold: UnitFold) -> int:
    """Operations per cycle, or inputs that a sparse fold moves; what is unrolled finds all bits of a result at once."""
    each = fold.products // fold.heads
    if isinstance(fold, MatrixFold):
        each = max(each, fold.simd // fold.sparse.n * fold.sparse.m)
    return fold.heads * (max(each, LONGEST_RESULT) if fold.unrolled else each)
