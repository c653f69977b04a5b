"""The structure of a dataflow design, before any text: units and buffers, their depths, and when they work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from accel.dataflow import prediction
from accel.dataflow.netlist import Netlist, build
from accel.dataflow.prediction import Prediction
from accel.dataflow.schedule import Schedule, require_known
from accel.dataflow.utilization import useful_macs
from accel.errors import UserError
from accel.graph import Graph


@dataclass(frozen=True, eq=False)
class Structure:
    """A graph as units and buffers; `schedule` has the places of all memories and the depths of all buffers."""

    graph: Graph
    schedule: Schedule
    netlist: Netlist

    @cached_property
    def prediction(self) -> Prediction:
        """Cycles of a run in which neither end pauses."""
        return prediction.predict(self.netlist, self.schedule.depths)

    def activity(self, samples: int) -> dict[str, list[tuple[int, int]]]:
        """Per unit and sample, the predicted cycles of the first beat that it takes and of the last that it writes.

        Cycle 0 is the first input beat of a run in which neither end pauses.
        """
        return prediction.activity(self.netlist, self.schedule.depths, samples)

    @property
    def multipliers(self) -> int:
        """Products per cycle."""
        return sum(instance.unit.multipliers for instance in self.netlist.instances)

    @property
    def mac_utilization(self) -> float:
        """Share of all products that a sample needs; 0 without matrix units."""
        made = self.multipliers * self.prediction.interval
        return useful_macs(self.graph) / made if made else 0.0


def structure(graph: Graph, schedule: Schedule) -> Structure:
    """The units and buffers of a graph.

    Buffers have the depths of `schedule`, or those that the timing needs. Raises UserError when the schedule does not
    fit the graph.
    """
    require_known(schedule, graph)
    netlist = build(graph, schedule)
    names = {buffer.name for buffer in netlist.buffers}
    if unknown := schedule.depths.keys() - names:
        raise UserError(f"schedule: the design has no buffer {min(unknown)!r}")
    depths = schedule.depths
    if names - depths.keys():
        depths = prediction.buffer_depths(netlist) | depths
    return Structure(graph, replace(schedule, memories=netlist.memories, depths=depths), netlist)
