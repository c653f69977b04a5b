"""Folders with a decode engine, given to verbs for dataflow: they refuse it in words, or take it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command import accel, assert_refused
from engine_stand_in import stand_in

import boards
from accel.design import Design
from accel.target import Cells
from boards import fitting


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engine")
    stand_in().write(folder)
    return folder


def test_a_folder_holds_all_of_a_design(folder: Path) -> None:
    assert Design.load(folder) == stand_in()


@pytest.mark.parametrize("verb", ["simulate", "report"])
def test_verbs_for_dataflow_refuse_it(folder: Path, verb: str) -> None:
    why = "stand-in is a decode engine, whose tokens depend on each other, so "
    assert_refused(accel(verb, folder), why, "`accel check MODEL --target engine` compares its levels")


def test_samples_do_not_run_on_it(folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 1, 2)))
    asked = accel(
        "board", "run", folder, "--port", "virtual", "--input", tmp_path / "x.npy", "--out", tmp_path / "y.npy"
    )
    assert_refused(asked, "there are no samples to run", "`accel board chat` runs it")


def test_it_is_not_compared_layer_by_layer(folder: Path, tiny_model: Path) -> None:
    why = "stand-in is a decode engine, whose tokens depend on each other, so there are no samples to compare"
    assert_refused(accel("compare", tiny_model, folder), why)


def test_a_board_that_is_too_small_names_a_smaller_array() -> None:
    design = stand_in()
    large = replace(design, predicted=replace(design.predicted, multipliers=256))
    remedy = fitting.remedy(Cells(lut=60_000, ff=1, bram=1, dsp=1), boards.get("ulx3s-45f"), large)
    assert "make a smaller array (accel lower --target engine --products 128) or choose --board ulx3s-85f" in remedy
    assert "array" not in fitting.remedy(Cells(lut=60_000, ff=1, bram=1, dsp=1), boards.get("ulx3s-45f"), design)


def test_keys_and_values_that_do_not_fit_name_a_shorter_context() -> None:
    design = replace(stand_in(), context=256)
    remedy = fitting.remedy(Cells(lut=1, ff=1, bram=150, dsp=1), boards.get("ulx3s-45f"), design)
    way = "lower it with a shorter context (accel lower --target engine --context 128)"
    assert remedy == f"{way} or choose --board ulx3s-85f"
