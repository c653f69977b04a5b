"""A language model from Brevitas to hardware: token by token, whole sequences, and its blocks as causal dataflow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import random_causal
import torch

import accel
import models
from accel import reference
from accel.dataflow.folding import fold_for
from accel.errors import UserError
from accel.graph import Graph
from accel.ops import Softmax
from accel.reference import generation
from hls import rtl
from hls.simulation import simulate
from models.config import EncoderConfig
from models.presets import GPT
from models.quantization import quantize, settle

CONFIG = EncoderConfig(
    tokens=12, vocabulary=24, classes=24, channels=16, heads=2, layers=2, hidden=32, norm="rms", causal=True
)


def exported(config: EncoderConfig, folder: Path) -> tuple[models.Encoder, Graph]:
    """A network with random weights, and its graph by way of a QONNX file."""
    torch.manual_seed(3)
    samples = torch.randint(0, config.vocabulary, (64, config.tokens))
    network = settle(quantize(models.Encoder(replace(config, quantized=False)).eval(), samples), samples)
    models.export(network, folder / "gpt.onnx")
    return network, accel.load(folder / "gpt.onnx")


@pytest.fixture(scope="module")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> tuple[models.Encoder, Graph]:
    return exported(CONFIG, tmp_path_factory.mktemp("gpt"))


def test_network_and_graph_have_the_same_logits(gpt: tuple[models.Encoder, Graph]) -> None:
    network, graph = gpt
    x = torch.randint(0, CONFIG.vocabulary, (32, CONFIG.tokens))
    got = reference.run(graph, x[..., None].numpy()) * np.asarray(graph.output_tensor.scale)
    np.testing.assert_array_equal(got, models.logits(network, x).numpy())


def test_token_by_token_is_the_whole_sequence(gpt: tuple[models.Encoder, Graph]) -> None:
    """What was generated is what every position of the finished sequence says."""
    _, graph = gpt
    text = [5, 1, *generation.generate(graph, [5, 1], CONFIG.tokens - 2)]
    assert len(text) == CONFIG.tokens
    logits = reference.run(graph, np.array(text)[None, :, None])[0] * np.asarray(graph.output_tensor.scale)
    assert logits.argmax(-1)[1:-1].tolist() == text[2:]


def test_every_edge_of_the_large_one_token_by_token(tmp_path: Path) -> None:
    """The GPT of the recipes, with random weights: a prompt of several tokens, then one after the other."""
    graph = exported(GPT, tmp_path)[1]
    x = np.random.default_rng(1).integers(0, GPT.vocabulary, (3, GPT.tokens, 1))
    for device in ("cpu", "native"):
        decoder = reference.decode(graph, device=device)
        assert not random_causal.difference(graph, decoder, x, [9, 1, 1, 20, *[1] * 33])


def test_longer_texts_see_the_last_tokens(gpt: tuple[models.Encoder, Graph]) -> None:
    _, graph = gpt
    text = [7, *generation.generate(graph, [7], CONFIG.tokens + 4)]
    window = text[-1 - CONFIG.tokens : -1]
    logits = reference.run(graph, np.array(window)[None, :, None])[0, -1] * np.asarray(graph.output_tensor.scale)
    assert int(logits.argmax()) == text[-1]


def test_it_runs_as_causal_dataflow(gpt: tuple[models.Encoder, Graph]) -> None:
    _, graph = gpt
    assert [node.op.causal for node in graph if isinstance(node.op, Softmax)] == [1, 1]
    x = np.random.default_rng(0).integers(0, CONFIG.vocabulary, (6, CONFIG.tokens, 1))
    ran = simulate.run(rtl.lower(graph, fold_for(graph, 400)), x, stall=0.2, seed=1)
    np.testing.assert_array_equal(ran.outputs, reference.run(graph, x))


def test_what_is_no_causal_language_model_is_refused(gpt: tuple[models.Encoder, Graph], tmp_path: Path) -> None:
    _, graph = gpt
    with pytest.raises(UserError, match=r"looks at later tokens: train it with causal=True"):
        list(generation.generate(exported(replace(CONFIG, causal=False), tmp_path)[1], [1], 1))
    with pytest.raises(UserError, match=r"identifier in 0\.\.23; got \[24\]"):
        list(generation.generate(graph, [1, 24], 1))
    with pytest.raises(UserError, match="at least one identifier"):
        list(generation.generate(graph, [], 1))
