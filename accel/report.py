"""The report of a run, `report.json`: stable keys, written whole or not at all."""

from __future__ import annotations

import builtins
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from accel.design import write_atomic


@dataclass(frozen=True)
class Model:
    """`macs`: multiply-accumulates of one sample."""

    name: str
    parameters: int
    macs: int


@dataclass(frozen=True)
class Accuracy:
    """Shares of held-out samples, 0..1, before and after quantisation."""

    float: builtins.float
    quantized: builtins.float


@dataclass(frozen=True)
class Level:
    """`mismatches` of `samples` have a wrong output element."""

    samples: int
    mismatches: int
    seconds: float


@dataclass(frozen=True)
class Cycles:
    """Measured in simulation and predicted by the schedule; `mac_utilization` is 0..1.

    `simulated_per_s` is the speed of the simulation.
    """

    latency: int
    interval: float
    predicted_latency: int
    predicted_interval: float
    mac_utilization: float
    simulated_per_s: float


@dataclass(frozen=True)
class Resources:
    """Of the placed and routed bitstream."""

    lut4: int
    ff: int
    bram: int
    dsp: int


@dataclass(frozen=True)
class Report:
    """Everything after `cycles` up to `bitstream` is None when no bitstream was asked for, but `design_hash`.

    `bitstream` is a path relative to the report; `seconds` are per stage, `versions` per tool.
    """

    model: Model
    accuracy: Accuracy
    levels: dict[str, Level]
    cycles: Cycles
    resources: Resources | None
    fmax_mhz: float | None
    clock_mhz: float | None
    latency_us: float | None
    inferences_per_s: float | None
    design_hash: str
    bitstream: str | None
    seconds: dict[str, float]
    versions: dict[str, str]

    @property
    def mismatches(self) -> int:
        """Over all levels."""
        return sum(level.mismatches for level in self.levels.values())

    def write(self, path: Path) -> None:
        """Write as JSON. Raises UserError when the place is not writable."""
        write_atomic(path, json.dumps(asdict(self), indent=2) + "\n")
