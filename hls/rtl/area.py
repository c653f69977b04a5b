"""What a dataflow design will occupy, by the cost model: units, stages, buffers."""

from __future__ import annotations

from accel import cost
from accel.hardware import Stage, Unit
from hls.rtl.netlist import Netlist


def estimate(netlist: Netlist, depths: dict[str, int], target: str) -> cost.Counts:
    """Cells of a netlist whose buffers have `depths`, on a target of `accel.target`."""
    parts: list[Unit | Stage] = []
    for instance in netlist.instances:
        parts += [instance.unit, *instance.stages]
    units = cost.total(cost.estimate(part, target) for part in parts)
    return units + cost.total(cost.buffer(b.bits, depths[b.name], target) for b in netlist.buffers)
