"""Faults in an engine, planted one at a time: `accel check --target engine` finds each, and names the place."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import random_engines

from accel.design import Design
from accel.engine.isa import EngineProgram, Epilogue, Opcode
from accel.image import Image
from accel.verbs.engine import levels
from accel.verification.steps import StepLevel, verify_steps
from hls.engine import emit

SEED = 36
"""Two layers, two heads side by side in a word of keys and in a block of values, three queries for each, two blocks."""
LEVELS = {"program": levels.interpreted, "rtl": levels.simulated}
FIELDS = {
    "keys are written to another layer": (Opcode.MATRIX, Epilogue.KEY, "layer", -1, "SCORE"),
    "values are written to another layer": (Opcode.MATRIX, Epilogue.VALUE, "layer", -1, "VALUE"),
    "keys are read from another layer": (Opcode.SCORE, None, "layer", -1, "SCORE"),
    "values are read from another layer": (Opcode.VALUE, None, "layer", -1, "VALUE"),
    "queries are read from another word": (Opcode.SCORE, None, "source", 1, "SCORE"),
    "queries are written to another block": (Opcode.MATRIX, Epilogue.QUERY, "target", 1, "SCORE"),
    "a score is rounded": (Opcode.SCORE, None, "shift", 1, "SCORE"),
    "a share is rounded": (Opcode.SHARE, None, "shift", 1, "SHARE"),
}
"""Instruction, its field, what is added to it, and the instruction whose result shows it first."""
CACHE, TOP, SEQUENCER = (f"accel_engine{name}.sv" for name in ("_cache", "", "_sequencer"))
WRONG = "(accel_engine.planted[0] == {})"
"""Is this fault the planted one? One simulation has all of them, and a file says which one it has."""
LINES = {
    "keys are written to another block": (
        TOP, r"(\.key_target.* \| \d+'\()place", r"\1(WRONG ? ~place : place)", "SCORE",
    ),
    "keys are read from another block": (TOP, r"(\.key_read.* \| \d+'\(outer)", r"\1 ^ 1'(WRONG)", "SCORE"),
    "a key is written to another row": (CACHE, r"(& \(ROWS - 1\)\) == )r", r"\1(r ^ 32'(WRONG))", "SCORE"),
    "keys of a head are those of another": (
        SEQUENCER, r"words_of_keys <= (words_of_keys .*);", r"words_of_keys <= WRONG ? words_of_keys : \1;", "SCORE",
    ),
    "values are written to another word": (
        TOP, r"(\.value_target.* \| \d+'\()place", r"\1(WRONG ? ~place : place)", "VALUE",
    ),
    "values are read from another word": (TOP, r"(\.value_read.* \| \d+'\(word)", r"\1 ^ 1'(WRONG)", "VALUE"),
    "a value is written to another column": (CACHE, r"(& \(N - 1\)\) == )n", r"\1(n ^ 32'(WRONG))", "VALUE"),
    "scores of a head go to another": (
        "accel_engine_scores.sv", r"(\.target\(\(AW'\(head)\)", r"\1 ^ 1'(WRONG))", "SHARE",
    ),
    "shares of a head go to another": (
        "accel_engine_shares.sv", r"(32'\(target_bank\) == )b", r"\1(b ^ 32'(WRONG))", "SHARE",
    ),
    "all queries have the shares of one": (
        SEQUENCER, r"(if \(inner_done\) group <= )group_next", r"\1WRONG ? group : group_next", "VALUE",
    ),
}  # fmt: skip
"""File, a pattern of it, what it becomes, and the instruction whose result shows it first."""


@cache
def program() -> EngineProgram:
    return random_engines.drawn(SEED).program()


@cache
def sequence() -> np.ndarray:
    """As many tokens as the context has."""
    found: np.ndarray = random_engines.sequences(random_engines.drawn(SEED), SEED)[0]
    return found


def difference(level: StepLevel) -> str:
    """All that is said of a level."""
    found = list(verify_steps([levels.decoded(program().network.graph), level], sequence()))[-1]
    return found.difference or ""


def names(said: str, level: str, number: int, op: str) -> bool:
    """Are an instruction, its token and layer, and both values in what is said?"""
    place = rf"{level}: token \d+, layer \d+, instruction {number} \({op} '[^']+'\), channel \d+"
    return re.match(rf"{place}: expected -?\d+, got -?\d+ \(\d+ of 16 tokens differ\)$", said) is not None


def last(op: str) -> int:
    """The number of the last instruction of a kind."""
    return max(n for n, i in enumerate(program().instructions) if i.op.name == op)


def changed(number: int, **fields: Any) -> EngineProgram:
    """The program with other fields of an instruction."""
    made = list(program().instructions)
    made[number] = replace(made[number], **fields)
    return replace(program(), instructions=tuple(made))


@pytest.mark.parametrize("level", LEVELS)
def test_an_engine_without_faults_has_none(level: str) -> None:
    assert difference(LEVELS[level](program())) == ""


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("fault", FIELDS)
def test_a_wrong_field_is_named(fault: str, level: str) -> None:
    op, epilogue, field, more, shows = FIELDS[fault]
    each = program().instructions
    number = max(n for n, i in enumerate(each) if i.op is op and epilogue in (None, i.epilogue))
    made = changed(number, **{field: getattr(each[number], field) + more})
    said = difference(LEVELS[level](made))
    assert names(said, level, last(shows), shows), said


@pytest.mark.parametrize("level", LEVELS)
def test_a_wrong_word_of_a_rom_is_named(level: str) -> None:
    tape, number = program().tape, last("MATRIX")
    weights = tape.weights.copy()
    weights[-1] = -1 - weights[-1]
    said = difference(LEVELS[level](replace(program(), tape=replace(tape, weights=weights))))
    assert names(said, level, number, "MATRIX"), said


def test_a_gap_that_is_a_cycle_short_is_named() -> None:
    number = last("MATRIX")
    said = difference(levels.simulated(changed(number, gap=program().instructions[number].gap - 1)))
    assert names(said, "rtl", number, "MATRIX"), said


def planted(design: Design, number: int) -> Design:
    """The design with all faults, of which one is at work; none with number 0."""
    files = dict(design.files)
    for at, (file, pattern, becomes, _) in enumerate(LINES.values(), 1):
        files[file], count = re.subn(pattern, becomes.replace("WRONG", WRONG.format(at)), files[file])
        assert count == 1, f"{pattern} stands {count} times in {file}"
    read = 'logic [31:0] planted[1];\ninitial $readmemh("planted.hex", planted);\n\nendmodule'
    files[TOP] = files[TOP].replace("endmodule", read)
    memories = {**design.memories, "planted.hex": Image.pack(np.array([[number]]), 32)}
    return replace(design, files=files, memories=memories)


@pytest.mark.parametrize("fault", [None, *LINES])
def test_a_wrong_address_in_systemverilog_is_named(fault: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    right, number = emit.design, [None, *LINES].index(fault)
    monkeypatch.setattr(emit, "design", lambda program, **options: planted(right(program, **options), number))
    said = difference(levels.simulated(program()))
    if fault is None:
        assert said == ""
        return
    shows = LINES[fault][-1]
    assert any(names(said, "rtl", n, shows) for n, i in enumerate(program().instructions) if i.op.name == shows), said
