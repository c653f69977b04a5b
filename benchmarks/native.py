"""The compiled reference beside the reference in torch and beside an earlier commit: seconds and ratios by shape.

    git worktree add /tmp/before ca192f9
    python benchmarks/native.py [--before /tmp/before] [--only native torch sweep]

Keys `native`, `sweep` and `torch` of benchmarks/results/contract.json, and benchmarks/results/native.md. Seconds are
those of the processor, of one thread, the least of many calls, and whatever is compared takes turns: other work on the
machine changes no ratio. The sweep runs again without AVX-512 and VNNI, in torch's libraries too, as on a processor
that ends with AVX2.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
BATCHES = (1, 16, 128, 1024)
LAYER: dict[str, Any] = {"channels": 64, "hidden": 256, "heads": 4, "tokens": 16, "features": 16}
SHAPES = [LAYER | {"channels": d, "hidden": 4 * d, "heads": d // 32} for d in (32, 64, 128, 256, 512, 768)] + [
    LAYER | {"tokens": 1, "heads": 1},
    LAYER | {"tokens": 128, "causal": True},
    LAYER | {"bits": 12, "gelu": True},
]
WEIGHTS = [LAYER | {"channels": 256, "hidden": 1024, "heads": 8, "layers": layers} for layers in (1, 4, 40)]
BEFORE = 4_000_000
"""Most weights that the earlier commit compiles: 30 million take it minutes and gigabytes."""
MASKED = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
INSTRUCTIONS = {"native": {}, "haswell": MASKED}
"""-march of the compiled reference → environment of torch."""
ROUNDS = 3
AT_LEAST = 0.1
"""Seconds of calls in a round."""


class Worker:
    """A process that measures in the tree of one commit."""

    def __init__(self, tree: Path = ROOT, march: str = "native") -> None:
        home = tempfile.mkdtemp()
        environment = os.environ | INSTRUCTIONS[march] | {"PYTHONPATH": f"{tree}:{tree}/tests", "XDG_CACHE_HOME": home}
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--worker", march],
            cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip

    def ask(self, **question: Any) -> Any:
        """The reply of `answer` in the process."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def answer(march: str) -> None:
    """Answer questions from standard input until it ends."""
    import torch

    sys.path.insert(0, str(Path.cwd() / "benchmarks"))
    if march != "native":
        from accel.reference import native

        native.FLAGS = tuple(flag.replace("=native", f"={march}") for flag in native.FLAGS)
    torch.set_num_threads(1)
    for line in sys.stdin:
        question = json.loads(line)
        found = _first(**question) if question.pop("task") == "first" else _least(**question)
        print(json.dumps(found), flush=True)


def _first(shape: dict[str, Any]) -> tuple[int, float]:
    """Weights of a graph, and CPU seconds until its first result, those of the compiler included."""
    from accel import reference

    graph, start = _graph(json.dumps(shape)), _used()
    reference.run(graph, _samples(graph, 1), device="native")
    return sum(node.op.weight.size for node in graph if node.op.kind == "dense"), _used() - start


def _used() -> float:
    return time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


def _least(shape: dict[str, Any] | str, device: str, batch: int) -> float:
    """The least CPU seconds of one call; `device` is one of the reference's, or eager: the float network in torch."""
    call = _eager(str(shape), batch) if device == "eager" else _reference(json.dumps(shape), device, batch)
    call()
    best, end = 1e9, time.process_time() + AT_LEAST
    while best == 1e9 or time.process_time() < end:
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return best


def _reference(shape: str, device: str, batch: int) -> Any:
    from accel import reference

    graph = _graph(shape)
    x = _samples(graph, batch)
    return lambda: reference.run(graph, x, device=device)


@cache
def _graph(shape: str) -> Any:
    """A random encoder of that shape, or the network of speed.py with that name."""
    wanted = json.loads(shape)
    if isinstance(wanted, str):
        return _network(wanted).graph
    from encoders import Shape, encoder  # type: ignore[import-not-found]

    return encoder(Shape(**wanted), 1)


@cache
def _network(name: str) -> Any:
    from speed import Network

    with tempfile.TemporaryDirectory() as folder:
        return Network.of(name, Path(folder))


def _eager(name: str, batch: int) -> Any:
    import torch

    floating = _network(name).floating
    x = torch.rand(batch, floating.config.tokens, floating.config.features)

    def call() -> None:
        with torch.inference_mode():
            floating(x)

    return call


def _samples(graph: Any, count: int) -> Any:
    import numpy as np

    return np.random.default_rng(0).integers(graph.input.lo, graph.input.hi + 1, (count, *graph.input.shape))


