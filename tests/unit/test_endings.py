"""Files that end in a softmax, an argmax or a sigmoid: the graph ends in front of it, the host computes the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from float_files import check, linear
from qonnx_files import File

from accel import reference
from accel.onnx_import.runner import QonnxRunner


def softmax(f: File, y: str) -> str:
    return f.node("Softmax", y, axis=-1)


def log_softmax(f: File, y: str) -> str:
    return f.node("LogSoftmax", y, axis=1)


def argmax(f: File, y: str) -> str:
    return f.node("Cast", f.node("Squeeze", f.node("ArgMax", y, axis=-1, keepdims=1), f.ints(-1)), to=1)


def sigmoid(f: File, y: str) -> str:
    return f.node("Reshape", f.node("Sigmoid", y), f.ints(-1, 5))


def written_out(f: File, y: str) -> str:
    e = f.node("Exp", f.node("Sub", y, f.node("ReduceMax", y, axes=[-1], keepdims=1)))
    return f.node("Div", e, f.node("ReduceSum", e, f.ints(-1), keepdims=1))


ENDINGS = {softmax: "Softmax", log_softmax: "LogSoftmax", argmax: "ArgMax", sigmoid: "Sigmoid", written_out: "Softmax"}


@pytest.mark.parametrize("quantized", [False, True])
@pytest.mark.parametrize("end", ENDINGS)
def test_what_stands_at_the_end_is_computed_from_the_logits(tmp_path: Path, end, quantized: bool) -> None:
    """The mean of 3 tokens at 0.023: at 0.02 one sum in 6 would lie half-way, where float32 decides by its last bit."""
    f = File((1, 3, 8))
    y = f.node("ReduceMean", f.quant(linear(f, f.quant("in", 0.03), 8, 5, 1), 0.05), axes=[1], keepdims=0)
    path = f.save(tmp_path, end(f, f.quant(y, 0.023) if quantized else y))
    imported = check(path)
    assert imported.ending == (ENDINGS[end],)
    x = np.random.default_rng(0).normal(size=(6, 3, 8)).astype(np.float32)
    found = imported.results(reference.run(imported.graph, reference.quantize(imported.graph, x)))
    runner = QonnxRunner(imported)
    right = np.concatenate([runner.run(sample[None])[imported.source.model.graph.output[0].name] for sample in x])
    assert found.shape == right.shape
    assert (np.abs(found - right) < 0.05).mean() >= (0.8 if end is argmax else 1)


def test_a_softmax_with_a_quantizer_behind_it_stays_in_the_graph(tmp_path: Path) -> None:
    f = File((1, 3, 8))
    y = f.quant(linear(f, f.quant("in", 0.03), 8, 5, 1), 0.05)
    imported = check(f.save(tmp_path, f.quant(f.node("Softmax", y, axis=-1), 1 / 256, signed=0)))
    assert not imported.ending
    assert imported.graph.nodes[-1].op.kind == "softmax"


@pytest.mark.parametrize(
    ("shape", "perm", "turned"),
    [((1, 3, 8), [1, 0, 2], (1, 3, 1, 5)), ((3, 2, 8), [0, 2, 1], (3, 5, 2)), ((2, 3, 8), [0, 2, 1], (2, 5, 3))],
)
def test_results_whose_axes_turned_keep_all_of_their_tokens(
    tmp_path: Path, shape: tuple[int, ...], perm: list[int], turned: tuple[int, ...]
) -> None:
    """The moved axis of a single sample cannot be told from that of a single token: results are then stacked."""
    f = File(shape)
    y = f.node("Transpose", f.quant(linear(f, f.quant("in", 0.03), 8, 5, 1), 0.05), perm=perm)
    imported = check(f.save(tmp_path, y))
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = imported.results(
        reference.run(imported.graph, reference.quantize(imported.graph, imported.samples(x[None])))
    )
    right = QonnxRunner(imported).run_part({"in": x})[y]
    assert found.shape == turned
    assert np.abs(found.reshape(right.shape) - right).max() < 0.051
