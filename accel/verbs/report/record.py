"""The report of a run, `report.json`: stable keys, written whole or not at all."""

from __future__ import annotations

import builtins
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accel.errors import UserError
from accel.files import require_ordinary, write_atomic
from accel.target import Cells

if TYPE_CHECKING:
    from accel.verification.levels import Outcome


FILE = "report.json"


@dataclass(frozen=True)
class ModelFigures:
    """`macs`: multiply-accumulates of one sample."""

    name: str
    parameters: int
    macs: int


@dataclass(frozen=True)
class Accuracy:
    """Shares of held-out samples, 0..1, before and after quantization."""

    float: builtins.float
    quantized: builtins.float


@dataclass(frozen=True)
class LevelFigures:
    """`mismatches` of `samples` have a wrong output element; `difference` says where, in words."""

    samples: int
    mismatches: int
    seconds: float
    difference: str | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> LevelFigures:
        """Build the row of a level from its outcome."""
        found = outcome.difference
        return cls(outcome.samples, outcome.mismatches, outcome.seconds, str(found) if found else None)


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
class RunReport:
    """Everything after `cycles` up to `bitstream` is None when no bitstream was asked for, but `design_hash`.

    `bitstream` is a path relative to the report; `seconds` are per stage, `versions` per tool; `command` makes
    it again.
    """

    model: ModelFigures
    accuracy: Accuracy
    levels: dict[str, LevelFigures]
    cycles: Cycles
    resources: Cells | None
    fmax_mhz: float | None
    clock_mhz: float | None
    latency_us: float | None
    inferences_per_s: float | None
    design_hash: str
    bitstream: str | None
    seconds: dict[str, float]
    versions: dict[str, str]
    command: str

    @property
    def mismatches(self) -> int:
        """Over all levels."""
        return sum(level.mismatches for level in self.levels.values())

    @classmethod
    def load(cls, path: Path) -> RunReport:
        """Read what `write` wrote. Raises UserError when the file is missing or another one."""
        require_ordinary(path)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            parts: dict[str, object] = {
                "model": ModelFigures(**content["model"]),
                "accuracy": Accuracy(**content["accuracy"]),
                "levels": {name: LevelFigures(**level) for name, level in content["levels"].items()},
                "cycles": Cycles(**content["cycles"]),
                "resources": content["resources"] and Cells.from_json(content["resources"]),
            }
            return cls(**{**content, **parts})
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from None
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            raise UserError(f"{path}: not a report of `accel demo`; run it again") from None

    def write(self, path: Path) -> None:
        """Write as JSON. Raises UserError when the place is not writable."""
        cells = self.resources and self.resources.to_json()
        write_atomic(path, json.dumps({**asdict(self), "resources": cells}, indent=2) + "\n")
