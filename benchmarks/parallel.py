"""Parallel training against one process: equality, step time and traffic of every layout, with torchrun on gloo.

python benchmarks/parallel.py [--only NAME]

Equality is that of STEPS steps in float64. Time and traffic are those of TIMED steps in float32: traffic is what all
processes together send over the loopback interface, with TCP's headers, so nothing else should use it meanwhile; a
profile of gloo's operations says how long a process communicates or waits for others. Writes
benchmarks/results/parallel.json and .md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.distributed.tensor import DTensor

from accel.files import write_atomic
from models.config import EncoderConfig
from models.data import Split
from models.encoder import Encoder
from models.fitting import Fit, cross_entropy
from models.parallel import Parallel, Trainer, processes
from models.quantization import quantize
from models.recipe import Recipe

RESULTS = Path(__file__).parent / "results" / "parallel.json"
MODEL = EncoderConfig(tokens=16, features=16, channels=64, heads=4, layers=4, hidden=128)
RECIPE = Recipe(model=MODEL, batch=64)
STEPS, WARM, TIMED, PROFILED = 20, 2, 4, 1
LAYOUTS = {
    "one process": "data=1",
    "data (DDP) × 2": "data=2",
    "data (DDP) × 4": "data=4",
    "data (FSDP2) × 2": "data=2,sharded=true",
    "data (FSDP2) × 4": "data=4,sharded=true",
    "tensor × 2": "tensor=2",
    "tensor × 4": "tensor=4",
    "pipeline (GPipe) × 2": "pipeline=2,schedule=gpipe",
    "pipeline (1F1B) × 2": "pipeline=2",
    "pipeline (1F1B) × 4": "pipeline=4",
    "data × 2, tensor × 2": "data=2,tensor=2",
    "data × 2, pipeline × 2": "data=2,pipeline=2",
    "data × 2, pipeline × 2, tensor × 2": "data=2,pipeline=2,tensor=2",
}
COLUMNS = (
    "layout", "processes", "steps", "loss_difference", "weight_difference", "scale_difference", "step_seconds",
    "bytes_per_step",
)  # fmt: skip


def calibrated(dtype: torch.dtype) -> Encoder:
    """The same network on every call."""
    torch.manual_seed(0)
    network = Encoder(replace(MODEL, quantized=False)).eval()
    return quantize(network, torch.randn(64, MODEL.tokens, MODEL.features)).to(dtype)


def batches(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Random ones, always the same."""
    torch.manual_seed(1)
    shape = (RECIPE.batch, MODEL.tokens, MODEL.features)
    return [(torch.randn(shape, dtype=torch.float64), torch.randint(MODEL.classes, shape[:1])) for _ in range(count)]


def single() -> tuple[list[float], Encoder]:
    """Losses and network of `models.fitting.Fit`, the training on one process, given the same batches."""
    model = calibrated(torch.float64).train()
    given = batches(STEPS)
    x, y = given[0]
    loss = cross_entropy(RECIPE.label_smoothing)
    fit = Fit(model, Split(x, y, x, y), RECIPE, epochs=STEPS, rate=RECIPE.quant_rate, loss=loss)
    return [fit.step(*batch) for batch in given], model


def differences(device: torch.device, layout: Parallel) -> dict[str, float]:
    """Largest differences from one process, over all ranks."""
    losses, model = single()
    trainer = Trainer(calibrated(torch.float64), layout, RECIPE, STEPS, device)
    found = [trainer.step(x, y) for x, y in batches(STEPS)]
    worst = {"loss": max(abs(a - b) for a, b in zip(found, losses, strict=True)), "weight": 0.0, "scale": 0.0}
    wanted = dict(model.named_parameters())
    for name, own in trainer.model.named_parameters():
        whole = own.full_tensor() if isinstance(own, DTensor) else own
        kind = "scale" if name.endswith(".value") else "weight"
        worst[kind] = max(worst[kind], (whole - wanted[name]).abs().max().item())
    message = torch.tensor(list(worst.values()), dtype=torch.float64)
    distributed.all_reduce(message, distributed.ReduceOp.MAX)
    return {f"{kind}_difference": value for kind, value in zip(worst, message.tolist(), strict=True)}


