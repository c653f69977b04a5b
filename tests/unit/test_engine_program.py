"""Programs of the decode engine: the interpreter makes the integers of the graph, token by token, at every size."""

from __future__ import annotations

import engine_graphs
import numpy as np
import pytest

from accel import reference
from accel.engine import layout
from accel.engine.interpreter import Interpreter
from accel.engine.isa import EngineProgram, Epilogue, Instruction, Opcode
from accel.engine.match import match
from accel.engine.program import build
from accel.errors import UserError
from accel.graph import Graph
from accel.ops import BlockFloat

SIZES = ((1, 4), (2, 2), (2, 8), (4, 4), (4, 16), (8, 8), (8, 16), (16, 16))


def programs(seed: int) -> list[EngineProgram]:
    """The programs of a random graph at all sizes that suit it."""
    macros, found = match(engine_graphs.drawn(seed)), []
    for pe, simd in SIZES:
        try:
            found.append(build(macros, pe, simd))
        except UserError:
            continue
    return found


@pytest.mark.parametrize("seed", range(60))
def test_the_interpreter_makes_the_logits_of_the_graph(seed: int) -> None:
    made = programs(seed)
    assert made, "no size suits this graph"
    graph = made[0].network.graph
    x = np.random.default_rng(seed).integers(0, graph.input.hi + 1, (1, *graph.input.shape))
    logits = reference.run(graph, x)[0]
    for program in made:
        engine = Interpreter(program)
        for position, token in enumerate(x.reshape(-1)):
            step = engine.step(int(token), position)
            where = f"{program.sizes.pe} x {program.sizes.simd}, token {position}"
            assert np.array_equal(step.logits, logits[position]), where
            assert step.token == logits[position].argmax(), where


@pytest.mark.parametrize("seed", range(60, 75))
def test_every_result_of_an_instruction_is_an_edge_of_the_graph(seed: int) -> None:
    for program in programs(seed):
        graph = program.network.graph
        x = np.random.default_rng(seed).integers(0, graph.input.hi + 1, (1, *graph.input.shape))
        edges, engine = reference.trace(graph, x), Interpreter(program)
        for position, token in enumerate(x.reshape(-1)):
            results, before = engine.step(int(token), position, trace=True).results, program.instructions[0]
            for instruction, lanes in zip(program.instructions[:-1], results.values(), strict=False):
                if instruction.op is Opcode.SOFT and any(each.op is Opcode.SHARE for each in program.instructions):
                    continue  # the edge is what SHARE makes of it
                row = edges[instruction.edges[-1]][0, position]
                if instruction.op is Opcode.BLOCK:
                    lanes = lanes << exponent_of(graph, instruction.edges[-1], edges, position)
                writer = before if instruction.op is Opcode.BLOCK else instruction  # of the words that are rounded
                got, expected = known(program, writer, lanes, row, position)
                before = instruction
                assert np.array_equal(got, expected), f"{instruction}, token {position}"


def exponent_of(graph: Graph, edge: str, edges: dict[str, np.ndarray], position: int) -> int:
    """The exponent of a token's vector that a BlockFloat makes."""
    node = next(node for node in graph.nodes if node.name == edge)
    assert isinstance(node.op, BlockFloat)
    largest = int(np.abs(edges[node.inputs[0]][0, position]).max())
    return max(0, largest.bit_length() - (node.op.bits - 1))


def known(
    program: EngineProgram, instruction: Instruction, lanes: np.ndarray, row: np.ndarray, position: int
) -> tuple[np.ndarray, np.ndarray]:
    """Results of an instruction and the part of an edge's row that they are."""
    sizes = program.sizes
    if instruction.op is Opcode.SCORE:
        scores = lanes.reshape(sizes.kv_heads // sizes.side, -1, sizes.queries, sizes.side, sizes.pe)
        by_head = scores.transpose(0, 3, 2, 1, 4).reshape(sizes.heads, -1)
        return by_head[:, : position + 1], row.reshape(sizes.heads, -1)[:, : position + 1]
    if instruction.op in (Opcode.SOFT, Opcode.SHARE):
        shares = lanes.reshape(sizes.heads, -1)
        assert not shares[:, position + 1 :].any()
        return shares[:, : position + 1], row.reshape(sizes.heads, -1)[:, : position + 1]
    order = layout.natural(len(row), sizes.pe)
    if instruction.epilogue is Epilogue.QUERY:
        order = layout.queries(sizes)
    if instruction.op is Opcode.VALUE:
        order = layout.mixed(sizes)[: lanes.size]
    return lanes.ravel()[order >= 0], row[order[order >= 0]]
