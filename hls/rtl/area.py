"""Area of a dataflow design by the cost model: units, stages, buffers."""

from __future__ import annotations

from accel import cost
from accel.dataflow.netlist import Instance, Netlist
from accel.hardware import Stage, Unit
from accel.target import Cells


def estimate(netlist: Netlist, depths: dict[str, int], target: str) -> Cells:
    """Cells of a netlist whose buffers have `depths`, on a target of `accel.target`."""
    units = cost.total(unit(instance, target) for instance in netlist.instances)
    return units + buffers(netlist, depths, target)


def unit(instance: Instance, target: str) -> Cells:
    """Cells of a placed unit with the stages behind it."""
    parts: list[Unit | Stage] = [instance.unit, *instance.stages]
    return cost.total(cost.estimate(part, target) for part in parts)


def buffers(netlist: Netlist, depths: dict[str, int], target: str) -> Cells:
    """Cells of all buffers."""
    return cost.total(cost.buffer(b.bits, depths[b.name], target) for b in netlist.buffers)
