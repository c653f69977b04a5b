"""The demo and training, on a network so small that it takes seconds."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command import accel, assert_refused
from pages import Page

from accel.verbs import levels
from accel.verification.levels import Level


@pytest.fixture
def small_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """One layer of 8 channels, hardly trained."""
    import models
    from models import presets

    small = models.EncoderConfig(channels=8, heads=2, layers=1, hidden=8)
    recipe = models.Recipe(model=small, float_epochs=1, quant_epochs=1, batch=256)
    monkeypatch.setitem(presets.BASES, "digits", recipe)


@pytest.mark.usefixtures("small_recipe")
def test_demo_writes_a_complete_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "demo"
    result = accel("demo", "--no-bitstream", "--out", out)
    assert result.exit_code == 0, result.output
    stages = ["train", "export", "import", "hls4ml", "rtl", "bitstream", "report"]
    assert [word for line in result.stdout.splitlines() for word in line.split()[:1] if word in stages] == stages
    following = result.stdout[result.stdout.index("Next:") :].splitlines()[1:]
    assert f"  accel check {out / 'model.onnx'} --samples 8" in following
    assert all(line.split()[0] == "accel" or line.split()[0] == "." for line in following)
    report = json.loads((out / "report.json").read_text())
    assert list(report) == [
        "model", "accuracy", "levels", "cycles", "resources", "fmax_mhz", "clock_mhz", "latency_us",
        "inferences_per_s", "design_hash", "bitstream", "seconds", "versions", "command",
    ]  # fmt: skip
    assert report["model"].keys() == {"name", "parameters", "macs"}
    assert report["accuracy"].keys() == {"float", "quantized"}
    assert {name: (level["samples"], level["mismatches"]) for name, level in report["levels"].items()} == {
        "qonnx": (32, 0), "reference": (360, 0), "csim": (360, 0), "rtl": (360, 0), "rtl_stalled": (360, 0),
        "board": (8, 0),
    }  # fmt: skip
    cycles = report["cycles"]
    assert cycles["latency"] == cycles["predicted_latency"]
    assert cycles["interval"] == cycles["predicted_interval"]
    assert 0 < cycles["mac_utilization"] <= 1
    assert report["design_hash"] == json.loads((out / "rtl" / "design.json").read_text())["hash"]
    assert list(report["seconds"]) == stages[:-1]
    assert {"python", "torch", "brevitas", "hls4ml", "verilator"} <= set(report["versions"])
    assert (out / "arty-a7-100t" / "build.sh").exists()
    assert {path.name for path in out.iterdir()} == {
        "model.pt", "model.onnx", "graph.accel", "vitis", "rtl", "arty-a7-100t", "arty-a7-35t", "basys3", "report.json",
        "report.html",
    }  # fmt: skip
    assert report["command"] == "accel demo --board ulx3s-85f --seed 0 --device cpu --no-bitstream"
    page = Page((out / "report.html").read_text())
    assert [(row[0], row[2]) for row in page.cells("exactness")[1:]] == [(name, "0") for name in report["levels"]]
    assert page.cells("cycles")[1] == ["latency", *2 * [f"{cycles['latency']:,}"]]


def test_demo_refuses_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    assert_refused(accel("demo", "--board", "de10"), "unknown board 'de10'")
    assert_refused(accel("demo", "--out", tmp_path / "file" / "demo"), "cannot write", "file is not a folder")
    monkeypatch.setenv("NEXTPNR_ECP5", "no-such-nextpnr")
    assert_refused(accel("demo", "--out", tmp_path / "demo"), "nextpnr-ecp5", "no-such-nextpnr", code=1)
    assert not (tmp_path / "demo").exists()


@pytest.mark.usefixtures("small_recipe")
def test_train_and_export(tmp_path: Path) -> None:
    trained = accel("train", "--out", tmp_path / "model.pt", "--seed", 3)
    assert trained.exit_code == 0, trained.output
    assert "accuracy on held-out data: " in trained.stdout
    assert accel("export", tmp_path / "model.pt").exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"model.pt", "model.onnx"}


def test_unfit_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("not a checkpoint")
    assert_refused(accel("export", tmp_path / "text.pt"), "text.pt", "`accel train` writes one")
    assert_refused(accel("export", tmp_path / "absent.pt"), "absent.pt: No such file or directory")
    assert_refused(accel("train", "--out", tmp_path), "is a folder; name a file")
    assert [path.name for path in tmp_path.iterdir()] == ["text.pt"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "accel", "train", "--out", tmp_path / "new" / "model.pt"]

    def attended() -> None:
        """Test runs in the background ignore SIGINT, and children would inherit that."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=attended
    ) as process:
        while not (tmp_path / "new").exists() and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert error.strip() == (
        "accel: error: interrupted; nothing half-written was left behind; "
        "with --folder an interrupted training can go on"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_mismatch_in_the_demo_is_named(tiny_graph, tmp_path: Path) -> None:
    """The table of the demo ends with exit code 1 when any level is wrong."""
    from accel.verbs.stages import ImportResult

    x = np.zeros((3, 3, 4), np.int64)
    imported = ImportResult(graph=tiny_graph, x=x, expected=levels.torch_reference(tiny_graph).run(x), summary="")
    (outcome,) = imported.verify(Level("csim", lambda x: imported.expected + 1))
    assert outcome.mismatches == 3
    assert str(outcome.difference).startswith("csim: layer 'y' [0, 0, 0]: expected ")


def test_the_demo_says_how_to_go_on_without_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from accel.cli import demo

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "activate").touch()
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    assert demo._next(Path("build/my demo"), "icebreaker")[:2] == [
        f". {tmp_path.name}/bin/activate",
        "accel check 'build/my demo/model.onnx' --samples 8",
    ]
