"""stories260K on the decode engine: the tokens, all logits and the cycles of a real checkpoint."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import checkpoint_files
import numpy as np
import pytest

from accel import checkpoints, reference
from accel.engine import timing
from accel.engine.isa import EngineProgram, Opcode
from accel.engine.match import match
from accel.engine.program import build
from accel.graph import Graph
from hls.engine import emit, simulate
from hls.simulation import verilator
from models import llama
from models.llama.recipe import named

TOKENS, STARVED_TOKENS = 16, 4
EXPONENTS = "E9:weight_bits=8,activation_bits=8,normed=16/9,mixed=16/11,hidden=24/8"
"""Vectors that matrices read have an exponent per token."""


@cache
def lowered(path: Path, name: str = "E9") -> EngineProgram:
    checkpoint, recipe = llama.folded(checkpoints.load(path), rotation=False), named(name)
    graph = llama.lower(checkpoint.configuration, llama.integer_weights(checkpoint, recipe), 512, recipe)
    return timing.gaps(build(match(graph), 16, 16))


def greedy(graph: Graph, count: int) -> tuple[list[int], np.ndarray]:
    """Tokens behind a first one, each the likeliest, and all logits (count, vocabulary)."""
    decoder, tokens, logits = reference.decode(graph, device=reference.NATIVE), [1], []
    for _ in range(count):
        logits.append(decoder.append(np.array([[[tokens[-1]]]]))[0, 0])
        tokens.append(int(logits[-1].argmax()))
    return tokens, np.array(logits)


def test_cycles_of_the_whole_context() -> None:
    program = lowered(checkpoint_files.stories())
    assert timing.cycles(program, 0) <= 2_500
    assert timing.cycles(program, 511) <= 6_000


def test_lint(tmp_path: Path) -> None:
    design = emit.design(lowered(checkpoint_files.stories()))
    design.write(tmp_path)
    verilator.lint(tmp_path, design.sources, design.top)


def test_every_vector_may_have_an_exponent() -> None:
    program = lowered(checkpoint_files.stories(), EXPONENTS)
    read = {i.source for i in program.instructions if i.op is Opcode.MATRIX}
    assert read == {i.source for i in program.instructions if i.op is Opcode.MATRIX and i.scaled}
    assert sum(i.op is Opcode.BLOCK for i in program.instructions) == 4 * program.sizes.layers + 1


@pytest.mark.parametrize(("starved", "recipe"), [(0.0, "E9"), (0.3, "E9"), (0.0, EXPONENTS), (0.3, EXPONENTS)])
def test_tokens_logits_and_cycles(starved: float, recipe: str) -> None:
    program = lowered(checkpoint_files.stories(), recipe)
    count = STARVED_TOKENS if starved else TOKENS
    tokens, logits = greedy(program.network.graph, count)
    requests = list(zip(tokens[:-1], range(count), strict=True))
    found = simulate.run(emit.design(program), requests, trace=True, starved=starved, seed=1)
    assert found.tokens[:, 0].tolist() == tokens[1:]
    head = len(program.instructions) - 2
    assert np.array_equal([results[head].ravel() for results in found.results], logits)
    if not starved:
        assert found.cycles[:, 0].tolist() == [timing.cycles(program, place) for place in range(TOKENS)]
