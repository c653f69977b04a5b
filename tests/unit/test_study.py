"""`accel study`: rows of real trainings, resumable and in parts."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest
from command import accel, assert_refused

import models
from accel.errors import UserError
from accel.verbs import study, studying
from models import presets
from models.recipe import Recipe

NAMES = ("W4A8", "2:4", "half-of-neurons-and-heads")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipes of a second."""
    small = replace(presets.base("digits").model, channels=16, hidden=16, layers=1)
    monkeypatch.setitem(presets.BASES, "digits", Recipe(model=small, float_epochs=1, quant_epochs=1, batch=256))
    for name, lever in presets.LEVERS.items():
        monkeypatch.setitem(presets.LEVERS, name, replace(lever, multipliers=32))

    def here(wanted: list[studying.Training], out: Path, processes: int):
        """Other processes would not know the short recipes."""
        for job in wanted:
            try:
                studying.train(job, out)
            except UserError as error:
                yield job, error
            else:
                yield job, None

    monkeypatch.setattr(study, "_trained", here)


def test_rows_say_what_recipes_cost(short: None, tmp_path: Path) -> None:
    plain, sparse, shrunk = study.study("digits", tmp_path, NAMES, seeds=2)
    assert (plain.seeds, plain.lever, sparse.lever) == (2, "quantization", "pruning")
    assert sparse.parameters == plain.parameters > shrunk.parameters
    assert sparse.macs < 0.75 * plain.macs
    assert sparse.weight_bits < plain.weight_bits
    assert shrunk.cycles <= plain.cycles
    assert plain.multipliers <= 32
    with open(tmp_path / study.TABLE) as file:
        rows = list(csv.DictReader(file))
    assert [row["recipe"] for row in rows] == list(NAMES)
    assert int(rows[1]["cycles"]) == sparse.cycles
    assert (tmp_path / study.TEXT).read_text().count("\n") == 5
    assert (tmp_path / study.PLOT).read_bytes().startswith(b"\x89PNG")


def test_parts_come_together_and_nothing_is_trained_twice(short: None, tmp_path: Path, monkeypatch) -> None:
    assert study.study("digits", tmp_path, NAMES[:2], seeds=1, part=(1, 2))[0].recipe == "W4A8"
    assert len(study.study("digits", tmp_path, NAMES[:2], seeds=1, part=(2, 2))) == 2
    monkeypatch.setattr(studying, "train", None)
    assert len(study.study("digits", tmp_path, NAMES[:2], seeds=1)) == 2


def test_what_fails_does_not_keep_others_from_training(short: None, tmp_path: Path, monkeypatch) -> None:
    broken = presets.Lever("pruning", lambda recipe: replace(recipe, pruning=models.Pruning(kept=1, group=3)))
    monkeypatch.setitem(presets.LEVERS, "1:3", broken)
    with pytest.raises(
        UserError, match=r"1 of 2 trainings failed .* has the others\): 1:3, seed 0: no layer has whole"
    ):
        study.study("digits", tmp_path, ["1:3", "W4A8"], seeds=1)
    assert "W4A8" in (tmp_path / study.TABLE).read_text()


def test_processes_train_side_by_side(tmp_path: Path) -> None:
    assert [job.name for job in study._trained([], tmp_path, 2)] == []


def test_every_recipe_makes_a_model() -> None:
    for data in presets.BASES:
        made = presets.recipes(data)
        refused = 4 if data == "names" else 1  # without biases there are fewer norms, and no bounded sums
        assert len(made) >= len(presets.LEVERS) - refused
        for config in {replace(recipe.model, layers=1) for recipe in made.values()}:  # all blocks are alike
            assert models.Encoder(config)
    assert "ReLU-attention" not in presets.recipes("text")


def test_a_recipe_with_data_of_its_own() -> None:
    assert presets.chosen(None, "MicroGPT") == presets.chosen("names", "microgpt") == presets.base("names")
    assert presets.chosen(None, "W8A8") == presets.recipe("digits", "W8A8")
    with pytest.raises(UserError, match="recipe microgpt is of the data names, not text; leave the data away"):
        presets.chosen("text", "microgpt")


def test_unfit_requests(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no recipe 'W5' for digits.*; there are W4A8, "):
        study.study("digits", tmp_path, ["W5"])
    with pytest.raises(UserError, match=r"no recipe for data 'mnist'; there are digits, fashion, "):
        study.study("mnist", tmp_path)
    for part in ("3/2", "0/2", "half"):
        assert_refused(accel("study", "--part", part, "--out", tmp_path), "--part")


def test_names_of_recipes_are_single_words_however_they_are_written() -> None:
    assert all(re.fullmatch(r"[\w:-]+", name) for name in presets.LEVERS)
    assert presets.recipe("digits", "BatchNorm, folded") == presets.recipe("digits", "batchnorm-folded")
    with pytest.raises(UserError, match="did you mean post-training-corrected"):
        presets.recipe("digits", "post-training-correct")
