"""Language models of the GPT-2 family: close to float, refusals, text, and what integers cost."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import checkpoint_files as files
import gpt2s
import llamas
import numpy as np
import pytest
import trained_gpt2
from command import accel

from accel.errors import UserError
from accel.ops.dense import groups
from accel.ops.dense.op import Dense
from accel.verbs import lm
from models.gpt2 import lower
from models.llama.recipe import B10, Format, IntegerRecipe

FEW = range(6)
FINE = replace(
    B10, activation_bits=16, query_bits=16, key_value_bits=16, residual=Format(25, 14), normed=Format(16, 11),
    gain_bits=16, attention=Format(16, 10), mixed=Format(18, 12), gates=Format(16, 10), exponential_bits=20,
    gelu=Format(15, 10), sigmoid_bits=16, scores=Format(20, 8),
)  # fmt: skip


@pytest.mark.parametrize(("recipe", "most"), [(FINE, 0.002), (B10, 0.03)])
def test_integers_are_close_to_float(recipe: IntegerRecipe, most: float) -> None:
    """Of the logits' spread: fine formats show that the graph is the model, and B10 loses what its widths say."""
    for seed in FEW:
        config, weights, tokens = gpt2s.drawn(seed)
        assert llamas.error(config, weights, tokens, recipe, seed) < most, seed


def test_what_is_not_lowered_is_refused() -> None:
    config, weights, _ = gpt2s.drawn(0)
    with pytest.raises(UserError, match="65 tokens: the model has 64 positions"):
        lower(config, weights, 65)
    with pytest.raises(UserError, match=r"a llama is no GPT-2; models\.llama lowers it"):
        lower(*llamas.drawn(0))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a GPT-2 of two layers that read some English."""
    folder = tmp_path_factory.mktemp("gpt2")
    trained_gpt2.save(folder, width=32, layers=2, steps=40)
    return folder


def test_integers_cost_little_of_what_was_learned(trained: Path) -> None:
    """A hundredth of a nat per byte; the network itself is nearly two nats better than chance."""
    found = lm.load(trained).perplexity(trained_gpt2.text()[1], 1000, window=64)
    assert found.nats_float < 3.8 < np.log(256)
    assert abs(found.cost) < 0.01
    assert found.kl < 0.01


def test_it_writes_text_before_and_after_it_was_saved(trained: Path, tmp_path: Path) -> None:
    model = lm.load(trained, device="cpu")
    model.save(tmp_path / "model.accel")
    again = lm.load(tmp_path / "model.accel", device="cpu")
    written = model.generate("the ", 8)
    assert written.identifiers == again.generate("the ", 8).identifiers
    assert written.text == again.tokenizer.decode(written.identifiers)
    with pytest.raises(UserError, match="a context of 65 tokens: the model has 2 to 64"):
        lm.load(trained, context=65)


@pytest.fixture(scope="module")
def quantized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF file of one layer in Q4_1, with the names of llama.cpp's converter."""
    rng, file = np.random.default_rng(0), files.Gguf("gpt2", 0)
    file.tensors.clear()
    file.values = {
        "block_count": 1, "context_length": 64, "embedding_length": 64, "feed_forward_length": 256,
        "attention.head_count": 4, "attention.layer_norm_epsilon": 1e-5,
    }  # fmt: skip
    file.add("token_embd.weight", rng.normal(size=(300, 64)), "Q8_0")
    file.add("position_embd.weight", rng.normal(size=(64, 64)) / 4, "F32")
    matrices = {"attn_qkv": (192, 64), "attn_output": (64, 64), "ffn_up": (256, 64), "ffn_down": (64, 256)}
    for name, shape in matrices.items():
        file.add(f"blk.0.{name}.weight", rng.normal(size=shape) / 8, "Q4_1")
        file.add(f"blk.0.{name}.bias", rng.normal(size=shape[0]) / 4, "F32")
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        file.add(f"{name}.weight", rng.normal(1, 0.1, 64), "F32")
        file.add(f"{name}.bias", rng.normal(0, 0.1, 64), "F32")
    return file.write(tmp_path_factory.mktemp("gguf") / "gpt2.gguf")


def test_a_quantized_gguf_file_keeps_its_integers(quantized: Path) -> None:
    model = lm.load(quantized, device="cpu")
    dense = [node.op for node in model.graph(4) if isinstance(node.op, Dense) and node.name.endswith((".q", ".down"))]
    assert len(dense) == 2
    for op in dense:
        found = groups.find(op.weight.values)
        assert found is not None
        assert found.form[:2] == (32, 4)
    assert model.perplexity("the ant went on and the other ran in the sand " * 3, window=16).kl < 0.01


def test_verbs_take_it(quantized: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.accel"
    assert accel("lm", "import", quantized, "--out", out).exit_code == 0
    written = accel("lm", "generate", out, "--prompt", "the ant", "--tokens", 3, "--device", "cpu")
    assert written.exit_code == 0, written.output
    told = accel("lm", "check", out, "--levels", "reference,native,decode", "--tokens", 4, "--json")
    assert {level: found["mismatches"] for level, found in json.loads(told.stdout).items() if level != "reference"} == {
        "native": 0, "decode": 0,
    }  # fmt: skip
