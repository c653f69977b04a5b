"""Many processes train as one does: same losses, weights and scales, in float64, for every kind of parallelism."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from gloo import run
from steps import RECIPE, SMALL, Weights, parallel, single

from models.config import EncoderConfig
from models.parallel import Parallel

LOSS, WEIGHT, SCALE = 1e-12, 1e-10, 1e-10
LAYOUTS = {
    "DDP": Parallel(data=2),
    "FSDP2": Parallel(data=2, sharded=True),
    "tensor": Parallel(tensor=2),
    "1F1B": Parallel(pipeline=2),
    "GPipe": Parallel(pipeline=2, schedule="gpipe"),
    "data, tensor": Parallel(data=2, tensor=2),
    "data, pipeline": Parallel(data=2, pipeline=2, microbatches=2),
    "data, pipeline, tensor": Parallel(data=2, pipeline=2, tensor=2, microbatches=2),
}
OTHERS = {
    "scales per channel": (replace(SMALL, per_channel=True), Parallel(tensor=4)),
    "no norms: scales of the stream have gradients": (
        replace(SMALL, norm="none", activation="gelu", causal=True),
        Parallel(pipeline=2, tensor=2),
    ),
    "a language model, shared keys, learned scales": (
        replace(SMALL, vocabulary=11, classes=11, kv_heads=2, learned_scales=True, causal=True, norm="rms"),
        Parallel(pipeline=2, tensor=2),
    ),
    "learned scales per channel, sharded": (
        replace(SMALL, learned_scales=True, per_channel=True),
        Parallel(data=2, sharded=True),
    ),
    "bounded sums, pipelined": (replace(SMALL, accumulator_bits=14), Parallel(pipeline=2)),
    "shared layers": (replace(SMALL, shared=True), Parallel(tensor=2)),
    "shared layers, sharded": (replace(SMALL, shared=True), Parallel(data=2, sharded=True)),
    "stages of unequal length": (replace(SMALL, layers=3), Parallel(pipeline=2)),
}


@cache
def reference(config: EncoderConfig) -> tuple[list[float], Weights]:
    return single(replace(RECIPE, model=config))


def compare(config: EncoderConfig, layout: Parallel) -> None:
    losses, weights = reference(config)
    ranks = run(layout.processes, parallel, replace(RECIPE, model=config), layout)
    for own, _ in ranks:
        assert max(abs(a - b) for a, b in zip(own, losses, strict=True)) <= LOSS
    assert {name for _, part in ranks for name in part} == set(weights)
    for _, part in ranks:
        for name, value in part.items():
            difference = (value - weights[name]).abs().max().item()
            assert difference <= (WEIGHT if value.ndim else SCALE), f"{name} differs by {difference}"


def cases(found: dict[str, Any]) -> Iterator[Any]:
    for name, values in found.items():
        values = values if isinstance(values, tuple) else (values,)
        yield pytest.param(*values, id=name, marks=pytest.mark.slow if values[-1].processes > 4 else ())


@pytest.mark.parametrize("layout", cases(LAYOUTS))
def test_parallel_training_equals_one_process(layout: Parallel) -> None:
    compare(SMALL, layout)


@pytest.mark.parametrize(("config", "layout"), cases(OTHERS))
def test_every_kind_of_network_is_divided_alike(config: EncoderConfig, layout: Parallel) -> None:
    compare(config, layout)


def test_the_reference_moves() -> None:
    """Losses fall and every parameter changes: equality with it means something."""
    losses, weights = reference(SMALL)
    from steps import calibrated

    assert losses[-1] < losses[0]
    for name, start in calibrated(SMALL).named_parameters():
        assert (start - weights[name]).abs().max() > 1e-6, name
