"""Integer graph + schedule → the calls of an HLS project, in order: one kernel per node, and what joins them.

Like the RTL, stage operators work on the lanes of what feeds them, and where lanes differ a gather or scatter call
adapts them. Arrays between processes have one reader, so an array that several read is copied by fork calls; streams
are copied by hls4ml.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from accel.dataflow.schedule import Schedule, is_stage, unit_fold_of
from accel.graph import Graph, Node
from accel.kernel import Kernel, fork, regroup
from accel.ops.hardware import hardware_of, required
from accel.tensor import Tensor


@dataclass(frozen=True)
class KernelUse:
    """One layer of the project. `inputs` and `outputs` are identifiers; every output carries the tensor `edge`.

    `node` is the name of the graph's node, None for a call that only joins others.
    """

    kernel: Kernel
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    edge: Tensor
    node: str | None = None

    @property
    def name(self) -> str:
        return self.outputs[0]

    @property
    def cycles(self) -> int:
        """Cycles per sample when every loop reaches an initiation interval of 1, without the pipeline's depth."""
        return self.kernel.cycles or self.kernel.reuse * self.edge.tokens


@dataclass(frozen=True)
class Plan:
    """The calls between the identifiers `source`, in beats of `lanes` elements, and `result`."""

    source: str
    lanes: int
    calls: tuple[KernelUse, ...]
    result: str

    @property
    def interval(self) -> int:
        """Cycles per sample of the slowest call."""
        return max(call.cycles for call in self.calls)

    @property
    def latency(self) -> int:
        """Cycles of the longest path when calls hand on whole samples; streams overlap and need fewer."""
        ready: dict[str, int] = {}
        for call in self.calls:
            done = max(ready.get(name, 0) for name in call.inputs) + call.cycles
            ready.update(dict.fromkeys(call.outputs, done))
        return ready[self.result]

    def readers(self) -> Counter[str]:
        """How often every identifier is read, the project's output included."""
        return Counter([name for call in self.calls for name in call.inputs] + [self.result])


def plan(graph: Graph, names: dict[str, str], schedule: Schedule, *, arrays: bool) -> Plan:
    """The calls of a graph; `names` maps its edges to identifiers. Raises UserError when the schedule does not fit."""
    builder = _PlanBuilder(graph, names, schedule)
    made = Plan(names[graph.input_name], builder.input_lanes, tuple(builder.calls()), names[graph.output])
    return _forked(made, graph.input) if arrays else made


class _PlanBuilder:
    def __init__(self, graph: Graph, names: dict[str, str], schedule: Schedule) -> None:
        self.graph, self.names = graph, names
        self.lanes: dict[str, int] = {}  # graph edge → elements of its beats
        self.adapted: dict[tuple[str, int], str] = {}  # (graph edge, lanes) → identifier behind gather or scatter
        self.schedule = schedule
        self.input_lanes = self.lanes[graph.input_name] = self._entry()

    def calls(self) -> Iterator[KernelUse]:
        for node in self.graph:
            kernel = self._kernel(node)
            inputs = []
            for edge, lanes in zip(node.inputs, kernel.lanes, strict=True):
                yield from self._adapt(edge, lanes)
                inputs.append(self._identifier(edge, lanes))
            self.lanes[node.name] = kernel.out_lanes
            name = self.names[node.name]
            yield KernelUse(kernel, tuple(inputs), (name,), self.graph.tensors[node.name], node.name)

    def _kernel(self, node: Node) -> Kernel:
        make = required(hardware_of(node.op).kernel, node.op, "kernel")
        fold = unit_fold_of(self.graph, node, self.schedule, self.lanes.get(node.inputs[0], 1))
        return make(node.op, *self.graph.ends(node), fold)

    def _entry(self) -> int:
        """The lanes that the first reader of the graph's input wants."""
        reader = self.graph.consumers[self.graph.input_name][0]
        return 1 if is_stage(reader) else self._kernel(reader).lanes[reader.inputs.index(self.graph.input_name)]

    def _identifier(self, edge: str, lanes: int) -> str:
        return self.names[edge] if lanes == self.lanes[edge] else self.adapted[edge, lanes]

    def _adapt(self, edge: str, lanes: int) -> Iterator[KernelUse]:
        """The calls after which an edge is there in beats of `lanes` elements: through a common divisor if need be."""
        have, tensor = self.lanes[edge], self.graph.tensors[edge]
        common = math.gcd(have, lanes)
        for want in (lanes,) if common in (have, lanes) else (common, lanes):
            if want != have and (edge, want) not in self.adapted:
                name = f"{self.names[edge]}_by{want}"
                yield KernelUse(regroup(tensor.size, have, want), (self._identifier(edge, have),), (name,), tensor)
                self.adapted[edge, want] = name
            have = want


def _forked(made: Plan, source: Tensor) -> Plan:
    """The same calls with a tree of forks behind everything that is read more than once."""
    readers = made.readers()
    copies: dict[str, Iterator[str]] = {}
    calls: list[KernelUse] = []

    def produced(name: str, edge: Tensor, lanes: int) -> None:
        forks = list(_forks(name, readers[name], fork(edge.size, lanes), edge))
        calls.extend(forks)
        read = {name for call in forks for name in call.inputs}
        leaves = [name for call in forks for name in call.outputs if name not in read]
        copies[name] = iter(leaves or [name])

    produced(made.source, source, made.lanes)
    for call in made.calls:
        calls.append(replace(call, inputs=tuple(next(copies[name]) for name in call.inputs)))
        produced(call.name, call.edge, call.kernel.out_lanes)
    result, last = next(copies[made.result]), made.calls[-1]
    if result != made.result:  # the output of a project is all that its layer gives, so it is no half of a fork
        last = next(call for call in made.calls if call.name == made.result)
        lanes = last.kernel.out_lanes
        calls.append(KernelUse(regroup(last.edge.size, lanes, lanes), (result,), (f"{made.result}_out",), last.edge))
        result = calls[-1].name
    return replace(made, calls=tuple(calls), result=result)


def _forks(name: str, readers: int, kernel: Kernel, edge: Tensor) -> Iterator[KernelUse]:
    """A balanced tree of forks that makes `readers` copies of `name`."""
    if readers > 1:
        halves = f"{name}_a", f"{name}_b"
        yield KernelUse(kernel, (name,), halves, edge)
        yield from _forks(halves[0], (readers + 1) // 2, kernel, edge)
        yield from _forks(halves[1], readers // 2, kernel, edge)