def costs(device: torch.device, layout: Parallel) -> dict[str, Any]:
    """Seconds and bytes per step, and how long rank 0 communicates (or waits for others) in one."""
    trainer = Trainer(calibrated(torch.float32), layout, RECIPE, WARM + TIMED + PROFILED, device)
    given = batches(WARM + TIMED + PROFILED)
    for batch in given[:WARM]:
        trainer.step(*batch)
    distributed.barrier()
    sent, start = loopback(), time.perf_counter()
    for batch in given[WARM : WARM + TIMED]:
        trainer.step(*batch)
    seconds = (time.perf_counter() - start) / TIMED
    distributed.barrier()
    traffic = (loopback() - sent) / TIMED
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for batch in given[WARM + TIMED :]:
            trainer.step(*batch)
    spans = {event.key: event.cpu_time_total / 1e6 / PROFILED for event in profile.key_averages()}
    gloo = {key.removeprefix("gloo:"): seconds for key, seconds in spans.items() if key.startswith("gloo:")}
    return {
        "step_seconds": seconds,
        "bytes_per_step": round(traffic),
        "communication_seconds": {key: round(seconds, 6) for key, seconds in gloo.items()},
        "optimizer_seconds": sum(seconds for key, seconds in spans.items() if key.startswith("Optimizer.step")),
    }


def loopback() -> int:
    """Bytes sent over it since the machine started."""
    (line,) = (
        line
        for line in Path("/proc/net/dev").read_text(encoding="utf-8").splitlines()
        if line.strip().startswith("lo:")
    )
    return int(line.split()[9])


def measure(name: str) -> dict[str, Any]:
    """One row, by processes of their own."""
    layout = Parallel.parse(LAYOUTS[name])
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(layout.processes), __file__]
    done = subprocess.run(
        [*command, "--rank-of", name], capture_output=True, timeout=1200, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        sys.exit(f"{name}: {done.stderr[-2000:]}")
    return {"layout": name, "processes": layout.processes, "steps": STEPS, **json.loads(done.stdout)}


def work(name: str) -> None:
    """One process of a layout; rank 0 prints the measurements."""
    torch.set_num_threads(1)
    layout = Parallel.parse(LAYOUTS[name])
    with processes.group() as device:
        made = {**differences(device, layout), **costs(device, layout)}
        if processes.rank() == 0:
            print(json.dumps(made))


def write(rows: list[dict[str, Any]]) -> None:
    """Write the results so far as JSON and Markdown."""
    content = {"model": asdict(MODEL), "batch": RECIPE.batch, "rows": rows}
    write_atomic(RESULTS, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    write_atomic(RESULTS.with_suffix(".md"), table(rows))


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    about = (
        f"Differences from one process after {STEPS} steps in float64; seconds of a step, and bytes that all processes "
        f"together send in one, over {TIMED} steps in float32."
    )
    lines = ["# Parallel training", "", about, "", f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join(_cell(name, row[name]) for name in COLUMNS)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(name: str, value: Any) -> str:
    if "difference" in name:
        return f"{value:.1e}"
    return f"{value:.3f}" if "seconds" in name else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=LAYOUTS, help="print this row, write nothing")
    parser.add_argument("--rank-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rank_of:
        work(options.rank_of)
    elif options.only:
        print(json.dumps(measure(options.only), indent=1))
    else:
        rows: list[dict[str, Any]] = []
        for name in LAYOUTS:
            rows.append(measure(name))
            write(rows)
            print(f"{name}: {rows[-1]['step_seconds']:.3f} s per step", flush=True)


if __name__ == "__main__":
    main()
