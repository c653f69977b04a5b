"""Loading a board: the calls that openFPGALoader gets, and what users read when it cannot be done."""

import json
import os
from pathlib import Path

import pytest
from command import accel, assert_refused

import boards
from boards.bitstream import RESULT

MOCKS = Path(__file__).parents[1] / "mock_tools"
LOADED = [board for board in map(boards.get, boards.names()) if board.loader]


@pytest.fixture(autouse=True)
def loader(monkeypatch):
    monkeypatch.setenv("PATH", os.pathsep.join([str(MOCKS), os.environ["PATH"]]))


def built(folder, board):
    """What a build leaves for the loader."""
    name = boards.flows.get(board.flow).bitstream
    (folder / name).write_bytes(b"\xff\x00bitstream")
    (folder / RESULT).write_text(json.dumps({"board": board.name, "bitstream": name}))
    return folder


@pytest.mark.parametrize("board", LOADED, ids=lambda board: board.name)
def test_the_loader_knows_every_board(board, tmp_path):
    boards.program(board, built(tmp_path, board))
    assert "Loading" in (tmp_path / "program.log").read_text()


@pytest.mark.parametrize("options", [[], ["--flash"]], ids=["once", "flash"])
def test_a_bitstream_is_loaded(options, tmp_path):
    board = LOADED[0]
    result = accel("board", "program", board.name, built(tmp_path, board), *options)
    assert result.exit_code == 0, result.output
    assert f"{board.name} holds {tmp_path}" in result.stdout
    assert ("Writing flash" in (tmp_path / "program.log").read_text()) == bool(options)


def test_every_board_with_a_serial_port_and_open_tools_can_be_loaded():
    free = {board.name for board in map(boards.get, boards.names()) if boards.flows.get(board.flow).free}
    assert free <= {board.name for board in map(boards.get, boards.names()) if board.loader or board.loading}
    assert all(board.loader_since for board in LOADED)
    assert all(board.usb for board in map(boards.get, boards.names()) if board.pins)


def test_without_a_cable_the_loader_is_quoted(tmp_path, monkeypatch):
    monkeypatch.setenv("MOCK_FAIL", "cable")
    result = accel("board", "program", "ulx3s", built(tmp_path, boards.get("ulx3s")))
    assert_refused(result, "openFPGALoader failed with exit code 1; log: ", "program.log", code=1)
    assert "unable to open ftdi device: -3 (device not found)" in result.stderr
    for remedy in ("cable", "udev rule", "usbipd", "other programs"):
        assert remedy in result.stderr


def test_a_loader_that_is_too_old_is_named_with_the_version_that_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("MOCK_FAIL", "old")
    boards.program(boards.get("ulx3s"), built(tmp_path, boards.get("ulx3s")))
    result = accel("board", "program", "tang-nano-20k", built(tmp_path, boards.get("tang-nano-20k")))
    expected = ("does not know tangnano20k", "openFPGALoader v0.10.0", "tang-nano-20k needs version 0.11 or newer")
    assert_refused(result, *expected, code=1)


def test_a_missing_loader_is_named_with_its_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = accel("board", "program", "ulx3s", built(tmp_path, boards.get("ulx3s")))
    assert_refused(result, "openFPGALoader not found", "apt install openfpgaloader", "$OPENFPGALOADER", code=1)


def test_what_cannot_be_loaded_is_refused(tmp_path):
    assert_refused(accel("board", "program", "ulx3s", tmp_path), "no bitstream here; `accel bitstream` writes one")
    built(tmp_path, boards.get("icebreaker"))
    assert_refused(accel("board", "program", "ulx3s", tmp_path), "holds a bitstream for icebreaker, not ulx3s-85f")
    assert_refused(
        accel("board", "program", "pynq-z2", tmp_path), "not programmed with openFPGALoader: copy the folder driver"
    )
