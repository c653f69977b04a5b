"""Netlist → SystemVerilog: the top module, its memories, and the library modules it uses.

Every identifier is made here from running numbers and module names. Only the ports of several inputs or outputs have
names of a model file, of which letters and digits are left; no other text of it gets in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from accel import ops
from accel.dataflow.netlist import Buffer, Instance, Netlist
from accel.graph import Graph
from accel.hardware import Long, Module, Unit
from accel.image import Image
from accel.stream import Stream, port_names
from accel.tensor import Tensor

TOP = "accel_top"
DEEP = 64
"""Entries from which a buffer is worth a block RAM."""


@cache
def library() -> dict[str, str]:
    """Module name → source text of every module in the library (file = module)."""
    return {
        path.stem: path.read_text(encoding="utf-8")
        for root in (Path(__file__).parent, *map(Path, ops.__path__))
        for path in sorted(root.rglob("*.sv"))
    }


def files(
    netlist: Netlist, depths: dict[str, int], inputs: Sequence[Stream], outputs: Sequence[Stream]
) -> tuple[dict[str, str], dict[str, Image]]:
    """`accel_top.sv` with the generated and library modules that it needs, and the memories, each a .hex file."""
    top, memories = _top(netlist, depths, inputs, outputs)
    modules = [instance.unit.module for instance in netlist.instances]
    modules += [stage.module for instance in netlist.instances for stage in instance.stages]
    generated = {f"{module.name}.sv": module.source for module in modules if module.source}
    return {f"{TOP}.sv": top, **generated, **{f"{name}.sv": library()[name] for name in used(top)}}, memories


def used(text: str) -> list[str]:
    """Names of the library modules instantiated in a text, directly or below."""
    found: set[str] = set()
    pending = [text]
    while pending:
        names = set(re.findall(r"\baccel_\w+\b(?=\s+(?:#\(|\w+\s*\())", pending.pop())) & set(library())
        pending += [library()[name] for name in names - found]
        found |= names
    return sorted(found)


def _top(
    netlist: Netlist, depths: dict[str, int], inputs: Sequence[Stream], outputs: Sequence[Stream]
) -> tuple[str, dict[str, Image]]:
    sources, sinks = port_names("s", netlist.inputs), port_names("m", netlist.outputs)
    pins = [_pins(port, "input ", stream) for port, stream in zip(sources, inputs, strict=True)]
    pins += [_pins(port, "output", stream) for port, stream in zip(sinks, outputs, strict=True)]
    lines = [
        "// Dataflow design: every operator is a unit, joined by buffers. Written by accel; do not edit.",
        f"module {TOP} (",
        "    input  logic clk,",
        "    input  logic rst,",
        *",\n".join(pins).split("\n"),
        ");",
    ]
    memories: dict[str, Image] = {}
    for number, instance in enumerate(netlist.instances):
        lines += _instance(number, instance, netlist, memories)
    targets = _targets(netlist, sinks)
    for number, buffer in enumerate(netlist.buffers):
        lines += _buffer(number, buffer, netlist, depths[buffer.name], targets[number])
    return "\n".join([*lines, "endmodule", ""]), memories


def _pins(port: str, direction: str, stream: Stream) -> str:
    """The pins of a stream, whose `direction` is that of its data; `ready` goes the other way."""
    other = "output" if direction == "input " else "input "
    return (
        f"    {direction} logic {port}_valid,\n    {other} logic {port}_ready,\n"
        f"    {direction} logic [{stream.bits - 1}:0] {port}_data,\n    {direction} logic {port}_last"
    )


def _targets(netlist: Netlist, sinks: Sequence[str]) -> list[str]:
    """The wires that every buffer feeds: a port of a unit, or one of the design."""
    readers = [buffer.reader for buffer in netlist.buffers]
    return [f"i{reader.instance}_s{reader.port}" for reader in readers if reader] + [*sinks]


def _instance(number: int, instance: Instance, netlist: Netlist, memories: dict[str, Image]) -> list[str]:
    """Declarations and instantiation of one unit, its stages, and taps for tracing."""
    unit, name = instance.unit, f"i{number}"
    lines = ["", f"    // {instance.name}"]
    for side, ports, flags in (("s", unit.inputs, "{0}_valid, {0}_ready"), ("m", unit.outputs, _GIVEN)):
        for k, port in enumerate(ports):
            p, bits = f"{name}_{side}{k}", port.lanes * port.width
            lines.append(f"    logic {flags.format(p)}, {p}_last; logic [{bits - 1}:0] {p}_data;")
    lines += _module(name, unit, memories)
    if number < len(netlist.inputs):
        source = port_names("s", netlist.inputs)[number]
        lines += [f"    assign {name}_s0_{pin} = {source}_{pin};" for pin in ("valid", "data", "last")]
        lines.append(f"    assign {source}_ready = {name}_s0_ready;")
    for k in range(len(unit.outputs)):
        rooms = [
            f"f{i}_room" for i, b in enumerate(netlist.buffers) if (b.source.instance, b.source.port) == (number, k)
        ]
        lines.append(f"    assign {name}_m{k}_room = {' & '.join(rooms)};")
    before = sum(layer is not None for i in netlist.instances[:number] for layer in i.layers)
    lines += _stages(name, instance, before, memories)
    return lines


_GIVEN = "{0}_room, {0}_take, {0}_valid"


def _module(name: str, unit: Unit, memories: dict[str, Image]) -> list[str]:
    """The unit's module, or its copies: they run in lockstep, so what they say together is what each says."""
    came = [(f"s{k}", port, ("valid", "last"), ("ready",)) for k, port in enumerate(unit.inputs)]
    gives = [(f"m{k}", port, ("room",), ("take", "valid", "last")) for k, port in enumerate(unit.outputs)]
    if unit.copies == 1:
        pins = [f".{p}_{pin}({name}_{p}_{pin})" for p, _, ins, outs in came + gives for pin in (*ins, *outs, "data")]
        return [instantiate(unit.module, name, pins, memories)]
    before, pins = [], []
    for p, port, ins, outs in came + gives:
        share = port.lanes * port.width // unit.copies
        pins += [f".{p}_{pin}({name}_{p}_{pin})" for pin in ins]
        pins += [f".{p}_{pin}({name}_{p}_{pin}_of[copy])" for pin in outs]
        pins.append(f".{p}_data({name}_{p}_data[copy*{share}+:{share}])")
        before += [
            f"    logic [{unit.copies - 1}:0] {name}_{p}_{pin}_of; assign {name}_{p}_{pin} = &{name}_{p}_{pin}_of;"
            for pin in outs
        ]
    module = instantiate(unit.module, name, pins, memories)
    return [*before, f"    for (genvar copy = 0; copy < {unit.copies}; copy++) begin : {name}_copy", module, "    end"]


