"""Engines in SystemVerilog: tokens, every result and every cycle are those of the interpreter and of the timing."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import engine_graphs
import numpy as np
import pytest
import random_engines

from accel.building import Edge
from accel.design import Design
from accel.engine import timing
from accel.engine.folding import folded
from accel.engine.interpreter import Interpreter
from accel.engine.isa import EngineProgram, Opcode
from accel.engine.macros import MacroGraph
from accel.engine.match import match
from accel.engine.program import build
from accel.ops import Add, Embedding, MatMul, Norm, Position
from accel.tensor import Tensor
from hls.engine import emit, simulate
from hls.simulation import verilator

DRAWN = (
    (0, 2, 8), (2, 4, 8), (3, 8, 16), (6, 2, 8), (7, 8, 8), (12, 2, 2), (15, 4, 8), (18, 8, 8), (21, 1, 4), (31, 2, 2),
)  # fmt: skip
"""Seeds of random graphs, rows and products."""


@cache
def design(seed: int, pe: int, simd: int) -> Design:
    return emit.design(program(seed, pe, simd), dsp=random_engines.multipliers(seed))


@cache
def program(seed: int, pe: int, simd: int) -> EngineProgram:
    return timing.gaps(build(match(engine_graphs.drawn(seed)), pe, simd))


def requests(program: EngineProgram, seed: int = 0) -> list[tuple[int, int]]:
    """Two sequences, the second shorter than the first."""
    rng, context = np.random.default_rng(seed), program.sizes.context
    places = [*range(context), *range(max(1, context // 2))]
    return [(int(rng.integers(0, program.sizes.vocabulary)), place) for place in places]


def first_difference(program: EngineProgram) -> str:
    asked = requests(program)
    return simulate.difference(program, asked, simulate.run(emit.design(program), asked, trace=True))


@pytest.mark.parametrize(("seed", "pe", "simd"), DRAWN)
def test_tokens_results_and_cycles(seed: int, pe: int, simd: int) -> None:
    made = program(seed, pe, simd)
    asked = requests(made)
    found = simulate.run(design(seed, pe, simd), asked, trace=True)
    assert simulate.difference(made, asked, found) == ""
    assert found.cycles.ravel().tolist() == [timing.cycles(made, place) for _, place in asked]
    interpreter = Interpreter(made)
    assert found.tokens.ravel().tolist() == [interpreter.step(*each).token for each in asked]


@pytest.mark.parametrize("rate", [0.1, 0.8])
def test_a_starved_tape_changes_no_result(rate: float) -> None:
    for seed, pe, simd in ((0, 2, 8), (3, 8, 16)):
        made = program(seed, pe, simd)
        asked = requests(made)
        found = simulate.run(design(seed, pe, simd), asked, trace=True, starved=rate, seed=seed)
        assert simulate.difference(made, asked, found) == ""
        assert found.cycles.sum() > sum(timing.cycles(made, place) for _, place in asked), "it was starved"


def test_a_burst_continues_with_the_tokens_that_it_chose() -> None:
    made, count = program(0, 2, 8), 4
    context = made.sizes.context
    found = simulate.run(emit.design(made, burst=count), [(1, 0), (2, context - 2)])
    interpreter, token, expected = Interpreter(made), 1, []
    for place in range(count):
        token = interpreter.step(token, place).token
        expected.append(token)
    assert found.tokens[0].tolist() == expected
    assert found.cycles[0].tolist() == [timing.cycles(made, place) for place in range(count)]
    assert len(set(found.tokens[1, 1:].tolist())) == 1, "behind the context the last token is repeated"


@pytest.mark.parametrize(("seed", "pe", "simd"), DRAWN)
def test_lint(seed: int, pe: int, simd: int, tmp_path: Path) -> None:
    made = design(seed, pe, simd)
    made.write(tmp_path)
    verilator.lint(tmp_path, made.sources, made.top)


def test_a_gap_that_is_one_cycle_short_is_found() -> None:
    made = program(0, 2, 8)
    for number, instruction in enumerate(made.instructions):
        if instruction.gap < 3 or instruction.op is Opcode.END:
            continue
        short = list(made.instructions)
        short[number] = replace(instruction, gap=instruction.gap - 1)
        assert f"instruction {number} " in first_difference(replace(made, instructions=tuple(short))), instruction


def test_a_wrong_weight_is_found_where_it_is_used() -> None:
    made = program(0, 2, 8)
    weights = made.tape.weights.copy()
    weights[-1, 0, 0] ^= 1
    design = emit.design(replace(made, tape=replace(made.tape, weights=weights)))
    asked = requests(made)
    found = simulate.difference(made, asked, simulate.run(design, asked, trace=True))
    assert "(MATRIX LOGITS)" in found, found


class _Micro(engine_graphs.BrevitasStyle):
    """A network of microGPT's shape, with a norm behind the embedding."""

    def __init__(self) -> None:
        super().__init__(np.random.default_rng(7))
        self.tokens, self.kv_heads, self.shared, self.heads, self.size = 16, 4, 1, 4, 4
        self.channels, self.vocabulary, self.form, self.rounding = 16, 27, "l2", "half_even"
        self.divides_shares, self.kept_bits = False, 9

    def norm(self, x: Edge, name: str) -> Edge:
        return self.add(Norm.l2(np.array([4.0]), 4, 8, guard=5, root_fraction=8), x, name=name)

    def network(self) -> MacroGraph:
        x = self.input(Tensor((16, 1), 0, 26))
        x = self.add(Embedding(self.integers(-60, 60, 27, 16)), x, name="embedding")
        x = self.add(Position(self.integers(-90, 90, 16, 16), 1), x, name="positions")
        x = self.norm(self.narrow(x, "stream"), "stream.norm")
        n = self.norm(x, "norm1")
        k, q, v = (self.narrow(self.dense(n, 16, p), f"{p}8") for p in "kqv")
        scores = self.add(MatMul(4, "scores", 4), q, k, name="scores")
        mixed = self.mixed(self.narrow(scores, "scores8"), v, "0")
        x = self.together(x, self.dense(mixed, 16, "out"), "x1")
        hidden = self.narrow(self.dense(self.norm(x, "norm2"), 64, "up"), "hidden", 0, 127)
        x = self.together(x, self.dense(hidden, 16, "down"), "x2")
        return folded(match(self.graph(self.dense(x, 27, "logits"), "micro")))

    def together(self, x: Edge, sums: Edge, name: str) -> Edge:
        return self.narrow(self.add(Add([8, 1]), x, sums, name=f"{name}.add"), name)


@pytest.mark.parametrize(("pe", "cycles"), [(16, 93), (8, 117)])
def test_microgpt(pe: int, cycles: int) -> None:
    made = timing.gaps(build(_Micro().network(), pe, 16))
    assert timing.cycles(made, 15) == cycles
    asked = requests(made)
    found = simulate.run(emit.design(made, dsp=156), asked, trace=True)
    assert simulate.difference(made, asked, found) == ""
    assert found.cycles.ravel().tolist() == [timing.cycles(made, place) for _, place in asked]