def first(before: Path | None) -> list[dict[str, Any]]:
    """CPU seconds from a graph to its first result, with an empty cache."""
    rows = []
    for shape in WEIGHTS:
        worker = Worker()
        weights, seconds = worker.ask(task="first", shape=shape)
        worker.close()
        row = {
            "weights": weights,
            "layers": shape["layers"],
            "compile_s": seconds,
            "compile_s_before": None,
            "ratio": None,
        }
        if before and weights < BEFORE:
            old = Worker(before)
            row["compile_s_before"] = old.ask(task="first", shape=shape)[1]
            row["ratio"] = row["compile_s_before"] / seconds
            old.close()
        rows.append(row)
    return rows


def sweep() -> list[dict[str, Any]]:
    """The compiled reference beside the reference in torch, by shape, batch and instructions."""
    rows = []
    for march in INSTRUCTIONS:
        for shape in SHAPES:
            worker = Worker(march=march)
            for batch in BATCHES:
                ours, torch = _turns(worker, ("native", "cpu"), shape, batch)
                rows.append({
                    "processor": processor(march), **shape, "batch": batch, "native_s": ours, "torch_s": torch,
                    "ratio": torch / ours,
                })  # fmt: skip
                print(f"{march} {shape} {batch}: {torch / ours:.2f}", flush=True)
            worker.close()
    return rows


def networks(before: Path | None) -> list[dict[str, Any]]:
    """The networks of speed.py, beside their float form in torch and beside the earlier commit."""
    rows = []
    for name, batch in product(("digits", "Fashion-MNIST"), (1, 1024)):
        new, old = Worker(), Worker(before) if before else None
        ours, eager = _turns(new, ("native", "eager"), name, batch)
        row = {"model": name, "batch": batch, "processor": processor("native"), "native_s": ours, "ratio": eager / ours}
        if old:
            turns = [(new.ask(**ask), old.ask(**ask)) for ask in [_question("native", name, batch)] * ROUNDS * 3]
            row["before"] = min(there for _, there in turns) / min(here for here, _ in turns)
            old.close()
        new.close()
        rows.append(row)
    return rows


def _turns(worker: Worker, devices: tuple[str, ...], shape: Any, batch: int) -> list[float]:
    """The least seconds of every device."""
    rounds = [[worker.ask(**_question(device, shape, batch)) for device in devices] for _ in range(ROUNDS)]
    return [min(seconds) for seconds in zip(*rounds, strict=True)]


def _question(device: str, shape: Any, batch: int) -> dict[str, Any]:
    return {"task": "least", "shape": shape, "device": device, "batch": batch}


def processor(march: str) -> str:
    """The processor's name, and the instructions that are used of it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    flags = next(line for line in lines if line.startswith("flags")).split()
    if march == "haswell":
        return f"{name}, AVX2 alone"
    return f"{name}, " + ("AVX-512 VNNI" if "avx512_vnni" in flags else "AVX2" if "avx2" in flags else "SSE2")


def table(found: dict[str, Any]) -> str:
    """Markdown."""
    lines = ["| weights | layers | CPU seconds to the first result | before | times sooner |", "|---|---|---|---|---|"]
    for row in found.get("native", []):
        old, ratio = (f"{row[key]:.3g}" if row[key] else "" for key in ("compile_s_before", "ratio"))
        lines.append(f"| {row['weights']:,} | {row['layers']} | {row['compile_s']:.2f} | {old} | {ratio} |")
    lines += ["", "| network | batch | processor | µs per sample | times as fast as torch eager, float32 | as before |"]
    lines += ["|---|---|---|---|---|---|"]
    for row in found.get("torch", []):
        times = f"{row['ratio']:.2f} | {row['before']:.2f}" if "before" in row else f"{row['ratio']:.2f} |"
        each = row["native_s"] / row["batch"] * 1e6
        lines.append(f"| {row['model']} | {row['batch']} | {row['processor']} | {each:.1f} | {times} |")
    batches = " | ".join(f"batch {batch}" for batch in BATCHES)
    lines += ["", f"| processor | layer of the encoder | {batches} |", "|---|---|" + "---|" * len(BATCHES)]
    ratios: dict[tuple[str, str], list[str]] = {}
    for row in found.get("sweep", []):
        words = f"{row['channels']} channels, {row['tokens']} tokens"
        words += ", causal" * row.get("causal", False) + f", {row.get('bits', 4)}-bit weights"
        ratios.setdefault((row["processor"], words), []).append(f"{row['ratio']:.1f}")
    lines += [f"| {name} | {words} | {' | '.join(each)} |" for (name, words), each in ratios.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="tree of the earlier commit")
    parser.add_argument("--only", nargs="+", default=["native", "torch", "sweep"], choices=["native", "torch", "sweep"])
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        answer(chosen.worker)
        return
    import figures

    from accel.files import write_atomic

    before = chosen.before.resolve() if chosen.before else None
    parts = {"native": lambda: first(before), "torch": lambda: networks(before), "sweep": sweep}
    for key in chosen.only:
        found = figures.keep(RESULTS / "contract.json", {key: parts[key]()})
        write_atomic(RESULTS / "native.md", table(found))
    print(table(found))


if __name__ == "__main__":
    main()
