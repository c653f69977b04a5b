"""Integer graph → SystemVerilog dataflow design."""

from __future__ import annotations

from accel.dataflow import folding
from accel.dataflow.netlist import Netlist
from accel.dataflow.schedule import Schedule
from accel.dataflow.structure import Structure, structure
from accel.design import Design, Figures, PlacedUnit
from accel.errors import UserError
from accel.graph import Graph
from accel.model import view_of
from accel.stream import Stream
from hls.rtl import emit

__all__ = ["lower", "structure", "structure_of"]


def lower(graph: Graph, schedule: Schedule | None = None) -> Design:
    """The dataflow design of a graph: its `structure`, and the text of it.

    `schedule` defaults to the one that `accel.dataflow.folding.default` chooses. Raises UserError when it does not fit
    the graph.
    """
    made = structure(graph, schedule or folding.default(graph))
    netlist, prediction = made.netlist, made.prediction
    sources, sinks = _ends(graph, netlist)
    files, memories = emit.files(netlist, made.schedule.depths, sources, sinks)
    return Design(
        graph.name,
        emit.TOP,
        files,
        sources,
        sinks,
        Figures(prediction.latency, prediction.interval, graph.macs, made.multipliers, made.mac_utilization),
        memories,
        made.schedule,
        _units(netlist),
        emit.taps(netlist, graph),
        view_of(graph),
        structure=made,
    )


def _ends(graph: Graph, netlist: Netlist) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
    """The streams of the inputs and of the outputs."""
    entries = zip(graph.inputs.items(), netlist.entries, strict=True)
    sources = tuple(Stream.of(name, tensor, entry.lanes) for (name, tensor), entry in entries)
    makers = {
        name: netlist.instances[netlist.buffers[number].source.instance] for name, number in netlist.exits.items()
    }
    return sources, tuple(Stream.of(name, tensor, makers[name].lanes) for name, tensor in graph.outputs.items())


def structure_of(design: Design, graph: Graph) -> Structure:
    """The structure that a design was lowered from: kept with it, or made again if it was read from a folder.

    Raises UserError when the design was lowered from another graph than `graph`.
    """
    if design.structure and design.structure.graph is graph:
        return design.structure
    another = f"{design.name}: the graph beside the design is another one"
    try:
        found = structure(graph, design.schedule)
    except UserError as error:
        raise UserError(f"{another} ({error}); write both with `accel lower`") from None
    if _units(found.netlist) != design.units or found.schedule != design.schedule:
        raise UserError(f"{another}; write both with `accel lower`")
    return found


def _units(netlist: Netlist) -> tuple[PlacedUnit, ...]:
    return tuple(PlacedUnit(i.name, i.unit.cycles, tuple(i.layers)) for i in netlist.instances)
