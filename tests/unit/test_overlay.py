"""The PYNQ driver against a model of the board's registers, DMA and caches."""

from __future__ import annotations

import sys
from dataclasses import replace

import fake_pynq
import numpy as np
import pytest
from board_designs import add_one

import boards
from accel.errors import ToolError, UserError
from boards.overlay import Overlay

DESIGN = add_one(lanes=2, width=6, wider=12, beats=5)


@pytest.fixture
def bitfile(tmp_path):
    path = tmp_path / "design.bit"
    path.write_bytes(b"")
    return path


@pytest.fixture
def board(monkeypatch, bitfile):
    """Opens an overlay on a board that holds DESIGN and adds 1, with the asked faults."""

    def opened(design=DESIGN, **options):
        module = fake_pynq.module(DESIGN, lambda sample: sample + 1, **options)
        monkeypatch.setitem(sys.modules, "pynq", module)
        return Overlay(design, bitfile, timeout=0.05), module.board

    return opened


def samples(count, seed=0):
    return np.random.default_rng(seed).integers(-32, 32, (count, DESIGN.input.beats, DESIGN.input.lanes))


@pytest.mark.parametrize("count", [1, 2, 37])
def test_results_of_all_samples_come_back_in_order(board, count):
    overlay, model = board()
    for seed in range(3):
        x = samples(count, seed)
        assert np.array_equal(overlay.run(x), x + 1)
    assert model.sizes == [count] * 3
    assert model.allocated == []


def test_no_samples_give_no_results(board):
    overlay, _ = board()
    assert overlay.run(samples(0)).shape == (0, 5, 2)


def test_a_short_length_counter_splits_the_batch(board):
    overlay, model = board(length_width=6)  # at most 63 bytes: three results of 20
    x = samples(8)
    assert np.array_equal(overlay.run(x), x + 1)
    assert model.sizes == [3, 3, 2]


def test_connect_gives_the_common_driver(board, bitfile):
    described = {"shape": [5, 2], "lo": -32, "hi": 31, "scale": 0.5}
    design = replace(DESIGN, info={"input": described, "output": described | {"lo": -2048, "hi": 2047, "scale": 0.25}})
    board()
    with boards.connect(design, overlay=str(bitfile)) as device:
        x = samples(4)
        assert np.array_equal(device.raw(x), x + 1)
        assert np.array_equal(device.predict(x * 0.5), (x + 1) * 0.25)


def test_another_design_is_refused(board):
    with pytest.raises(UserError, match=r"the board holds design 0{15}7, not [0-9a-f]{16}; load its bitstream"):
        board(identity=7 << 56)


def test_the_order_of_the_identity_bytes_matters(board):
    swapped = int.from_bytes(bytes.fromhex(DESIGN.hash)[:8], "big")
    with pytest.raises(UserError, match="the board holds design"):
        board(identity=swapped)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("hang", r"board: no answer from the design within 0\.05 s"),
        ("dma error", r"DMA: address decode error of the receive channel"),
        ("short", r"the design gave 1 bytes instead of 40"),
        ("broken", r"DMA: a sample ended before its last beat"),
    ],
)
def test_a_fault_is_an_error_and_then_the_board_works_again(board, fault, message):
    overlay, model = board(fault=fault)
    with pytest.raises(ToolError, match=message):
        overlay.run(samples(2))
    assert model.allocated == []
    model.fault = ""
    x = samples(3, 1)
    assert np.array_equal(overlay.run(x), x + 1)
    assert model.core.resets == 2


def test_samples_that_do_not_fit_are_refused(board):
    overlay, _ = board()
    with pytest.raises(UserError, match=r"outside -32\.\.31 that the input port holds"):
        overlay.run(samples(1) + 64)


@pytest.mark.parametrize(("kinds", "kind"), [(("axi_dma",), "accel_axi"), (("other", "accel_axi"), "axi_dma")])
def test_a_bitstream_without_the_parts_is_refused(board, kinds, kind):
    with pytest.raises(UserError, match=rf"has 0 parts of type {kind}, one is needed"):
        board(kinds=kinds)


def test_without_pynq_the_error_says_where_to_run(monkeypatch, bitfile):
    monkeypatch.setitem(sys.modules, "pynq", None)
    with pytest.raises(UserError, match=r"overlays run on a PYNQ board, and pynq is missing .*: pip install pynq"):
        Overlay(DESIGN, bitfile)


def test_a_missing_bitstream_is_named(board, tmp_path):
    board()
    with pytest.raises(UserError, match=r"none\.bit: no such bitstream"):
        Overlay(DESIGN, tmp_path / "none.bit")
