"""A graph as a machine of one unit per operator: its schedule, who chooses it, and the cycle of every beat."""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {
    "LaneFold": "accel.fold",
    "MatrixFold": "accel.fold",
    "Schedule": "accel.dataflow.schedule",
    "Solver": "accel.dataflow.folding",
    "StageFold": "accel.fold",
    "default": "accel.dataflow.folding",
    "fastest": "accel.dataflow.folding",
    "fold_for": "accel.dataflow.folding",
    "shortest_interval": "accel.dataflow.folding",
    "unrolled": "accel.dataflow.folding",
    "with_multipliers": "accel.dataflow.folding",
    "useful_macs": "accel.dataflow.utilization",
}

__all__ = [*HOMES]
__getattr__ = lazy(__name__, HOMES)
