"""What all tests share: one thread per process, reproducible draws, and a small graph."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: tiny matrices stall with more threads than cores

import numpy as np
import pytest
import tiers
from hypothesis import settings

from accel.graph import Graph, Node
from accel.ops import Dense, Rescale
from accel.tensor import Tensor

settings.register_profile("accel", derandomize=True, deadline=None, database=None)
settings.load_profile("accel")


@pytest.hookimpl(tryfirst=True)  # before examples are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tiers.assign(items)
    tiers.longest_first(items)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Imports let nothing go, and what they have made stays: nobody needs to look through it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(scope="session")
def tiny_graph() -> Graph:
    """Two dense layers with a rescale between them: x (3, 4) → dense0 → hidden → y (3, 2)."""
    rng = np.random.default_rng(0)
    nodes = (
        Node("dense0", Dense(rng.integers(-7, 8, (5, 4)), rng.integers(-9, 10, 5)), ("x",)),
        Node("hidden", Rescale([1], 3, "half_even", 0, 15), ("dense0",)),
        Node("y", Dense(rng.integers(-7, 8, (2, 5)), rng.integers(-9, 10, 2)), ("hidden",)),
    )
    return Graph("tiny", {"x": Tensor((3, 4), -8, 7, 0.125)}, nodes, "y")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A QONNX file: a one-layer encoder of 4 tokens × 4 features with random weights, calibrated but not trained."""
    import torch

    import models
    from models.quantization import quantize

    torch.manual_seed(0)
    config = models.EncoderConfig(
        tokens=4, features=4, classes=3, channels=8, heads=2, layers=1, hidden=8, quantized=False
    )
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    return models.export(quantize(models.Encoder(config), torch.rand(64, 4, 4) * 2 - 1), path)
