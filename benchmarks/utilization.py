"""MAC utilization: useful products per multiplier and cycle, measured in the simulator in the steady state.

Useful are the products of keys that a query may see; cycles are the measured interval of back-to-back samples. Time
does not depend on values, so the models are calibrated and exported but not trained.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import accel
from accel import reference
from accel.dataflow.folding import fold_for
from accel.dataflow.utilization import useful_macs
from accel.graph import Graph
from hls import rtl
from hls.simulation import simulate
from models.config import EncoderConfig
from models.encoder import Encoder
from models.exporting import export
from models.quantization import quantize

MODELS = {
    "digits": (EncoderConfig(), 512),
    "fashion_mnist": (EncoderConfig(tokens=16, features=49, channels=64, heads=4, layers=4, hidden=256), 2048),
    "causal": (EncoderConfig(tokens=64, features=16, channels=64, heads=4, layers=1, hidden=256, causal=True), 16384),
}
"""Network and the interval it is folded for, in cycles."""
SAMPLES = 16


def graph_of(config: EncoderConfig) -> Graph:
    """The integer graph of an untrained network, through the QONNX file."""
    torch.manual_seed(0)
    samples = torch.rand(64, config.tokens, config.features) * 16
    with tempfile.TemporaryDirectory() as folder:
        network = quantize(Encoder(replace(config, quantized=False)), samples)
        return accel.load(export(network, Path(folder) / "model.onnx"))


def measure(config: EncoderConfig, interval: int) -> float:
    """Utilization of one model; the outputs are compared with the reference."""
    graph = graph_of(config)
    design = rtl.lower(graph, fold_for(graph, interval))
    rng = np.random.default_rng(0)
    x = rng.integers(graph.input.lo, graph.input.hi + 1, (SAMPLES, *graph.input.shape))
    ran = simulate.run(design, x)
    assert np.array_equal(ran.outputs, reference.run(graph, x))
    return useful_macs(graph) / (design.predicted.multipliers * ran.interval)


def rows() -> dict[str, float]:
    """Utilization by model."""
    return {name: measure(*model) for name, model in MODELS.items()}


if __name__ == "__main__":
    for name, value in rows().items():
        print(f"{name:14} {value:.1%}")
