"""The figures of what `accel lower` made, by the models: nothing is simulated or synthesized for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from accel.target import Cells, in_files

if TYPE_CHECKING:
    from accel.design import Design
    from accel.graph import Graph
    from boards.board import Board
    from hls.projects.project import Project


@dataclass(frozen=True)
class Lowered:
    """A folder of sources. `interval` is in cycles per sample, `latency` in cycles from first input to last output.

    Those of an RTL design are exact. Those of an HLS project follow from its schedule, for loops that reach an
    initiation interval of 1: the latency is that of whole samples handed from kernel to kernel, without the depth of
    the pipelines, so streams are faster.
    """

    out: Path
    target: str
    interval: float
    latency: int
    clock_mhz: float

    @property
    def interval_us(self) -> float:
        """Microseconds per sample at the clock."""
        return self.interval / self.clock_mhz

    @property
    def latency_us(self) -> float:
        """Microseconds of one sample at the clock."""
        return self.latency / self.clock_mhz

    @property
    def samples_per_s(self) -> float:
        """Throughput of the core, without whatever carries the samples to it."""
        return 1e6 / self.interval_us

    def as_dict(self) -> dict[str, object]:
        """Plain data, for JSON."""
        return {
            "out": str(self.out),
            "target": self.target,
            "predicted": {"latency": self.latency, "interval": self.interval},
            "clock_mhz": self.clock_mhz,
            "interval_us": self.interval_us,
            "latency_us": self.latency_us,
            "samples_per_s": self.samples_per_s,
        }

    def lines(self) -> list[str]:
        """The figures in words."""
        return [
            f"interval   {self.interval:,g} cycles, {self.interval_us:,.2f} µs at {self.clock_mhz:.4g} MHz: "
            f"{self.samples_per_s:,.0f} samples/s",
            f"latency    {self.latency:,} cycles, {self.latency_us:,.2f} µs",
        ]


@dataclass(frozen=True)
class LoweredDesign(Lowered):
    """An RTL design, with its resources on `board` by the cost model."""

    design: Design
    graph: Graph
    board: Board

    @classmethod
    def of(cls, out: Path, design: Design, graph: Graph, board: Board) -> LoweredDesign:
        """A design at the board's default clock."""
        predicted = design.predicted
        return cls(out, "rtl", predicted.interval, predicted.latency, board.clock_mhz, design, graph, board)

    @cached_property
    def estimate(self) -> Cells:
        """Needed resources of the core, without the board's UART or bus."""
        from hls import rtl
        from hls.rtl.area import estimate

        structure = rtl.structure_of(self.design, self.graph)
        made = estimate(structure.netlist, structure.schedule.depths, self.board.target)
        return made.placed(self.board.target)

    @property
    def shares(self) -> dict[str, float]:
        """Resource → the share of the board's that is needed; resources that the board lacks are left out."""
        return self.estimate.shares(self.board.capacity)

    def as_dict(self) -> dict[str, object]:
        """Plain data, for JSON."""
        return {
            **super().as_dict(),
            "estimate": self.estimate.to_json(),
            "board": self.board.name,
            "share": in_files(self.shares),
        }

    def lines(self) -> list[str]:
        """The figures in words."""
        found, shares = self.estimate, self.shares
        used = ", ".join(f"{shares[name]:.0%} {word}" for name, word in _WORDS.items() if name in shares)
        return [
            *super().lines(),
            f"estimate   {found.lut:,} LUT, {found.dsp:,} DSP, {found.bram:,} BRAM, {found.ff:,} FF",
            f"{self.board.name:10} {used}{'' if max(shares.values()) <= 1 else ': does not fit'}",
        ]


_WORDS = {"lut": "of LUT", "dsp": "of DSP", "bram": "of BRAM", "ff": "of FF"}


@dataclass(frozen=True)
class LoweredProject(Lowered):
    """An HLS project for `part`."""

    part: str

    @classmethod
    def of(cls, target: str, project: Project) -> LoweredProject:
        """A project at the clock that it was written for."""
        period = float(project.setting("ClockPeriod"))
        plan = project.plan
        return cls(project.folder, target, plan.interval, plan.latency, 1e3 / period, project.setting("Part"))

    def as_dict(self) -> dict[str, object]:
        """Plain data, for JSON."""
        return {**super().as_dict(), "part": self.part}

    def lines(self) -> list[str]:
        """The figures in words."""
        interval, latency = super().lines()
        return [
            f"{interval}, where loops reach II = 1",
            f"{latency} at most, without the depth of the pipelines",
            f"part       {self.part}",
        ]
