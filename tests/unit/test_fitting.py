"""Weights that are fitted to a network: GPTQ in groups, and training of what is rounded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import checkpoint_files as files
import numpy as np
import pytest
import torch
from command import accel, assert_refused

from accel.verbs import lm
from models.llama import gptq
from models.llama.distilling import GroupedLinear
from models.llama.matrices import Matrix
from models.llama.recipe import RECIPES

BITS, GROUP = 3, 16


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return files.Gguf().write(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


def problem(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (rows, inputs), and inputs (tokens, inputs) that are correlated."""
    dice = torch.Generator().manual_seed(seed)
    x = torch.randn(300, 8, generator=dice) @ torch.randn(8, 64, generator=dice)
    return torch.randn(24, 64, generator=dice), (x + 0.3 * torch.randn(300, 64, generator=dice)).double()


@pytest.mark.parametrize("seed", range(3))
def test_roundings_make_up_for_each_other(seed: int) -> None:
    weights, x = problem(seed)
    found = gptq.rounded(weights, x.T @ x, BITS, GROUP)
    nearest = torch.from_numpy(Matrix.of_groups(weights.double().numpy(), BITS, GROUP).real)

    def lost(made: torch.Tensor) -> float:
        return float(((made - weights) @ x.T).square().mean())

    assert found.q.min() >= 0
    assert found.q.max() < 1 << BITS
    assert lost(found.real) < 0.5 * lost(nearest)
    assert np.abs(found.matrix().real - found.real.numpy()).max() < found.scale.max() / 30, "8 bits of a factor"


def test_equal_weights_and_inputs_that_are_zero() -> None:
    """A group without a range has no scale, and inputs that never come say nothing."""
    found = gptq.rounded(torch.full((2, 32), 0.25), torch.zeros(32, 32).double(), 4, 16)
    assert torch.equal(found.real, torch.full((2, 32), 0.25).double())


def test_what_is_trained_is_what_runs() -> None:
    weights, x = problem(0)
    made = GroupedLinear(gptq.rounded(weights, x.T @ x, 4, GROUP), 4, None)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
        made.scale[0, 0] = -made.scale[0, 0]
    wanted = made.matrix().real.T.astype(np.float32)
    assert np.array_equal(made(torch.eye(64)).detach().numpy(), wanted)
    made(torch.randn(3, 64)).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in made.parameters())


def test_training_comes_closer(tiny: Path) -> None:
    told: list[str] = []
    recipe = replace(RECIPES["W4A8"], weight_bits=2)
    lm.train(tiny, recipe, 12, tokens=60, progress=told.append)
    losses = [float(text.rpartition(" ")[2]) for text in told if text.startswith("training, step")]
    assert len(losses) == 12
    assert losses[-1] < 0.9 * losses[0]


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


def test_weights_without_groups_are_not_fitted(tiny: Path, tmp_path: Path) -> None:
    refused = accel("lm", "train", str(tiny), "--recipe", "W8A8", "--out", str(tmp_path / "no.accel"))
    assert_refused(refused, "give weight_bits and weight_group")
    assert not (tmp_path / "no.accel").exists()
