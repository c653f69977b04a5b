"""Every level on the edges of operators of language models, and faults in their modules that these edges find."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import planted
import pytest
from board_designs import damaged
from edges import CASES, Case

from accel import reference
from accel.design import Design
from hls import rtl
from hls.projects import project
from hls.simulation import simulate

STALLS = (0.0, 0.3, 0.7)


@pytest.mark.parametrize("name", CASES)
def test_every_level(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    expected, native = reference.trace(case.graph, case.x), reference.trace(case.graph, case.x, device="native")
    assert all(np.array_equal(native[edge], expected[edge]) for edge in expected)
    assert not wrong(lowered(name), case)
    written = project.write(case.graph, tmp_path, io_type="io_stream", schedule=case.schedule)
    written.compile()
    assert np.array_equal(written.predict(case.x), expected["y"])


@cache
def lowered(name: str) -> Design:
    """The design of a case."""
    return rtl.lower(CASES[name].graph, CASES[name].schedule)


def wrong(design: Design, case: Case) -> str:
    """How a design is seen to be wrong; an empty text for a right one."""
    expected = reference.run(case.graph, case.x)
    for stall in STALLS:
        try:
            found = simulate.run(design, case.x, stall=stall, seed=1)
        except simulate.SimulationError as error:
            return str(error)
        if not np.array_equal(found.outputs, expected):
            return f"results with stalls of {stall}"
        if not stall and (found.latency, found.interval) != (design.predicted.latency, design.predicted.interval):
            return "cycles"
    return ""


@pytest.mark.parametrize("fault", planted.FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    module, before, after = planted.FAULTS[fault]
    concerned = [name for name in CASES if f"{module}.sv" in lowered(name).files]
    for case, design in ((CASES[name], lowered(name)) for name in concerned):
        text = design.files[f"{module}.sv"]
        assert text.count(before) == 1
        if wrong(replace(design, files=design.files | {f"{module}.sv": text.replace(before, after)}), case):
            return
    pytest.fail(f"{len(concerned)} cases do not find it")


TABLES = [name for name in CASES if name.startswith(("exp", "l2", "rotary")) and name != "l2 without gains"]
"""Cases with tables whose lowest bit matters: a gain of one step where all gains are 0 is less than half a step."""


@pytest.mark.parametrize("name", TABLES)
def test_a_wrong_word_of_a_table_is_found(name: str) -> None:
    """The lowest bit of an element in the first and the last two words of every memory."""
    design = lowered(name)
    assert design.memories
    for memory, image in design.memories.items():
        for place in {0, 1, image.depth - 2, image.depth - 1} & set(range(image.depth)):
            assert wrong(damaged(design, memory, place), CASES[name]), (memory, place)
