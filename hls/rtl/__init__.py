"""Integer graph → SystemVerilog dataflow design."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from accel.dataflow import folding
from accel.dataflow.schedule import Schedule, require_known
from accel.dataflow.utilization import useful_macs
from accel.design import Design, Stream
from accel.errors import UserError
from accel.graph import Graph
from accel.model import view_of
from accel.tensor import Tensor
from hls.rtl import emit, prediction
from hls.rtl.netlist import Netlist, build
from hls.rtl.prediction import Prediction, buffer_depths, predict

__all__ = ["activity", "lower", "netlist_of"]


@dataclass(frozen=True, eq=False)
class Structure:
    """A design before any text: units and buffers, their depths, and the predicted cycles."""

    graph: Graph
    schedule: Schedule
    netlist: Netlist
    prediction: Prediction

    @property
    def multipliers(self) -> int:
        """Products per cycle."""
        return sum(instance.unit.multipliers for instance in self.netlist.instances)

    @property
    def mac_utilization(self) -> float:
        """Share of all products that a sample needs; 0 without matrix units."""
        made = self.multipliers * self.prediction.interval
        return useful_macs(self.graph) / made if made else 0.0


def structure(graph: Graph, schedule: Schedule | None = None) -> Structure:
    """The units and buffers of a graph, and their timing; `schedule` defaults to the one of `accel lower`.

    The schedule of the result has the places of all memories and the depths of all buffers. Buffers have the depths of
    `schedule`, or those that the timing needs. Raises UserError when the schedule does not fit the graph.
    """
    schedule = schedule or folding.default(graph)
    require_known(schedule, graph)
    netlist = build(graph, schedule)
    unknown = set(schedule.depths) - {buffer.name for buffer in netlist.buffers}
    if unknown:
        raise UserError(f"schedule: the design has no buffer {min(unknown)!r}")
    depths = buffer_depths(netlist) | schedule.depths
    complete = replace(schedule, memories=netlist.memories, depths=depths)
    return Structure(graph, complete, netlist, predict(netlist, depths))


def lower(graph: Graph, schedule: Schedule | None = None) -> Design:
    """The dataflow design of a graph: its `structure`, and the text of it.

    `Design.info` holds the schedule, the predicted cycles and what simulation needs to know about the streams.
    """
    made = structure(graph, schedule)
    netlist, prediction = made.netlist, made.prediction
    source, result = graph.input, graph.output_tensor
    streams = _stream(source, netlist.instances[0].lanes), _stream(result, netlist.instances[_last(netlist)].lanes)
    info = {
        "predicted": {"latency": prediction.latency, "interval": prediction.interval},
        "macs": graph.macs,
        "multipliers": made.multipliers,
        "mac_utilization": made.mac_utilization,
        "input": _tensor(source),
        "output": _tensor(result),
        **({"view": asdict(view)} if (view := view_of(graph)) else {}),
        "units": _units(netlist),
        "taps": emit.taps(netlist, graph),
        "schedule": made.schedule.to_json(),
    }
    files = emit.files(netlist, made.schedule.depths, streams[0].bits, streams[1].bits)
    return Design(graph.name, emit.TOP, files, *streams, info, made)


def netlist_of(design: Design, graph: Graph) -> Netlist:
    """The units and buffers of a design that was lowered from `graph`. Raises UserError when it was not.

    They are those that the design was made from, or made again for a design that was read from a folder.
    """
    made = design.structure
    if isinstance(made, Structure) and made.graph is graph:
        return made.netlist
    another = f"{design.name}: the graph beside the design is another one"
    try:
        found = build(graph, Schedule.from_json(design.info["schedule"]))
    except UserError as error:
        raise UserError(f"{another} ({error}); write both with `accel lower`") from None
    if _units(found) != design.info["units"]:
        raise UserError(f"{another}; write both with `accel lower`")
    return found


def activity(design: Design, graph: Graph, samples: int) -> dict[str, list[tuple[int, int]]]:
    """Per unit and sample, the predicted cycles of the first beat that it takes and of the last that it writes.

    Cycle 0 is the first input beat of a run in which neither end pauses; `graph` is what the design was lowered from.
    Raises UserError when it was not.
    """
    return prediction.activity(netlist_of(design, graph), design.info["schedule"]["depths"], samples)


def _units(netlist: Netlist) -> list[dict[str, Any]]:
    return [{"name": i.name, "cycles": i.unit.cycles, "layers": i.layers} for i in netlist.instances]


def _last(netlist: Netlist) -> int:
    return netlist.buffers[-1].source.instance


def _stream(tensor: Tensor, lanes: int) -> Stream:
    return Stream(lanes, tensor.width, tensor.signed, tensor.tokens * tensor.channels // lanes)


def _tensor(tensor: Tensor) -> dict[str, Any]:
    entry = {"shape": list(tensor.shape), "lo": tensor.lo, "hi": tensor.hi, "scale": tensor.scale}
    return entry | ({"offset": tensor.offset} if tensor.offset else {})
