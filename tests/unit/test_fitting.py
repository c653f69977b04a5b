"""Weights that are fitted to a network: GPTQ in groups, and training of what is rounded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import checkpoint_files as files
import numpy as np
import pytest
import torch
from command import accel, assert_refused

from accel import checkpoints, reference
from accel.ops.dense.groups import find
from accel.ops.dense.op import Dense
from accel.verbs import lm
from models import llama
from models.llama import gptq
from models.llama.distilling import GroupedLinear
from models.llama.matrices import Matrix
from models.llama.recipe import RECIPES, IntegerRecipe

LEVELS, GROUP = [(0, 7), (-3, 3)], 16


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return files.Gguf().write(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


def problem(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (rows, inputs), and inputs (tokens, inputs) that are correlated."""
    dice = torch.Generator().manual_seed(seed)
    x = torch.randn(300, 8, generator=dice) @ torch.randn(8, 64, generator=dice)
    return torch.randn(24, 64, generator=dice), (x + 0.3 * torch.randn(300, 64, generator=dice)).double()


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("seed", range(3))
def test_roundings_make_up_for_each_other(seed: int, levels: tuple[int, int]) -> None:
    weights, x = problem(seed)
    found = gptq.rounded(weights, x.T @ x, levels, GROUP)
    nearest = torch.from_numpy(Matrix.of_groups(weights.double().numpy(), levels, GROUP).real)

    def lost(made: torch.Tensor) -> float:
        return float(((made - weights) @ x.T).square().mean())

    assert (found.q.min(), found.q.max()) == levels
    assert levels[0] == 0 or not found.offset.any()
    assert lost(found.real) < 0.5 * lost(nearest)
    assert np.abs(found.matrix().real - found.real.numpy()).max() < found.scale.max() / 30, "8 bits of a factor"


@pytest.mark.parametrize("seed", range(3))
def test_rows_that_are_one_group_have_a_multiplier_and_no_factor(seed: int) -> None:
    weights, x = problem(seed)
    found = gptq.rounded(weights, x.T @ x, IntegerRecipe(weight_bits=4).weight_levels, 64)
    matrix = found.matrix()
    assert (matrix.values.lo, matrix.values.hi) == (-7, 7)
    assert np.abs(matrix.real - found.real.numpy()).max() < found.scale.max() / 1000
    trained = GroupedLinear(found, (-7, 7), None)
    assert np.array_equal(trained.matrix().values.values, matrix.values.values)


def test_equal_weights_and_inputs_that_are_zero() -> None:
    """A group without a range has no scale, and inputs that never come say nothing."""
    found = gptq.rounded(torch.full((2, 32), 0.25), torch.zeros(32, 32).double(), (0, 15), 16)
    assert torch.equal(found.real, torch.full((2, 32), 0.25).double())


@pytest.mark.parametrize("levels", [(0, 15), (-1, 1)])
def test_what_is_trained_is_what_runs(levels: tuple[int, int]) -> None:
    weights, x = problem(0)
    made = GroupedLinear(gptq.rounded(weights, x.T @ x, levels, GROUP), levels, None)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
        made.scale[0, 0] = -made.scale[0, 0]
    wanted = made.matrix().real.T.astype(np.float32)
    assert np.array_equal(made(torch.eye(64)).detach().numpy(), wanted)
    made(torch.randn(3, 64)).sum().backward()
    moved = made.parameters() if not levels[0] else (made.weight, made.scale)
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in moved)


def test_training_comes_closer(tiny: Path) -> None:
    told: list[str] = []
    recipe = replace(RECIPES["W4A8"], weight_bits=2, weight_symmetric=1)
    made = lm.train(tiny, recipe, 12, tokens=60, progress=told.append)
    losses = [float(text.rpartition(" ")[2]) for text in told if text.startswith("training, step")]
    assert len(losses) == 12
    assert losses[-1] < 0.9 * losses[0]
    weight = made.weights["layers.0.feedforward.down"]
    assert isinstance(weight, Matrix)
    assert (groups := find(weight.values.values)) is not None
    assert groups.form == (32, 2, False), "−1, 0 and 1 times a factor"


