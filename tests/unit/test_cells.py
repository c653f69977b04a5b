"""Amounts of cells: sums, what fits in a device, and their form in files."""

from __future__ import annotations

import pytest
from encoders import encoder

import boards
from accel.dataflow.folding import fold_for
from accel.design import Design
from accel.target import TARGETS, Cells
from boards import fitting
from hls import rtl

DEVICE = Cells(100, 200, 4, 0)


def test_sums_and_what_is_placed() -> None:
    made = Cells(1, 2, 3, 4, 5) + Cells(10, 20, 30, 40, 50)
    assert made == Cells(11, 22, 33, 44, 55)
    assert made.placed("ecp5") == Cells(11 + 2 * 55, 22, 33, 44)
    assert made.placed("ice40") == Cells(11 + 11, 22, 33, 44)


@pytest.mark.parametrize(
    ("used", "beyond"),
    [
        (DEVICE, []),
        (Cells(carry=7), []),
        (Cells(101, 200, 4, 0), ["lut"]),
        (Cells(100, 201, 5, 1), ["ff", "bram", "dsp"]),
    ],
)
def test_what_fits_in_a_device(used: Cells, beyond: list[str]) -> None:
    assert used.beyond(DEVICE) == beyond
    assert used.fits_in(DEVICE) is (not beyond)


def test_shares_are_of_what_a_device_has() -> None:
    assert Cells(50, 50, 1, 0).shares(DEVICE) == {"lut": 0.5, "ff": 0.25, "bram": 0.25}


def test_files_say_lut4() -> None:
    assert DEVICE.to_json() == {"lut4": 100, "ff": 200, "bram": 4, "dsp": 0}
    assert Cells.from_json(DEVICE.to_json()) == DEVICE
    for wrong in ({"lut4": 1}, {**DEVICE.to_json(), "lut": 1}):
        with pytest.raises(LookupError, match="not an amount of cells"):
            Cells.from_json(wrong)


@pytest.fixture(scope="module")
def design() -> Design:
    graph = encoder()
    return rtl.lower(graph, fold_for(graph, 100))


@pytest.mark.parametrize("name", boards.names())
def test_every_board_says_what_would_fit(name: str, design: Design) -> None:
    """Devices without hard multipliers among them."""
    board, interval = boards.get(name), design.predicted.interval
    used = Cells(10 * board.capacity.lut, 1, 1, 0)
    assert f"accel lower --interval {fitting._round_up(10 * interval)} or more" in fitting.remedy(used, board, design)
    word = f"LUT{TARGETS[board.target].lut_inputs}"
    assert fitting.excess(used, board) == [f"{word} {used.lut} of {board.capacity.lut}"]
