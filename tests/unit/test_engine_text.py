"""The text of a program: JSON with an instruction per line, in which every difference of two programs shows."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import engine_graphs
import pytest

from accel.engine.isa import EngineProgram, Instruction, Opcode
from accel.engine.match import match
from accel.engine.program import build
from accel.engine.text import text


@pytest.fixture(scope="module")
def program() -> EngineProgram:
    return build(match(engine_graphs.drawn(1)), 4, 8)


def test_it_is_json_with_an_instruction_per_line(program: EngineProgram) -> None:
    written = text(program)
    content = json.loads(written)
    assert [each["op"] for each in content["instructions"]] == [each.op.name for each in program.instructions]
    assert content["instructions"][0]["limits"] == list(program.sizes.limits[program.instructions[0].limits])
    assert content["sizes"]["simd"] == 8
    assert content["tape"]["weights"]["shape"] == list(program.tape.weights.shape)
    lines = [line.rstrip(",") for line in written.splitlines() if line.startswith('{"op"')]
    assert [json.loads(line) for line in lines] == content["instructions"]
    assert text(program) == written


def test_every_field_of_an_instruction_shows(program: EngineProgram) -> None:
    before = text(program)
    place = next(n for n, each in enumerate(program.instructions) if each.op is Opcode.MATRIX and each.turned)
    for one in fields(Instruction):
        value = getattr(program.instructions[place], one.name)
        other = ("other",) if isinstance(value, tuple) else type(value)(value + 1 if value < 1 else value - 1)
        instructions = list(program.instructions)
        instructions[place] = replace(instructions[place], **{one.name: other})
        after = text(replace(program, instructions=tuple(instructions)))
        changed = [pair for pair in zip(before.splitlines(), after.splitlines(), strict=True) if pair[0] != pair[1]]
        assert len(changed) == 1, one.name


@pytest.mark.parametrize("part", ["weights", "multipliers"])
def test_another_constant_shows(program: EngineProgram, part: str) -> None:
    array = getattr(program.tape, part).copy()
    array[-1, -1] += 1
    assert text(replace(program, tape=replace(program.tape, **{part: array}))) != text(program)
