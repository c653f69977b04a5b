"""`accel lower --target engine` and `accel check --target engine`: small language models from file to board."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import checkpoint_files
import engine_graphs
import numpy as np
import pytest
from command import accel, assert_refused

import boards
from accel import reference, storage
from accel.arrays import single
from accel.design import Design
from accel.errors import UserError
from accel.verbs.engine import checking, levels, making
from accel.verbs.engine.lowering import lower_engine
from accel.verbs.engine.making import Wanted
from accel.verbs.lower import lower
from accel.verification.steps import verify_steps

BOARD = boards.get("ulx3s-85f")
PRODUCTS = 32
"""As elsewhere in these tests, so that one compiled simulation serves several of them."""


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small causal graph in a file."""
    path = tmp_path_factory.mktemp("graph") / "small.accel"
    storage.save(engine_graphs.drawn(0), path)
    return path


@pytest.fixture(scope="module")
def folder(graph: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "engine"
    done = accel("lower", graph, "--target", "engine", "--products", PRODUCTS, "--out", out)
    assert done.exit_code == 0, done.output
    return out


def test_lower_writes_a_design_and_says_its_figures(graph: Path, folder: Path, tmp_path: Path) -> None:
    design, model = Design.load(folder), storage.load(folder / "graph.accel")
    assert design.context == model.input.tokens
    assert (design.input.name, design.output.name) == ("request", "tokens")
    instructions = json.loads((folder / "program.json").read_text())["instructions"]
    assert [each["op"] for each in instructions][-1] == "END"
    done = accel("lower", graph, "--target", "engine", "--products", PRODUCTS, "--out", tmp_path / "other", "--json")
    found = json.loads(done.stdout)
    assert found["products"] <= PRODUCTS
    assert found["products"] == design.predicted.multipliers
    assert 0 < found["cycles"]["first"] <= found["cycles"]["last"]
    assert found["tokens_per_s"]["last"] == BOARD.clock_mhz * 1e6 / found["cycles"]["last"]
    assert Design.load(tmp_path / "other").hash == design.hash


def test_python_lowers_graphs_and_files_alike(graph: Path, folder: Path, tmp_path: Path) -> None:
    for model, name in ((graph, "file"), (storage.load(graph), "graph")):
        made = lower_engine(model, tmp_path / name, products=PRODUCTS)
        assert made.design.hash == Design.load(folder).hash == Design.load(tmp_path / name).hash
    with pytest.raises(UserError, match="a model is a graph or the name of a file; got NoneType"):
        lower_engine(None, tmp_path / "other")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"a decode engine is written by accel\.lower_engine"):
        lower(storage.load(graph), "engine", tmp_path / "other")


def test_a_board_generates_what_the_reference_chooses(folder: Path) -> None:
    model = storage.load(folder / "graph.accel")
    prompt, decoder = [1, 2, 3], reference.decode(model)
    expected, row = [], decoder.append(np.array([prompt])[..., None], last=True)
    for _ in range(4):
        expected.append(int(single(row)[0, -1].argmax()))
        row = decoder.append(np.array([[[expected[-1]]]]))
    with boards.connect(folder, "virtual") as device:
        assert list(device.generate(prompt, 4)) == expected


