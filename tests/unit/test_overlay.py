"""The PYNQ driver against a model of the board's registers, DMA and caches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import fake_pynq
import numpy as np
import pytest
from board_designs import add_one, scaled

import boards
from accel.errors import ToolError, UserError
from boards import host_files, host_samples, protocol
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
    design = scaled(DESIGN, 0.5, 0.25)
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


@pytest.mark.parametrize("name", ["pynq-z2", "kr260"])
def test_the_driver_folder_runs_on_the_boards_own_python(name, tmp_path, monkeypatch, capsys):
    """driver.py and what lies beside it, with no accel: the same answers as through `boards.connect`."""
    for file, text in boards.plan(DESIGN, boards.get(name)).files.items():
        if file.startswith("driver/"):
            (tmp_path / file.partition("/")[2]).write_text(text, encoding="utf-8")
    (tmp_path / "board.bit").write_bytes(b"")
    (tmp_path / "pynq.py").write_text(_PYNQ, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "driver.py", "x.txt", "y.txt"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=_environment(),
    )
    assert done.returncode == 0, done.stderr
    x, y = (np.loadtxt(tmp_path / file, ndmin=2) for file in ("x.txt", "y.txt"))
    assert np.array_equal(y, x + 1)
    np.savetxt(tmp_path / "x.txt", x + 100, fmt="%d")
    done = subprocess.run(
        [sys.executable, "driver.py", "x.txt", "y.txt"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=_environment(),
    )
    assert "samples have values from -32 to 31" in done.stderr


def test_the_drivers_bytes_are_those_of_the_protocol():
    for width in (3, 8, 9, 17, 33):
        design = add_one(lanes=3, width=width, wider=width + 3, beats=4)
        half = 1 << width - 1
        x = np.random.default_rng(width).integers(-half, half, (5, 12))
        known = json.loads(host_files.files(design, "vitis")["driver/design.json"])
        data = host_samples.pack(x, known["input"])
        assert data.tobytes() == b"".join(protocol.pack(sample, design.input) for sample in x)
        assert np.array_equal(host_samples.unpack(data, known["input"]), x)


def _environment():
    """Without our packages: only the folder that the program lies in, numpy, and the model of the board."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}


ROOT = Path(__file__).parents[2]
_PYNQ = """
import fake_pynq
from board_designs import add_one
made = fake_pynq.module(add_one(lanes=2, width=6, wider=12, beats=5), lambda sample: sample + 1)
Overlay, MMIO, allocate = made.Overlay, made.MMIO, made.allocate
"""
