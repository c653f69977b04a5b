"""The rows of a study: a recipe's trainings, one by one and resumable, and what its network needs in hardware."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from accel.errors import UserError

if TYPE_CHECKING:
    from accel.dataflow.netlist import Netlist
    from accel.graph import Graph
    from models.presets import Lever
    from models.recipe import Recipe
    from models.training import Trained

WEIGHTS = ("WEIGHT_FILE", "INDEX_FILE")
"""The memories of a matrix unit: weights, and the places of those that are kept."""
FIGURES = ("quantized_accuracy", "float_accuracy", "quantized_nats", "float_nats", "seconds")
"""Of a training, whose means over the seeds are in a row."""


@dataclass(frozen=True)
class StudyRow:
    """A recipe on a model. Accuracies (mean, and largest distance from it over the seeds) and cross-entropies are those
    of the held-out part. Cycles are measured in simulation, cells are the cost model's for ECP5.
    """

    recipe: str
    model: str
    lever: str
    seeds: int
    accuracy_mean: float
    accuracy_spread: float
    float_accuracy: float
    nats: float
    float_nats: float
    parameters: int
    weight_bits: int
    macs: int
    cycles: int
    multipliers: int
    lut: int
    ff: int
    dsp: int
    bram: int
    train_seconds: float


@dataclass(frozen=True)
class Training:
    """One training."""

    data: str
    name: str
    recipe: Recipe
    seed: int

    @property
    def lever(self) -> Lever:
        from models import presets

        return presets.LEVERS[self.name]

    def model(self, out: Path) -> Path:
        """The exported network: the last that a training writes."""
        return self.folder(out) / "model.onnx"

    def folder(self, out: Path) -> Path:
        """Where its state is kept."""
        plain = "".join(c if c.isalnum() else "-" for c in self.name)
        return out / "runs" / f"{self.data}-{plain}-{self.seed}"


def jobs(data: str, names: list[str] | None, seeds: int) -> list[Training]:
    """Every training of a study, in order. Raises UserError on an unknown recipe."""
    from models import presets

    known = presets.recipes(data)
    chosen = [presets.named(data, name) for name in names] if names else known
    return [Training(data, name, replace(known[name], seed=seed), seed) for name in chosen for seed in range(seeds)]


def train(job: Training, out: Path) -> None:
    """Run one training, or what is left of it."""
    import models

    folder = job.folder(out)
    trained = _on_processes(job, folder) if job.lever.parallel else models.train(job.recipe, folder=folder)
    models.export(trained.model, job.model(out))
    for state in folder.glob("*.pt"):
        state.unlink()  # what a finished training needs no more


def _on_processes(job: Training, folder: Path) -> Trained:
    """The same, by as many processes as the lever's layout takes."""
    import models
    from models.parallel import Parallel
    from models.parallel.training import RESULT

    count = Parallel.parse(job.lever.parallel).processes
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    command += ["-m", "models.train", "--data", job.data, "--recipe", job.name, "--seed", f"{job.seed}"]
    command += ["--parallel", job.lever.parallel, "--checkpoint", f"{folder}"]
    ran = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    if ran.returncode:
        said = [line for line in ran.stderr.splitlines() if line.startswith("error: ")] or ran.stderr.splitlines()[-1:]
        raise UserError(f"training of {job.name} on {count} processes failed: {' '.join(said[:1])}")
    return models.load(folder / RESULT)


def row(data: str, name: str, networks: list[Path]) -> StudyRow:
    """The figures of a recipe's trainings, by their networks; the first one is measured in hardware."""
    import accel
    from models import presets
    from models.resuming import METRICS

    figures = [json.loads(path.with_name(METRICS).read_text(encoding="utf-8")) for path in networks]
    mean = {key: sum(figure[key] for figure in figures) / len(figures) for key in FIGURES}
    accuracies = [figure["quantized_accuracy"] for figure in figures]
    return StudyRow(
        recipe=name,
        model=data,
        lever=presets.LEVERS[name].kind,
        seeds=len(networks),
        accuracy_mean=mean["quantized_accuracy"],
        accuracy_spread=max(abs(value - mean["quantized_accuracy"]) for value in accuracies),
        float_accuracy=mean["float_accuracy"],
        nats=mean["quantized_nats"],
        float_nats=mean["float_nats"],
        train_seconds=round(mean["seconds"], 1),
        **_hardware(accel.load(networks[0]), presets.LEVERS[name].multipliers),
    )


def _hardware(graph: Graph, multipliers: int) -> dict[str, int]:
    """Size of a graph and of its design with a limit on multipliers; three samples are simulated and compared."""
    import numpy as np

    from accel import reference
    from accel.arrays import single
    from accel.dataflow.folding import with_multipliers
    from accel.errors import MismatchError
    from hls import rtl
    from hls.rtl.area import estimate
    from hls.simulation import simulate

    schedule = with_multipliers(graph, multipliers)
    design = rtl.lower(graph, schedule)
    netlist = rtl.structure_of(design, graph).netlist
    x = np.random.default_rng(0).integers(graph.input.lo, graph.input.hi + 1, (3, *graph.input.shape))
    ran = simulate.run(design, x)
    if not np.array_equal(ran.outputs, single(reference.run(graph, x))):
        raise MismatchError(f"{graph.name}: RTL and reference differ; run accel compare on the model")
    made = estimate(netlist, design.schedule.depths, schedule.target)
    return {
        **_size(graph, netlist),
        "cycles": round(ran.interval),
        "multipliers": design.predicted.multipliers,
        "lut": made.equivalents(schedule.target),
        "ff": made.ff,
        "dsp": made.dsp,
        "bram": made.bram,
    }


def _size(graph: Graph, netlist: Netlist) -> dict[str, int]:
    """Constants of the matrices and tables of a graph, bits of the weight memories, products that are not by zero."""
    from accel.constants import Constant
    from accel.dataflow.utilization import useful_macs
    from accel.ops.dense.op import Dense

    parameters, skipped = 0, 0
    for node in graph:
        arrays = [getattr(node.op, name, None) for name in ("weight", "bias", "table", "values")]
        parameters += sum(array.size for array in arrays if isinstance(array, Constant))
        if isinstance(node.op, Dense):
            skipped += graph.ends(node)[1].tokens * int((node.op.weight.values == 0).sum())
    roms = [instance.unit.module.roms.get(name) for instance in netlist.instances for name in WEIGHTS]
    bits = sum(rom.depth * rom.width for rom in roms if rom is not None)
    return {"parameters": parameters, "weight_bits": bits, "macs": useful_macs(graph) - skipped}
