"""Speed of the levels beside other tools on the same network: benchmarks/results/speed.json, and a table beside it.

python benchmarks/speed.py    (a quarter of an hour; most of it compiles the digits design for cocotb)

A row per comparison: samples per second of our reference and of a peer, cycles per second of our simulation and of
cocotb, seconds from a graph to its first simulated result and of hls4ml's convert and compile, both with an empty cache
of compiled code. Rounds are interleaved, so that a busy machine slows both sides alike; the best of each counts.
Weights are random: they change no speed. C simulations are compiled with -O3, as by hls4ml's own scripts.
`make bench` runs the demo first, if it has not run.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import peers
import torch
from figures import markdown

import accel
import models
from accel import reference
from accel.dataflow.folding import fold_for
from accel.files import write_atomic
from accel.graph import Graph, Node
from accel.ops import Dense
from accel.tensor import Tensor
from hls import rtl
from hls.projects import csim, project
from hls.simulation import simulate
from models import presets
from models.quantization import quantize, settle

RESULTS = Path(__file__).parent / "results" / "speed.json"
DEMO = Path("build/demo/report.json")
"""Of `make demo`: how long its stages took is in the table, too."""
SIZES = {"digits": presets.BASES["digits"].model, "Fashion-MNIST": presets.FASHION}
BATCHES = (1, 1024)
OURS = {"reference, compiled": reference.NATIVE, "reference in torch": "cpu"} | (
    {"reference on the GPU": "cuda"} if torch.cuda.is_available() else {}
)
"""What we run on which device: compiled beside every peer, the others beside the first."""
ROUNDS = 9
SLOW = {"qonnx": 4, "csim": 256}
"""Samples that are enough to time a slow peer."""
Runs = dict[str, tuple[Callable[[], object], int]]
"""What runs, and how many samples it takes."""
BACKENDS = ("Vitis", "Vivado", "Quartus", "Catapult")


@dataclass(frozen=True)
class Row:
    """`ours` and `peer` in the unit of the task; `ratio` is how many times faster we are."""

    task: str
    batch: int
    ours: float
    peer: float
    peer_name: str
    ratio: float


@dataclass(frozen=True)
class Network:
    """One network in every form."""

    floating: models.Encoder
    graph: Graph
    file: Path

    @classmethod
    def of(cls, name: str, folder: Path) -> Network:
        config = SIZES[name]
        torch.manual_seed(0)
        floating = models.Encoder(replace(config, quantized=False)).eval()
        samples = torch.rand(64, config.tokens, config.features)
        twin = settle(quantize(floating, samples), samples)
        path = folder / f"{name}.onnx"
        models.export(twin, path)
        return cls(floating, accel.load(path), path)

    def samples(self, count: int) -> np.ndarray:
        spec = self.graph.input
        return np.random.default_rng(0).integers(spec.lo, spec.hi + 1, (count, *spec.shape))


def rates(runs: Runs) -> dict[str, float]:
    """The most samples per second in ROUNDS interleaved rounds; every run comes with how many it takes.

    Each is called once without a clock before it is timed: what compiles, and threads and caches that the run before
    left cold, is of no interest.
    """
    best = dict.fromkeys(runs, 0.0)
    for _ in range(ROUNDS):
        for name, (run, count) in runs.items():
            run()
            start = time.perf_counter()
            run()
            best[name] = max(best[name], count / (time.perf_counter() - start))
    return best


def reference_rows(name: str, folder: Path) -> list[Row]:
    """The reference beside every other way to run the network on this machine."""
    network = Network.of(name, folder)
    scale = np.float32(network.graph.input.scale)
    session = peers.onnxruntime(
        peers.qcdq(network.file, folder / f"{name}-qcdq.onnx", SIZES[name].channels), torch.get_num_threads()
    )
    file = peers.qonnx(network.file)
    compiled = _compiled(network.graph, name, folder)
    rows = []
    for batch in BATCHES:
        x = network.samples(batch)
        real = (x * scale).astype(np.float32)
        runs: Runs = {
            "torch eager, float32": (partial(_eager, network.floating, torch.from_numpy(real)), batch),
            "ONNX Runtime, QCDQ": (partial(session, real), batch),
            "qonnx": (partial(file, real[: SLOW["qonnx"]]), min(batch, SLOW["qonnx"])),
        }
        for backend, made in compiled.items():
            runs[f"hls4ml csim, {backend}"] = (partial(made.predict, x[: SLOW["csim"]]), min(batch, SLOW["csim"]))
        ours: Runs = {
            task: (partial(reference.run, network.graph, x, device=device), batch) for task, device in OURS.items()
        }
        best = rates(ours | runs)
        for task, device in OURS.items():
            against = runs if device == reference.NATIVE else list(runs)[:1]
            rows += [
                Row(f"{task}, {name}, samples/s", batch, best[task], best[peer], peer, best[task] / best[peer])
                for peer in against
            ]
    return rows


def _eager(network: models.Encoder, x: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return network(x)


def _compiled(graph: Graph, name: str, folder: Path) -> dict[str, project.Project]:
    """Projects of every back end that compiles here; one for the larger network."""
    made = {}
    for backend in BACKENDS if name == "digits" else BACKENDS[:1]:
        made[backend] = project.write(graph, folder / f"{name}-{backend}", backend)
        made[backend].compile()
    return made


def simulation_rows(folder: Path) -> list[Row]:
    """Our harness and cocotb on the same designs."""
    rng = np.random.default_rng(0)
    dense = Dense(rng.integers(-7, 8, (32, 32)), [0] * 32)
    unit = Graph("unit", {"x": Tensor((8, 32), -128, 127)}, (Node("y", dense, ("x",)),), "y")
    cases = {"one matrix unit": (unit, 512, 200), "digits": (Network.of("digits", folder).graph, 4096, 40)}
    rows = []
    for name, (graph, interval, few) in cases.items():
        design = rtl.lower(graph, fold_for(graph, interval))
        x = rng.integers(graph.input.lo, graph.input.hi + 1, (20 * few, *graph.input.shape))
        ours = max(simulate.run(design, x).cycles_per_second for _ in range(3))
        wanted = reference.run(graph, x[:few])
        peer = peers.cocotb_cycles_per_second(design, x[:few], wanted, folder / f"cocotb-{name[:3]}")
        rows.append(Row(f"simulation, {name}, cycles/s", few, ours, peer, "cocotb on Verilator", ours / peer))
    return rows


def first_result_row(folder: Path) -> Row:
    """Time from the graph to the first simulated sample, and to hls4ml's compiled library; the last row of all."""
    network = Network.of("digits", folder)
    x = network.samples(1)
    best = {"ours": 1e9, "peer": 1e9}

    def timed(name: str, run: Callable[[], object]) -> None:
        os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(dir=folder)
        start = time.perf_counter()
        run()
        best[name] = min(best[name], time.perf_counter() - start)

    for n in range(2):
        timed("ours", lambda: simulate.run(rtl.lower(network.graph), x))
        timed("peer", partial(_csim, network.graph, folder / f"first-{n}"))
    ratio = best["peer"] / best["ours"]
    return Row("graph to first result, digits, s", 1, best["ours"], best["peer"], "hls4ml convert and compile", ratio)