def _stages(name: str, instance: Instance, tap: int, memories: dict[str, Image]) -> list[str]:
    """The chain of stages behind the result: wires <name>_t<n>_*; taps of graph values are numbered from `tap`."""
    wires = f"{name}_m{instance.result_index}"
    port = instance.unit.outputs[instance.result_index]
    lines = _tap(instance.layers[0], wires, port.lanes * port.width, tap)
    for k, stage in enumerate(instance.stages):
        after = f"{name}_t{k}"
        lines.append(f"    logic {after}_valid, {after}_last; logic [{stage.lanes * stage.width - 1}:0] {after}_data;")
        pins = [f".s_{pin}({wires}_{pin})" for pin in ("valid", "data", "last")]
        pins += [f".m_{pin}({after}_{pin})" for pin in ("valid", "data", "last")]
        lines.append(instantiate(stage.module, after, pins, memories))
        wires = after
        tap += instance.layers[k] is not None
        lines += _tap(instance.layers[k + 1], wires, stage.lanes * stage.width, tap)
    return lines


def taps(netlist: Netlist, graph: Graph) -> tuple[Stream, ...]:
    """The streams of the traced design: integers only, without their scales."""
    layers = [(layer, instance.lanes) for instance in netlist.instances for layer in instance.layers]
    edges = [(layer, graph.tensors[layer], lanes) for layer, lanes in layers if layer is not None]
    return tuple(Stream.of(layer, Tensor(edge.shape, edge.lo, edge.hi), lanes) for layer, edge, lanes in edges)


def _tap(layer: str | None, wires: str, bits: int, number: int) -> list[str]:
    """Marks the wires that carry a value of the graph, numbered in the order of `taps`."""
    if layer is None:
        return []
    return [
        "`ifdef ACCEL_TRACE",
        f"    accel_tap #(.BITS({bits}), .ID({number})) tap{number}",
        f"        (.clk, .valid({wires}_valid), .data({wires}_data));",
        "`endif",
    ]


def _buffer(number: int, buffer: Buffer, netlist: Netlist, depth: int, target: str) -> list[str]:
    """One accel_fifo; `last` travels as the highest bit."""
    source = f"i{buffer.source.instance}_m{buffer.source.port}"
    stages = netlist.instances[buffer.source.instance].stages
    is_result = buffer.source.port == netlist.instances[buffer.source.instance].result_index
    end = f"i{buffer.source.instance}_t{len(stages) - 1}" if stages and is_result else source
    params = f".WIDTH({buffer.bits + 1}), .DEPTH({depth}), .BLOCK({int(depth > DEEP)})"
    return [
        "",
        f"    // {buffer.name}",
        f"    logic f{number}_room;",
        f"    accel_fifo #({params}) f{number} (.clk, .rst, .room(f{number}_room), .take({source}_take),",
        f"        .s_valid({end}_valid), .s_data({{{end}_last, {end}_data}}),",
        f"        .m_valid({target}_valid), .m_ready({target}_ready), .m_data({{{target}_last, {target}_data}}));",
        "`ifdef ACCEL_TRACE",
        f"    accel_watch #(.ID({number})) w{number} (.clk, .rst, .room(f{number}_room), .take({source}_take),",
        f"        .valid({target}_valid), .ready({target}_ready));",
        "`endif",
    ]


def instantiate(module: Module, name: str, pins: list[str], memories: dict[str, Image]) -> str:
    """An instance as one line; the contents of its memories are added to `memories` by the names of their files."""
    params = [f".{key}({_number(value)})" for key, value in module.params.items()]
    for key, rom in module.roms.items():
        file = f"{name}_{key.removesuffix('_FILE').lower()}.hex"
        memories[file] = Image.pack(rom.make(), rom.bits)
        params.append(f'.{key}("{file}")')
    return f"    {module.name} #({', '.join(params)}) {name} (.clk, .rst, {', '.join(pins)});"


def _number(value: int) -> str:
    return f"{'-' if value < 0 else ''}64'sd{abs(value)}" if isinstance(value, Long) else str(value)
