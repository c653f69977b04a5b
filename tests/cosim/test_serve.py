"""`accel board serve` and `accel board run`: two programs and a serial port between them."""

import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from board_designs import add_one, scaled
from command import accel, assert_refused

from accel.view import Form, View

SCALES = {"input": 0.25, "output": 0.125}


def meaning(design):
    """The design, which knows what its integers mean."""
    return scaled(design, SCALES["input"], SCALES["output"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("design") / "rtl"
    meaning(add_one()).write(folder)
    return folder


def attended():
    """Test runs in the background ignore SIGINT, and children would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def port(folder):
    command = [sys.executable, "-m", "accel", "board", "serve", "ULX3S", folder]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=attended
    ) as process:
        word, port, *_ = process.stdout.readline().split()
        assert word == "port"
        yield port
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "error" not in errors


def run(folder, port, x, out, *options):
    np.save(out.with_name("x.npy"), x)
    return accel("board", "run", folder, "--port", port, "--input", out.with_name("x.npy"), "--out", out, *options)


def test_real_samples_go_out_and_real_results_come_back(folder, port, tmp_path):
    x = np.random.default_rng(0).normal(0, 4, (40, 5, 2))  # some are beyond the range
    result = run(folder, port, x, tmp_path / "y.npy")
    assert result.exit_code == 0, result.output
    assert "samples/s" in result.stdout
    expected = (np.clip(np.rint(x / 0.25), -32, 31) + 1) * 0.125
    assert np.array_equal(np.load(tmp_path / "y.npy"), expected)


def test_samples_have_the_files_own_shape(folder, port, tmp_path):
    """As `accel.load(path).predict` takes them: here channels come first, and results are flat."""
    view = View((Form((1, 2, 5), 0, (2, 5), (1, 0), (5, 2)),), ((10,),))
    design = meaning(add_one())
    replace(design, view=view).write(tmp_path / "rtl")
    x = np.random.default_rng(2).normal(0, 2, (3, 2, 5))
    assert run(tmp_path / "rtl", port, x, tmp_path / "y.npy").exit_code == 0
    expected = (np.clip(np.rint(x / 0.25), -32, 31) + 1) * 0.125
    assert np.array_equal(np.load(tmp_path / "y.npy"), expected.transpose(0, 2, 1).reshape(3, 10))


def test_integers_go_out_and_come_back(folder, port, tmp_path):
    x = np.random.default_rng(1).integers(-32, 32, (17, 5, 2))
    assert run(folder, port, x, tmp_path / "y.npy", "--raw").exit_code == 0
    y = np.load(tmp_path / "y.npy")
    assert y.dtype == np.int64
    assert np.array_equal(y, x + 1)


def test_another_design_is_noticed_and_nothing_is_written(folder, port, tmp_path):
    meaning(add_one(wider=13)).write(tmp_path / "other")
    result = run(tmp_path / "other", port, np.zeros((1, 5, 2)), tmp_path / "y.npy")
    assert_refused(result, "the board holds design", "load its bitstream")
    assert not (tmp_path / "y.npy").exists()


def test_samples_that_do_not_fit_are_refused_before_the_first_one_runs(folder, port, tmp_path):
    x = np.zeros((3, 5, 2), int)
    x[2, 4, 1] = 32
    assert_refused(run(folder, port, x, tmp_path / "y.npy", "--raw"), "input values 0..32 leave the declared range")
    assert_refused(run(folder, port, x[0], tmp_path / "y.npy"), "the model takes (samples, 5, 2)")


def test_a_port_that_is_none(folder, tmp_path):
    assert_refused(run(folder, "/dev/no-port", np.zeros((1, 5, 2)), tmp_path / "y.npy"), "cannot open serial port")


def test_what_cannot_be_served_is_refused(folder, tmp_path):
    assert_refused(
        accel("board", "serve", "ulx3s", tmp_path),
        "`accel lower --target rtl` or `accel lower --target engine` writes a design",
    )
    assert_refused(accel("board", "serve", "u55c", folder), "u55c")
