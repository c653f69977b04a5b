"""The stages of the demo: each takes what is done so far and returns one value, which later stages ask for by type."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from accel.design import GRAPH_FILE
from accel.progress import Progress
from accel.verbs import bitstream as bitstream_verb
from accel.verbs import levels
from accel.verbs import lower as lower_verb
from accel.verbs import report as report_verb
from accel.verbs.report import record
from accel.verification.levels import Level, Outcome, verify_all

if TYPE_CHECKING:
    from accel.dataflow.schedule import Schedule
    from accel.design import Design
    from accel.graph import Graph
    from boards.bitstream import BuildResult
    from hls.simulation.simulate import Simulation
    from models.training import Trained

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """The user's choices; `out` is the folder that everything is written to."""

    out: Path
    board: str
    seed: int = 0
    device: str = "cpu"
    bitstream: bool = True

    @property
    def command(self) -> str:
        """That runs the demo with these settings."""
        words = ["accel", "demo", "--board", self.board, "--seed", str(self.seed), "--device", self.device]
        return shlex.join([*words, *([] if self.bitstream else ["--no-bitstream"])])


@dataclass(frozen=True)
class Context:
    """Settings, the results of the stages so far, and the seconds they took."""

    settings: Settings
    results: tuple[StageResult, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    def get(self, kind: type[T]) -> T:
        """The result of type `kind`."""
        return next(result for result in self.results if isinstance(result, kind))

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Outcomes of all levels so far."""
        return tuple(outcome for result in self.results for outcome in result.outcomes)


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """The result of a stage: one line for people, and the levels it ran."""

    summary: str
    outcomes: tuple[Outcome, ...] = ()


DemoStage = Callable[[Context, Progress], StageResult]


@dataclass(frozen=True, kw_only=True)
class TrainingResult(StageResult):
    """The trained network and its held-out images, real (samples, tokens, features)."""

    trained: Trained
    images: np.ndarray


@dataclass(frozen=True, kw_only=True)
class ExportResult(StageResult):
    """The QONNX file."""

    path: Path


@dataclass(frozen=True, kw_only=True)
class ImportResult(StageResult):
    """The graph, its integer inputs, and the trained network's logits as integers: what every level must give."""

    graph: Graph
    x: np.ndarray
    expected: np.ndarray

    def verify(self, *levels: Level) -> tuple[Outcome, ...]:
        """Every level on the held-out images."""
        return tuple(verify_all(self.graph, levels, self.x, self.expected))


@dataclass(frozen=True, kw_only=True)
class RtlResult(StageResult):
    """The design and its measured cycles, without stalls."""

    design: Design
    simulation: Simulation


@dataclass(frozen=True, kw_only=True)
class BitstreamResult(StageResult):
    """The bitstream, if one was asked for."""

    build: BuildResult | None


@dataclass(frozen=True, kw_only=True)
class ReportResult(StageResult):
    """The report."""

    report: record.RunReport


def train(context: Context, tell: Progress) -> TrainingResult:
    """Float pre-training, then quantization-aware training; a checkpoint."""
    import models
    from accel.verbs.train import train as run

    trained = run(context.settings.out / "model.pt", context.settings.seed, tell)
    images = models.data.load("digits").test_x.numpy()
    summary = f"accuracy {trained.quantized_accuracy:.2%} (float {trained.float_accuracy:.2%}) on {len(images)} images"
    return TrainingResult(trained=trained, images=images, summary=summary)


def export(context: Context, tell: Progress) -> ExportResult:
    """A QONNX file."""
    import models

    path = context.settings.out / "model.onnx"
    models.export(context.get(TrainingResult).trained.model, path)
    return ExportResult(path=path, summary=f"{path.name}, {path.stat().st_size / 1000:.0f} kB")


def import_graph(context: Context, tell: Progress) -> ImportResult:
    """The integer graph; the file in qonnx's executor and the graph in torch against the trained network."""
    import torch

    import models
    from accel import onnx_import, reference, storage
    from accel.arrays import single

    training, path = context.get(TrainingResult), context.get(ExportResult).path
    model = onnx_import.read(path)
    graph = model.graph
    storage.save(graph, context.settings.out / GRAPH_FILE)
    x = single(reference.quantize(graph, training.images))
    expected = levels.integers(graph, models.logits(training.trained.model, torch.from_numpy(training.images)).numpy())
    tell("qonnx, reference")
    ran = levels.qonnx(model), levels.torch_reference(graph, context.settings.device)
    outcomes = tuple(verify_all(graph, ran, x, expected))
    summary = f"{len(graph.nodes)} nodes, {graph.macs:,} MACs; {agreement(outcomes)}"
    return ImportResult(graph=graph, x=x, expected=expected, outcomes=outcomes, summary=summary)


def csim(context: Context, tell: Progress) -> StageResult:
    """The Vitis HLS project, compiled with a C++ compiler."""
    from hls.projects import project

    imported, folder = context.get(ImportResult), context.settings.out / "vitis"
    tell("write")
    lower_verb.lower(imported.graph, "vitis", folder)
    tell("compile")
    made = project.load(folder)
    made.compile()
    tell("predict")
    outcomes = imported.verify(levels.csim(made))
    return StageResult(outcomes=outcomes, summary=agreement(outcomes))


def rtl(context: Context, tell: Progress) -> RtlResult:
    """The RTL design, simulated cycle by cycle without and with random stalls on both ends."""
    from accel.verbs.lowered import LoweredDesign

    imported, folder = context.get(ImportResult), context.settings.out / "rtl"
    tell("generate")
    made = lower_verb.lower(imported.graph, "rtl", folder, schedule=_small(imported.graph, context.settings.board))
    assert isinstance(made, LoweredDesign)
    design = made.design
    plain = levels.Rtl(design)
    stalled = levels.Rtl(design, stall=levels.STALL, seed=context.settings.seed)
    tell("simulate")
    outcomes = imported.verify(plain.level, stalled.level)
    measured, predicted = plain.simulation, design.predicted
    summary = (
        f"{agreement(outcomes)}; latency {measured.latency} cycles (predicted {predicted.latency}), "
        f"interval {measured.interval:g} (predicted {predicted.interval:g})"
    )
    return RtlResult(design=design, simulation=measured, outcomes=outcomes, summary=summary)


def _small(graph: Graph, board: str) -> Schedule:
    """The default interval with look-up tables weighed four times: place and route of few of them is short."""
    import boards
    from accel.dataflow.folding import DEFAULT_INTERVAL, fold_for, shortest_interval

    device = boards.get(board)
    budget = replace(device.capacity, lut=device.capacity.lut // 4)
    return fold_for(graph, max(DEFAULT_INTERVAL, shortest_interval(graph)), device.target, budget)


def bitstream(context: Context, tell: Progress) -> BitstreamResult:
    """The board's top level behind its serial port, its bitstream, and the projects of boards that need Vivado."""
    import boards

    settings, design = context.settings, context.get(RtlResult).design
    board, rtl_folder = boards.get(settings.board), settings.out / "rtl"
    tell("simulate the board")
    outcomes = context.get(ImportResult).verify(levels.board(design, board))
    build = None
    if settings.bitstream:
        build = bitstream_verb.bitstream(rtl_folder, board.name, settings.out / board.name, tell)
    for other in map(boards.get, boards.names()):
        if other.flow == "vivado" and other != board:
            boards.plan(design, other).write(settings.out / other.name)
    summary = f"{agreement(outcomes)}; "
    if build:
        used = build.resources
        summary += f"{used.lut:,} LUT, {used.bram} block RAM, {used.dsp} DSP at {build.clock_mhz:g} MHz"
    else:
        summary += "no bitstream"
    return BitstreamResult(build=build, outcomes=outcomes, summary=summary)


def agreement(outcomes: tuple[Outcome, ...]) -> str:
    """`reference 360/360 equal` for each."""
    return ", ".join(f"{o.level} {o.samples - o.mismatches}/{o.samples} equal" for o in outcomes)


def write_report(context: Context, tell: Progress) -> ReportResult:
    """`report.json`, and all of it as a page."""
    from accel import tools

    training, imported = context.get(TrainingResult), context.get(ImportResult)
    simulated, build = context.get(RtlResult), context.get(BitstreamResult).build
    measured, predicted = simulated.simulation, simulated.design.predicted
    made = record.RunReport(
        model=record.ModelFigures("digits", _parameters(training.trained), imported.graph.macs),
        accuracy=record.Accuracy(training.trained.float_accuracy, training.trained.quantized_accuracy),
        levels={o.level: record.LevelFigures.of(o) for o in context.outcomes},
        cycles=record.Cycles(
            measured.latency,
            measured.interval,
            predicted.latency,
            predicted.interval,
            predicted.mac_utilization,
            measured.cycles_per_second,
        ),
        resources=build.resources if build else None,
        fmax_mhz=build.fmax_mhz if build else None,
        clock_mhz=build.clock_mhz if build else None,
        latency_us=measured.latency / build.clock_mhz if build else None,
        inferences_per_s=build.clock_mhz * 1e6 / measured.interval if build else None,
        design_hash=simulated.design.hash,
        bitstream=str(build.bitstream.relative_to(context.settings.out)) if build else None,
        seconds=context.seconds,
        versions=tools.versions(),
        command=context.settings.command,
    )
    out = context.settings.out
    made.write(out / record.FILE)
    tell("page")
    return ReportResult(report=made, summary=str(report_verb.report(out, progress=tell).page))


def _parameters(trained: Trained) -> int:
    """Weights, biases and positions; the scales of the quantizers are not counted."""
    return sum(p.numel() for name, p in trained.model.named_parameters() if not name.endswith(".value"))


STAGES: dict[str, DemoStage] = {
    "train": train,
    "export": export,
    "import": import_graph,
    "hls4ml": csim,
    "rtl": rtl,
    "bitstream": bitstream,
    "report": write_report,
}
"""In order; every stage is a function of what is done so far."""
