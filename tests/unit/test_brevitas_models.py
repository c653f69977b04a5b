"""Files that Brevitas writes of attention, class tokens, patches, embeddings and pooling: torch = qonnx = graph."""

from __future__ import annotations

from pathlib import Path

import brevitas_models as bm
import numpy as np
import pytest
import torch
from torch import nn

from accel import onnx_import, reference
from accel.graph import Graph
from accel.ops.lookup.qat import IntLookup


def same(model: nn.Module, x: torch.Tensor, path: Path, batch: int = 0, **options: object) -> Graph:
    """Export a model for input x and compare more samples: every edge with qonnx, the output with torch; the graph."""
    model = bm.trained(model, x)
    imported = onnx_import.read(bm.export(model, x, path / "model.onnx", **options))
    graph = imported.graph
    torch.manual_seed(1)
    more = torch.cat([torch.randn_like(x) if x.is_floating_point() else x.flip(1).roll(i, 1) for i in range(3)], batch)
    samples = imported.samples(more.numpy())
    found = onnx_import.execute(imported, samples, keep=graph.tensors)
    expected = reference.trace(graph, reference.quantize(graph, samples))
    for name, integers in found.items():
        np.testing.assert_array_equal(integers, expected[name], err_msg=name)
    with torch.no_grad():
        y = np.moveaxis(model(more).numpy(), batch, 0)
    real = expected[graph.output] * np.asarray(graph.output_tensor.scale)
    np.testing.assert_array_equal(real.reshape(y.shape), y)
    assert y.std() > 0
    return graph


def kinds(graph: Graph) -> list[str]:
    return [node.op.kind for node in graph]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


ATTENTION = "dense rescale dense rescale matmul rescale softmax dense rescale matmul rescale dense rescale"


@pytest.mark.parametrize("way", bm.WAYS)
def test_fused_projections_become_one_dense_each(way: str, tmp_path: Path) -> None:
    graph = same(bm.Model(bm.Attention(way)), torch.randn(1, 5, 8), tmp_path)
    assert sorted(kinds(graph)) == sorted(ATTENTION.split())
    assert {node.op.weight.shape for node in graph if node.op.kind == "dense"} == {(8, 8)}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("batch_first", [False, True])
def test_brevitas_own_attention(batch_first: bool, packed: bool, tmp_path: Path) -> None:
    x = torch.randn(1, 5, 8) if batch_first else torch.randn(5, 1, 8)
    graph = same(bm.Multihead(batch_first, packed), x, tmp_path, batch=0 if batch_first else 1)
    assert kinds(graph).count("dense") == 4
    assert graph.input.shape == (5, 8)


def test_heads_of_their_own_are_joined(tmp_path: Path) -> None:
    graph = same(bm.Model(bm.Heads()), torch.randn(1, 4, 8), tmp_path)
    assert kinds(graph).count("softmax") == 2
    assert kinds(graph).count("add") == 1


def test_a_class_token(tmp_path: Path) -> None:
    model = bm.Model(bm.linear(6, 8), bm.ClassToken(bm.Attention("unbind"), 5))
    graph = same(model, torch.randn(1, 5, 6), tmp_path)
    assert kinds(graph).count("window") == 2
    assert graph.output_tensor.shape == (1, 3)


def test_patches_of_images_and_the_mean_over_them(tmp_path: Path) -> None:
    graph = same(bm.Model(bm.Patches(3, 8, 4), bm.Attention("chunk"), bm.Mean()), torch.randn(1, 3, 8, 8), tmp_path)
    assert graph.input.shape == (4, 48)
    assert kinds(graph)[0] == "dense"
    assert kinds(graph)[-2:] == ["pool", "rescale"]