def test_the_command_writes_a_model_that_every_level_reads_alike(tiny: Path, tmp_path: Path) -> None:
    paths = [tmp_path / "one.accel", tmp_path / "two.accel"]
    for path in paths:
        made = accel("lm", "train", str(tiny), "--steps", "2", "--tokens", "40", "--out", str(path))
        assert made.exit_code == 0, made.output
        assert f"wrote {path}" in made.output
    assert paths[0].read_bytes() == paths[1].read_bytes(), "the same seed"
    outcomes = lm.load(paths[0], device="cpu").check(("reference", "decode"), tokens=8)
    assert not any(outcome.mismatches for outcome in outcomes)
    assert lm.load(paths[0]).recipe.training_steps == 2


@pytest.mark.parametrize("name", ["W4A8", "W4A8-GPTQ"])
def test_weights_behind_a_hadamard_matrix(tiny: Path, tmp_path: Path, name: str) -> None:
    """What is saved, as real numbers without the matrix, says what the graph with it says; fitted or not."""
    recipe = llama.named(f"{name}:hidden_hadamard=32")
    made = lm.load(tiny, replace(recipe, fitting_tokens=min(64, recipe.fitting_tokens)))
    made.save(tmp_path / "turned.accel")
    opened = lm.load(tmp_path / "turned.accel", device="cpu")
    x = np.random.default_rng(0).integers(0, 300, (1, 12))
    graph = opened.graph(12)
    assert "layers.1.feedforward.hidden.rounded.spread" in graph.tensors
    found = reference.run(graph, x[..., None])[0] * graph.output_tensor.scale
    exact, far = (network(torch.from_numpy(x))[0].numpy() for network in (opened.network, made.network))
    assert (found - exact).std() < 0.03 * exact.std()
    assert 0.03 * far.std() < (far - exact).std() < 0.3 * far.std(), "weights of 4 bits"


def test_weights_whose_bits_nobody_said_are_not_fitted(tiny: Path, tmp_path: Path) -> None:
    refused = accel("lm", "train", str(tiny), "--recipe", "B14", "--out", str(tmp_path / "no.accel"))
    assert_refused(refused, "weights are fitted to few bits; give weight_bits")
    assert not (tmp_path / "no.accel").exists()


@pytest.mark.parametrize("form", ["TQ1_0", "TQ2_0"])
def test_ternary_weights_of_a_file_stay_ternary(form: str, tmp_path: Path) -> None:
    """Every weight in the graph is −1, 0 or 1 times the factor of its group, as it is in the file."""
    file, rng = files.Gguf(layers=1), np.random.default_rng(0)
    file.values |= {"embedding_length": 256, "feed_forward_length": 256, "attention.head_count": 16}
    for name, (values, kept) in list(file.tensors.items()):
        rows = len(values) if name == "token_embd.weight" or name.endswith(("_k.weight", "_v.weight")) else 256
        matrix = values.ndim > 1
        file.add(name, rng.normal(size=(rows, 256) if matrix else 256), form if kept == "Q4_1" else kept)
    model = lm.load(file.write(tmp_path / "ternary.gguf"))
    stored = checkpoints.load(tmp_path / "ternary.gguf")
    graph = model.graph(4)
    names = [name for name, weight in stored.weights.items() if weight.format == form]
    assert len(names) == 7
    for name in names:
        (node,) = (node for node in graph if node.name == name)
        assert isinstance(node.op, Dense)
        found = find(node.op.weight.values)
        assert found is not None
        assert found.form == (256, 2, False)
        assert np.array_equal(found.q.reshape(found.q.shape[0], -1), stored[name].integers().q)
        assert set(np.unique(found.q)) == {-1, 0, 1}
