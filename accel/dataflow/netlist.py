"""Integer graph + schedule → instances of units joined by buffers: the structure of a dataflow design.

Stage operators ride behind the unit that feeds them; where lanes differ, gather and scatter units adapt them;
a stream that several units read gets one buffer per reader.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from accel.dataflow.schedule import Schedule, is_stage, memory_of, stages_of, units_of
from accel.graph import Graph, Node
from accel.hardware import ALWAYS, Actor, Every, Module, Port, Stage, Unit, consume, per_row, produce


@dataclass
class Instance:
    """A placed unit and the stages behind its result. `layers` are the graph nodes whose values it produces.

    `layers[0]` is the value in front of the first stage, the next ones are those behind each stage; None for what is no
    node's value: of units that only pass values on, and between the stages of a node.
    """

    name: str
    unit: Unit
    stages: list[Stage] = field(default_factory=list)
    layers: list[str | None] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Width of one element of the result, behind all stages."""
        return self.stages[-1].width if self.stages else self._result.width

    @property
    def lanes(self) -> int:
        return self._result.lanes

    @property
    def _result(self) -> Port:
        return self.unit.outputs[self.result_index]

    @property
    def result_index(self) -> int:
        """Which output is the node's result; 0 for a unit that only feeds its neighbours."""
        return next((i for i, port in enumerate(self.unit.outputs) if port.edge == "out"), 0)


@dataclass(frozen=True)
class Tap:
    """Output `port` of an instance."""

    instance: int
    port: int


@dataclass(frozen=True)
class Buffer:
    """Buffer between an output and an input (`reader` None: an output stream of the design)."""

    name: str
    source: Tap
    reader: Tap | None
    bits: int