@pytest.mark.parametrize("order", ["cpq", "pqc", "qcp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_cut_by_reshape_and_transpose(channels: int, order: str, tmp_path: Path) -> None:
    model, x = (
        bm.Model(bm.Cut(channels, 8, 4, order), bm.Attention("chunk"), bm.Mean()),
        torch.randn(1, channels, 8, 16),
    )
    graph = same(model, x, tmp_path)
    assert graph.input.shape == (8, 16 * channels)
    assert kinds(graph)[:2] == ["dense", "rescale"]
    dynamic = {"input_names": ["x"], "dynamic_axes": {"x": {0: "batch"}}}
    assert kinds(same(model, x, tmp_path, **dynamic)) == kinds(graph)


def test_a_flattened_image_is_one_token(tmp_path: Path) -> None:
    graph = same(bm.Model(nn.Flatten(), bm.linear(3 * 4 * 5, 6)), torch.randn(1, 3, 4, 5), tmp_path)
    assert graph.input.shape == (1, 60)


def test_a_norm_between_the_cut_and_the_layer(tmp_path: Path) -> None:
    model = bm.Model(bm.Cut(3, 8, 4, "pqc", nn.Sequential(nn.LayerNorm(48), bm.quantizer())))
    x = torch.randn(1, 3, 8, 8)
    imported = onnx_import.read(bm.export(bm.trained(model, x), x, tmp_path / "model.onnx"))
    assert kinds(imported.graph) == ["norm", "dense", "rescale"]
    found = onnx_import.deviations(imported, imported.samples(torch.randn(5, 3, 8, 8).numpy()))
    assert max(deviation.max_lsb for deviation in found) <= 1


@pytest.mark.parametrize("by_channel", [False, True])
def test_tokens_flattened_in_front_of_a_classifier(by_channel: bool, tmp_path: Path) -> None:
    """A Dense for every token and their sum; then channels as ever."""
    model = bm.Model(bm.Attention("chunk"), bm.Flattened(3, 6, by_channel), bm.linear(6, 4))
    graph = same(model, torch.randn(1, 3, 8), tmp_path)
    counts = {kind: kinds(graph).count(kind) for kind in ("window", "add", "position")}
    assert counts == {"window": 3, "add": 2, "position": 1}
    assert kinds(graph)[-2:] == ["dense", "rescale"]
    assert graph.output_tensor.shape == (1, 4)


def test_attention_pooling(tmp_path: Path) -> None:
    graph = same(bm.Model(bm.Query()), torch.randn(1, 5, 8), tmp_path)
    expected = "dense rescale dense rescale dense rescale window matmul softmax matmul rescale"  # fixed query: a Dense
    assert sorted(kinds(graph)) == sorted(expected.split())
    assert graph.output_tensor.shape == (1, 8)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("activation", [nn.functional.silu, nn.functional.gelu, None])
def test_gated_feed_forward(activation: object, fused: bool, tmp_path: Path) -> None:
    """SwiGLU, GeGLU and ReGLU."""
    act = IntLookup(activation) if activation else nn.ReLU()
    graph = same(bm.Model(bm.Gated(act, fused)), torch.randn(1, 5, 8), tmp_path)
    gate = ["lookup"] if activation else ["rescale"]
    assert sorted(kinds(graph)) == sorted(["dense", "rescale"] * 2 + gate + ["mul", "rescale", "dense", "rescale"])
    assert graph.output_tensor.shape == (5, 8)


def test_identifiers(tmp_path: Path) -> None:
    graph = same(bm.Embedded(bm.Words(10, 5), bm.Attention("split")), torch.randperm(10)[None, :5], tmp_path)
    assert kinds(graph)[:2] == ["embedding", "position"]
    assert (graph.input.shape, graph.input.lo, graph.input.hi) == ((5, 1), 0, 9)


def test_a_dynamic_batch_axis(tmp_path: Path) -> None:
    options = {"input_names": ["x"], "dynamic_axes": {"x": {0: "batch"}}}
    graph = same(bm.Model(bm.Attention("unbind")), torch.randn(2, 5, 8), tmp_path, **options)
    assert graph.input.shape == (5, 8)


@pytest.mark.parametrize("way", ["unbind", "chunk"])
def test_qcdq(way: str, tmp_path: Path) -> None:
    model, x = bm.Model(bm.Patches(3, 8, 4), bm.Mixing(way)), torch.randn(1, 3, 8, 8)
    graph, twin = same(model, x, tmp_path, qcdq=True), same(model, x, tmp_path)
    assert graph.input == twin.input
    assert kinds(graph) == kinds(twin)
    for one, other in zip(graph, twin, strict=True):
        if one.op.kind == "dense":
            np.testing.assert_array_equal(one.op.weight, other.op.weight)
