"""The arithmetic of docs/scaling.md: bytes that a layout moves per step, and the step time of large clusters.

python benchmarks/scaling.py

First the bytes of benchmarks/results/parallel.json against the formulas, then predictions for GPT models of Narayanan
et al. 2021 (Megatron-LM, table 1) against what they report. One constant is fitted: MATRIX_RATE.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

import parallel
import torch

from models.encoder import Encoder
from models.parallel import Parallel

PEAK = 312e12
"""FLOP/s of an A100, bf16."""
MATRIX_RATE = 0.53
"""Share of it that a GPU reaches while nothing communicates: fitted to 1.7 B on 32 GPUs."""
NVLINK, NETWORK = 240e9, 20e9
"""Bytes/s that a GPU sends to its neighbours and to other nodes: about 80 % of 300 and 25 GB/s."""
VOCABULARY, TOKENS = 51_200, 2048


def bytes_per_step(layout: Parallel) -> dict[str, float]:
    """Bytes that all processes of the benchmark send in one step, by kind of parallelism."""
    model, number = parallel.MODEL, 4
    weights = sum(p.numel() for p in _network().parameters() if p.ndim)
    stream = parallel.RECIPE.batch * model.tokens * model.channels * number
    messages = 4 if layout.fully_sharded else 2  # two gathers and a scatter, which gloo makes of an all-reduce
    # With a pipeline, weights stay gathered between forward and backward: one gather.
    messages -= layout.fully_sharded and layout.pipeline > 1
    return {
        "data": messages * (layout.data - 1) * weights * number,
        "tensor": 2 * (layout.tensor - 1) * 4 * model.layers * stream,
        "pipeline": 2 * (layout.pipeline - 1) * layout.tensor * stream,
    }


@cache
def _network() -> Encoder:
    return parallel.calibrated(torch.float32)


@dataclass(frozen=True)
class Cluster:
    """A GPT of `layers` × `hidden` on tensor × pipeline × data GPUs; published: TFLOP/s per GPU, or 0."""

    name: str
    layers: int
    hidden: int
    tensor: int
    pipeline: int
    data: int
    batch: int
    published: float = 0.0

    @property
    def weights(self) -> float:
        inner = 12 * self.layers * self.hidden**2 * (1 + 13 / (12 * self.hidden))
        return inner + (VOCABULARY + TOKENS) * self.hidden

    @property
    def work(self) -> float:
        """FLOPs of a step, with activations recomputed."""
        rest = 1 + TOKENS / (6 * self.hidden) + VOCABULARY / (16 * self.layers * self.hidden)
        return 96 * self.batch * TOKENS * self.layers * self.hidden**2 * rest

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of a step: computing, tensor messages, pipeline messages, gradients, and the pipeline's bubble."""
        microbatches = self.batch / self.data
        stream = TOKENS * self.hidden * 2
        compute = self.work / (self.tensor * self.pipeline * self.data) / (PEAK * MATRIX_RATE)
        ring = 2 * (self.tensor - 1) / self.tensor
        tensor = 6 * self.layers / self.pipeline * microbatches * ring * stream / NVLINK
        crossing = 2 * microbatches * stream / NETWORK * (self.pipeline > 1)
        gradients = 2 * (self.data - 1) / self.data * 4 * self.weights / (self.tensor * self.pipeline) / NETWORK
        bubble = (self.pipeline - 1) / microbatches * (compute + tensor)
        return {
            "compute": compute,
            "tensor": tensor,
            "pipeline": crossing / self.tensor,
            "data": gradients,
            "bubble": bubble,
        }

    @property
    def rate(self) -> float:
        """TFLOP/s per GPU."""
        return self.work / (self.tensor * self.pipeline * self.data) / sum(self.seconds.values()) / 1e12


CLUSTERS = (
    Cluster("1.7 B", 24, 2304, 1, 1, 8, 512),
    Cluster("1.7 B", 24, 2304, 1, 1, 32, 512, 137),
    Cluster("3.6 B", 30, 3072, 2, 1, 32, 512, 138),
    Cluster("76.1 B", 60, 10240, 8, 4, 32, 1792, 140),
    Cluster("1008 B", 128, 25600, 8, 64, 6, 3072, 163),
)


def main() -> None:
    print("| layout | data | tensor | pipeline | sum | measured | ratio |\n|---|---|---|---|---|---|---|")
    for row in json.loads(parallel.RESULTS.read_text(encoding="utf-8"))["rows"]:
        parts = bytes_per_step(Parallel.parse(parallel.LAYOUTS[row["layout"]]))
        total = sum(parts.values())
        cells = [*(f"{value:,.0f}" for value in parts.values()), f"{total:,.0f}", f"{row['bytes_per_step']:,}"]
        print(f"| {row['layout']} | {' | '.join(cells)} | {row['bytes_per_step'] / total if total else 1:.2f} |")
    print("\n| model | GPUs | t × p × d | compute | tensor | pipeline | data | bubble | TFLOP/s | published |")
    print("|---" * 10 + "|")
    for made in CLUSTERS:
        gpus = made.tensor * made.pipeline * made.data
        times = " | ".join(f"{value:.2f}" for value in made.seconds.values())
        layout = f"{made.tensor} × {made.pipeline} × {made.data}"
        print(f"| {made.name} | {gpus:,} | {layout} | {times} | {made.rate:.0f} | {made.published or '–'} |")


if __name__ == "__main__":
    main()