@dataclass(frozen=True, eq=False)
class Netlist:
    """Instances in topological order, buffers in the order of their readers.

    The first instances read the `inputs` of the design, one each, and the last buffers are its `outputs`, both in the
    order of the graph. `memories` says where every node that has one keeps it.
    """

    instances: tuple[Instance, ...]
    buffers: tuple[Buffer, ...]
    memories: dict[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def entries(self) -> tuple[Instance, ...]:
        """The instances that read the inputs."""
        return self.instances[: len(self.inputs)]

    @property
    def exits(self) -> dict[str, int]:
        """The number of the buffer of every output."""
        first = len(self.buffers) - len(self.outputs)
        return {name: first + place for place, name in enumerate(self.outputs)}


def build(graph: Graph, schedule: Schedule) -> Netlist:
    """The netlist of a graph. Raises UserError when the schedule does not fit the graph."""
    units = {node.name: units_of(graph, node, schedule) for node in graph if not is_stage(node)}
    builder = _Builder(graph, schedule, units)
    for node in graph:
        if is_stage(node):
            builder.append_stage(node)
        else:
            builder.place_units(node)
    for output in graph.outputs:
        builder.connect(builder.results[output], None)
    ends = tuple(graph.inputs), tuple(graph.outputs)
    return Netlist(tuple(builder.instances), tuple(builder.buffers), builder.memories, *ends)


class _Builder:
    def __init__(self, graph: Graph, schedule: Schedule, units: dict[str, tuple[Unit, ...]]) -> None:
        self.graph = graph
        self.schedule = schedule
        self.units = units
        self.instances: list[Instance] = []
        self.buffers: list[Buffer] = []
        self.memories: dict[str, str] = {}
        self.results: dict[str, Tap] = {}  # graph edge → where its value comes out
        self.adapted: dict[tuple[str, int], Tap] = {}  # (graph edge, lanes) → behind gather/scatter
        for name in graph.inputs:
            self.results[name] = Tap(self._place(self._entry(name), "input", name), 0)

    # ---- placing

    def _entry(self, name: str) -> Unit:
        """The unit that takes an input in, with the lanes its first reader wants; one lane without a reader."""
        spec, reader = self.graph.inputs[name], next(iter(self.graph.consumers[name]), None)
        lanes = 1
        if reader and not is_stage(reader):
            position = reader.inputs.index(name)
            lanes = next(p.lanes for unit in self.units[reader.name] for p in unit.inputs if p.edge == f"in{position}")
        return _pass_unit(spec.tokens * spec.channels // lanes, lanes, spec.width)

    def _place(self, unit: Unit, label: str, layer: str | None) -> int:
        number = len(self.instances)
        self.instances.append(Instance(f"u{number}_{label}", unit, layers=[layer]))
        return number

    def place_units(self, node: Node) -> None:
        local: dict[str, Tap] = {}
        for unit in self.units[node.name]:
            self._note_memory(node, unit.module)
            is_result = any(port.edge == "out" for port in unit.outputs)
            label = unit.module.name.removeprefix("accel_")
            number = self._place(unit, label, node.name if is_result else None)
            for index, port in enumerate(unit.inputs):
                if port.edge in local:
                    source = local[port.edge]
                else:
                    source = self._with_lanes(node.inputs[int(port.edge.removeprefix("in"))], port.lanes)
                self.connect(source, Tap(number, index))
            for index, port in enumerate(unit.outputs):
                local[port.edge] = Tap(number, index)
        self.results[node.name] = local["out"]

    def _note_memory(self, node: Node, module: Module) -> None:
        style = memory_of(module)
        if style:
            self.memories[node.name] = style

    def append_stage(self, node: Node) -> None:
        """Behind the producer when nobody else reads its value, else behind a pass unit of its own."""
        (edge,) = node.inputs
        if len(self.graph.consumers[edge]) > 1 or edge in self.graph.outputs:
            source = self.results[edge]
            before = self.instances[source.instance]
            tensor = self.graph.tensors[edge]
            beats = tensor.tokens * tensor.channels // before.lanes
            number = self._place(_pass_unit(beats, before.lanes, before.width), "pass", None)
            self.connect(source, Tap(number, 0))
            target = Tap(number, 0)
        else:
            target = self.results[edge]
        instance = self.instances[target.instance]
        stages = stages_of(self.graph, node, instance.lanes, self.schedule)
        for stage in stages:
            self._note_memory(node, stage.module)
        instance.stages += stages
        instance.layers += [*[None] * (len(stages) - 1), node.name]
        self.results[node.name] = target

    # ---- connecting

    def _with_lanes(self, edge: str, lanes: int) -> Tap:
        """Where the value of a graph edge comes out with `lanes` elements per beat."""
        source = self.results[edge]
        have = self.instances[source.instance].lanes
        if have == lanes:
            return source
        if (edge, lanes) not in self.adapted:
            common = math.gcd(have, lanes)
            if common not in (have, lanes):
                source, have = self._with_lanes(edge, common), common
            width = self.instances[source.instance].width
            tensor = self.graph.tensors[edge]
            unit = _adapter(tensor.tokens * tensor.channels, have, lanes, width)
            number = self._place(unit, unit.module.name.removeprefix("accel_"), None)
            self.connect(source, Tap(number, 0))
            self.adapted[edge, lanes] = Tap(number, 0)
        return self.adapted[edge, lanes]

    def connect(self, source: Tap, reader: Tap | None) -> None:
        instance = self.instances[source.instance]
        port = instance.unit.outputs[source.port]
        width = instance.width if source.port == instance.result_index else port.width
        to = "output" if reader is None else f"{self.instances[reader.instance].name}.s{reader.port}"
        name = f"{instance.name}.m{source.port}>{to}"
        self.buffers.append(Buffer(name, source, reader, port.lanes * width))


def _pass_unit(beats: int, lanes: int, width: int) -> Unit:
    actor = Actor(beats, (consume("in0"),), (produce("out", ALWAYS, 1),))
    module = Module("accel_pass", {"WIDTH": lanes * width})
    return Unit(module, (Port("in0", lanes, width),), (Port("out", lanes, width),), (actor,))


def _adapter(elements: int, have: int, want: int, width: int) -> Unit:
    """Gather (want > have) or scatter unit; one of the two lane counts divides the other."""
    ratio = max(have, want) // min(have, want)
    beats = elements // min(have, want)
    params = {"WIDTH": min(have, want) * width, "RATIO": ratio}
    edge = Every(ratio, ratio - 1)
    if want > have:
        actor = Actor(beats, (consume("in0"),), (produce("out", edge, 1),))
        module = Module("accel_gather", params)
    else:
        actor = Actor(beats, (per_row(ratio, "in0"),), (produce("out", ALWAYS, 1),))
        module = Module("accel_scatter", params)
    return Unit(module, (Port("in0", have, width),), (Port("out", want, width),), (actor,))
