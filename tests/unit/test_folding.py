"""The residual stream turned by an orthogonal matrix that becomes part of the weights."""

from __future__ import annotations

from pathlib import Path

import checkpoint_files as files
import numpy as np
import pytest
import torch
from command import accel, assert_refused

from accel import checkpoints
from accel.errors import UserError
from accel.verbs import lm
from models import llama
from models.llama.folding import orthogonal

KINDS = ("llama-tied-biased", "qwen3", "smollm3", "gemma")


@pytest.mark.parametrize("size", [1, 3, 64, 96])
def test_a_rotation_is_orthogonal_and_spreads_a_channel(size: int) -> None:
    turn = orthogonal(size, np.random.default_rng(1))
    np.testing.assert_allclose(turn @ turn.T, np.eye(size), atol=1e-12)
    assert np.abs(turn).max() <= (size & -size) ** -0.5 + 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_the_network_says_the_same(kind: str, tmp_path: Path) -> None:
    """Weights are rounded to float32 once more, by 2^-24 of themselves; all else is in float64."""
    files.save(kind, tmp_path)
    checkpoint = checkpoints.load(tmp_path)
    folded = llama.folded(checkpoint)
    assert not folded.configuration.tied
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 300, (2, 9)))
    exact, found = (llama.load(one, torch.float64)(x) for one in (checkpoint, folded))
    assert (found - exact).abs().max() < 1e-5 * exact.std()
    assert not np.allclose(folded["embedding"].float32(), checkpoint["embedding"].float32())


@pytest.mark.parametrize("kind", KINDS)
def test_gains_become_part_of_matrices(kind: str, tmp_path: Path) -> None:
    files.save(kind, tmp_path)
    checkpoint = checkpoints.load(tmp_path)
    folded = llama.folded(checkpoint, rotation=False)
    assert np.array_equal(folded["embedding"].float32(), checkpoint["embedding"].float32())
    assert all((folded[name].float32() == 1).all() for name in folded.weights if name.split(".")[-1] == "norm")
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 300, (2, 9)))
    exact, found = (llama.load(one, torch.float64)(x) for one in (checkpoint, folded))
    assert (found - exact).abs().max() < 1e-5 * exact.std()


@pytest.mark.parametrize("field", ["folded_rotation", "folded_gains"])
def test_a_recipe_turns_what_a_file_holds(field: str, tmp_path: Path) -> None:
    """Every level reads the saved model alike, and its real numbers are those of the file to 8 bits."""
    path = files.Gguf().write(tmp_path / "tiny.gguf")
    made = lm.load(path, f"B14:{field}=1", device="cpu")
    made.save(tmp_path / "turned.accel")
    assert not any(outcome.mismatches for outcome in made.check(("reference", "native", "decode"), tokens=8))
    x = torch.arange(12)[None]
    exact = lm.load(path).network(x)
    for network in (made.network, lm.load(tmp_path / "turned.accel").network):
        assert (network(x) - exact).std() < 0.03 * exact.std()


@pytest.mark.parametrize("kind", KINDS[:3])
def test_the_recipe_of_the_decode_engine_has_no_exponents(kind: str, tmp_path: Path) -> None:
    """Matrices read words of at most 9 bits as norms and attention return them, and no sums are rounded twice."""
    files.save(kind, tmp_path)
    model = lm.load(tmp_path, "E9", device="cpu")
    graph = model.graph(8)
    assert not any(node.op.kind == "blockfloat" or node.name.endswith(".sums.rounded") for node in graph)
    read = [node.inputs[0] for node in graph if node.op.kind == "dense" and node.op.weight.hi > 1]
    assert len(read) == 7 * model.configuration.layers + 1
    assert all(graph.tensors[name].lo >= -256 and graph.tensors[name].hi <= 255 for name in read)
    queries, keys = next(node.inputs for node in graph if node.name.endswith(".scores"))
    assert (graph.tensors[queries].hi, graph.tensors[keys].hi) == (255, 127)
    norm, divide = (next(n.op for n in graph if n.op.kind == wanted) for wanted in ("norm", "divide"))
    assert (norm.guard, norm.fraction, len(norm.gamma), divide.kept) == (5, 8, 1, 9)
    assert not any(outcome.mismatches for outcome in model.check(("reference", "native", "decode"), tokens=8))


def test_what_cannot_be_turned_is_refused(tmp_path: Path) -> None:
    files.save("gpt2", tmp_path / "gpt2")
    with pytest.raises(UserError, match="a gpt2 has LayerNorms, which no rotation passes"):
        llama.folded(checkpoints.load(tmp_path / "gpt2"))
    checkpoint = checkpoints.load(files.Gguf().write(tmp_path / "tiny.gguf"))
    for field in ("folded_rotation", "folded_gains"):
        with pytest.raises(UserError, match=rf"has {field}; give models\.llama\.folded\(checkpoint\)"):
            llama.integer_weights(checkpoint, llama.named(f"B14:{field}=1"))
    with pytest.raises(UserError, match="folded_rotation folds gains as well; leave folded_gains at 0"):
        llama.named("B14:folded_rotation=1,folded_gains=1")


def test_the_command_refuses_in_one_line(tmp_path: Path) -> None:
    files.save("gpt2", tmp_path)
    refused = accel("lm", "generate", str(tmp_path), "--recipe", "B14:folded_rotation=1", "--prompt", "a")
    assert_refused(refused, "leave folded_rotation and folded_gains at 0")
