"""Random transformer blocks: every edge of RTL, C simulation and compiled reference is that of torch."""

import re
from dataclasses import replace

import numpy as np
import pytest
import random_blocks
import random_language
import torch
from hypothesis import HealthCheck, given, settings
from random_blocks import block, blocks, check, compare

from accel import reference
from accel.numeric import ROUNDINGS
from accel.ops import Dense
from accel.target import TARGETS
from hls import rtl

CHUNK = 10


def chunks(end: int, several: int) -> list:
    """Seeds below `end`: the first `several` alone, and the rest nightly, ten in a test."""
    single = [[seed] for seed in range(several)]
    ranges = [range(start, min(start + CHUNK, end)) for start in range(several, end, CHUNK)]
    return [*single, *(pytest.param(seeds, marks=pytest.mark.slow, id=f"{seeds[0]}-{seeds[-1]}") for seeds in ranges)]


def check_all(seeds: range, level: str, *how) -> None:
    """All failures at once, one line each."""
    failures = []
    for seed in seeds:
        try:
            check(seed, level, *how)
        except AssertionError as error:
            failures.append(str(error))
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("seeds", chunks(308, several=8))
def test_rtl(seeds):
    check_all(seeds, "rtl")


@pytest.mark.parametrize("seeds", chunks(32, several=2))
def test_csim(seeds):
    check_all(seeds, "csim")


@pytest.mark.parametrize("seeds", chunks(104, several=4))
def test_native(seeds):
    check_all(seeds, "native")


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(blocks())
def test_ranges_and_carriers(one):
    """Every edge stays in its declared range, and the carriers that the reference picks are exact."""
    found = reference.trace(one.graph, one.x)
    exact = {one.graph.input_name: torch.from_numpy(one.x)}
    for node in one.graph:
        exact[node.name] = node.op.evaluate(*(exact[name] for name in node.inputs))
    for name, tensor in one.graph.tensors.items():
        assert tensor.lo <= found[name].min(), name
        assert found[name].max() <= tensor.hi, name
        assert np.array_equal(found[name], exact[name].numpy()), name


@pytest.mark.slow
@pytest.mark.parametrize(("level", "examples"), [("rtl", 20), ("csim", 3)])
def test_hypothesis_shrinks_what_fails(level, examples):
    """Whatever is wrong here comes out as the smallest block that shows it, with the line that repeats it."""

    @settings(max_examples=examples, print_blob=True, suppress_health_check=list(HealthCheck))
    @given(blocks())
    def run(one):
        compare(one, level)

    run()


def test_a_seed_is_one_block():
    first, again = block(3), block(3)
    assert random_blocks.describe(first) == random_blocks.describe(again)
    assert np.array_equal(first.x, again.x)
    assert rtl.lower(first.graph, first.schedule).hash == rtl.lower(again.graph, again.schedule).hash
    assert random_blocks.describe(block(4)) != random_blocks.describe(first)


def test_blocks_are_varied():
    """What the strategy promises is drawn, within few seeds."""
    drawn = [block(seed) for seed in range(60)]
    ops = [node.op for one in drawn for node in one.graph]
    rescales = [op for op in ops if op.kind == "rescale"]
    assert {op.kind for op in ops} == {
        "dense", "matmul", "add", "mul", "rescale", "lookup", "softmax", "norm", "position", "rotary", "pool"
    }  # fmt: skip
    assert {op.rounding for op in rescales} == set(ROUNDINGS)
    assert {min(len(op.multiplier), 2) for op in rescales} == {1, 2}
    assert {op.out_bits for op in ops if op.kind == "softmax"} == set(range(2, 13))
    assert {op.causal for op in ops if op.kind == "softmax"} == {0, 1}
    assert {op.form for op in ops if op.kind == "norm"} == {"layer", "rms"}
    assert any(op.kind == "norm" and op.has_affine for op in ops)
    assert any(op.kind == "dense" and not op.weight.magnitude for op in ops)
    assert {op.heads for op in ops if op.kind == "matmul"} == {1, 2, 3, 4}
    assert {op.heads // op.kv_heads for op in ops if op.kind == "matmul"} >= {1, 2, 3}
    assert set(range(2, 13)) <= {tensor.width for one in drawn for tensor in one.graph.tensors.values()}
    assert {one.schedule.target for one in drawn} == set(TARGETS)


@pytest.mark.parametrize("level", ["rtl", "csim"])
def test_a_planted_fault_is_found_and_the_line_repeats_it(level, monkeypatch):
    """The reference gets one bias more than what is built: the failure names the layer, the values and the command."""
    seed = 5
    right = block(seed)
    name = next(node.name for node in right.graph if isinstance(node.op, Dense))
    nodes = tuple(
        replace(node, op=replace(node.op, bias=node.op.bias.wide() + 1)) if node.name == name else node
        for node in right.graph
    )
    wrong = replace(right, graph=replace(right.graph, nodes=nodes))
    original = random_blocks.reference.trace
    monkeypatch.setattr(random_blocks.reference, "trace", lambda graph, x: original(wrong.graph, x))
    command = re.escape(f"repeat with: python tests/random_blocks.py {seed} {level}")
    with pytest.raises(AssertionError, match=rf"{level}: layer '{name}' \[0, 0, 0\]: expected .*{command}"):
        check(seed, level)


@pytest.mark.parametrize("level", ["rtl", "csim", "native"])
@pytest.mark.parametrize("seeds", chunks(102, several=2))
def test_language_models(seeds, level):
    check_all(seeds, level, random_language.block, random_language.COMMAND)


def test_blocks_of_language_models_are_varied():
    ops = [node.op for seed in range(40) for node in random_language.block(seed).graph]
    assert {"blockfloat", "exponential", "divide", "softmax"} <= {op.kind for op in ops}
    assert {op.form for op in ops if op.kind == "norm"} == {"layer", "rms", "l2"}
    assert {op.row > 0 for op in ops if op.kind == "norm" and op.form == "l2"} == {True, False}
    assert {op.group > 0 for op in ops if op.kind == "blockfloat"} == {True, False}