def test_a_context_belongs_to_the_design(folder: Path, tmp_path: Path) -> None:
    """A host asks no further than the hardware has positions."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    header = json.loads((copy / "design.json").read_text())
    for context, why in ((1000, "files differ from the recorded hash"), (-5, "a context of -5 tokens is none")):
        (copy / "design.json").write_text(json.dumps(header | {"context": context}))
        with pytest.raises(UserError, match=why):
            Design.load(copy)


def test_requests_that_make_no_sense_are_answered_and_change_nothing(folder: Path) -> None:
    """Another host may have sent anything before."""
    design = Design.load(folder)
    odd = [[[design.input.tensor.hi, 0]], [[0, design.input.range[1]]], [[design.input.range[1]] * 2]]
    samples = np.array([*odd, [[1, 0]], [[2, 1]]])
    mixed, clean = (boards.simulate(design, BOARD, part).reshape(-1) for part in (samples, samples[-2:]))
    assert mixed[-2:].tolist() == clean.tolist()


def test_check_compares_levels_and_says_so(graph: Path) -> None:
    levels = "reference,decode,program,rtl"
    done = accel("check", graph, "--target", "engine", "--products", PRODUCTS, "--levels", levels, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["levels"]
    assert list(found) == levels.split(",")
    assert all(one["mismatches"] == 0 and one["tokens"] > 1 for one in found.values())


@pytest.mark.parametrize("seed", [7, 6])
def test_every_level(seed: int) -> None:
    graph = engine_graphs.drawn(seed)
    outcomes = checking.check(graph, wanted=Wanted(products=PRODUCTS))
    assert [outcome.level for outcome in outcomes] == list(checking.LEVELS)
    assert not any(outcome.mismatches for outcome in outcomes)


def test_a_wrong_word_of_a_rom_is_found_by_its_instruction() -> None:
    program = making.program(engine_graphs.drawn(0), Wanted(products=PRODUCTS))
    weights = program.tape.weights.copy()
    weights[-1, 0] ^= 3
    changed = replace(program, tape=replace(program.tape, weights=weights))
    last = max(n for n, i in enumerate(program.instructions) if i.op.name == "MATRIX")
    every = [levels.decoded(program.network.graph), levels.simulated(changed)]
    found = list(verify_steps(every, np.arange(5) % 8))
    assert found[-1].difference
    assert f"instruction {last} (MATRIX " in found[-1].difference


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--interval", 4), "--interval is for rtl and HLS projects, this is --target engine"),
        (("--pe", 4), "--pe and --simd belong together: rows of the array, and products of a row"),
        (("--pe", 4, "--simd", 4, "--products", 9), "--products is --pe times --simd; give it, or those two"),
        (("--pe", 3, "--simd", 4), "an engine of 3 x 4 products does not suit 'seed 0': both must be powers of two"),
        (("--context", 4), "--context is for checkpoints of language models; "),
        (("--dsp", 0), "--dsp is for rtl and HLS projects, this is --target engine"),
        (("--po2-scales",), "--input-scale, --input-bits and --po2-scales are for ONNX files; "),
    ],
)
def test_what_cannot_be_made_is_refused(graph: Path, tmp_path: Path, arguments: tuple[object, ...], words: str) -> None:
    assert_refused(accel("lower", graph, "--target", "engine", *arguments, "--out", tmp_path / "x"), words)
    assert not (tmp_path / "x").exists()


def test_options_of_the_engine_are_refused_elsewhere(tiny_model: Path, tmp_path: Path) -> None:
    refusal = "--pe is for --target engine, this is --target rtl"
    assert_refused(
        accel("lower", tiny_model, "--target", "rtl", "--pe", 4, "--simd", 4, "--out", tmp_path / "x"), refusal
    )
    assert_refused(accel("check", tiny_model, "--tokens", 4), "--tokens is for --target engine, this is --target rtl")
    assert_refused(
        accel("check", tiny_model, "--target", "engine", "--samples", 4),
        "--samples is for --target rtl, this is --target",
    )
    assert_refused(
        accel("lower", tiny_model, "--target", "engine", "--clock-period", 5, "--out", tmp_path / "x"),
        "--clock-period is for rtl and HLS projects, this is --target engine",
    )
    known = "there are reference, decode, program, rtl, rtl_stalled, board, netlist"
    assert_refused(accel("check", tiny_model, "--target", "engine", "--levels", "csim"), "unknown level 'csim'", known)


def test_an_encoder_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    assert_refused(
        accel("lower", tiny_model, "--target", "engine", "--out", tmp_path / "x"), "cannot go token by token"
    )


def test_a_checkpoint_keeps_its_tokenizer(tmp_path: Path) -> None:
    stories = checkpoint_files.stories()
    done = accel("lower", stories, "--target", "engine", "--context", 64, "--out", tmp_path / "engine", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["context"], found["vocabulary"], found["products"]) == (64, 512, 256)
    assert (tmp_path / "engine" / "tokenizer.accel").is_file()