def _csim(graph: Graph, folder: Path) -> None:
    project.write(graph, folder).compile()


def table(rows: list[Row]) -> str:
    """Markdown."""
    gpu = "A GPU has rows of its own." if torch.cuda.is_available() else "No GPU on this machine: no rows of one."
    cells = ((r.task, r.batch, f"{r.ours:,.4g}", r.peer_name, f"{r.peer:,.4g}", f"{r.ratio:,.3g}") for r in rows)
    return markdown(("task", "batch", "ours", "peer", "", "times faster"), cells) + f"\n\n{gpu}"


def stages() -> str:
    """Markdown: how long every stage of the demo took."""
    seconds = json.loads(DEMO.read_text(encoding="utf-8"))["seconds"]
    rows = [*((name, f"{s:.1f}") for name, s in seconds.items()), ("all", f"{sum(seconds.values()):.0f}")]
    return markdown(("stage of `accel demo`", "seconds"), rows)


def main() -> None:
    demo = stages()
    csim.CXX = tuple(flag.replace("-Og", "-O3") for flag in csim.CXX)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [row for size in SIZES for row in reference_rows(size, folder)]
        rows += [*simulation_rows(folder), first_result_row(folder)]
    write_atomic(RESULTS, json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    write_atomic(RESULTS.with_suffix(".md"), f"{table(rows)}\n\n{demo}\n")
    print(table(rows))


if __name__ == "__main__":
    main()
