"""The verbs on a model file: check, lower, simulate, and every kind of unfit input."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from command import accel, assert_refused
from qonnx_files import File

from accel import onnx_import, reference
from accel.design import Design
from accel.graph import Graph
from accel.verbs import levels
from accel.verification.levels import Level


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).uniform(-1, 1, (5, 4, 4)))
    return tmp_path / "x.npy"


def test_check_prints_a_table(tiny_model: Path, samples: Path) -> None:
    result = accel("check", tiny_model, "--data", samples, "--levels", "qonnx,reference")
    assert result.exit_code == 0, result.output
    assert [line.split()[:3] for line in result.stdout.splitlines() if line.strip()[:5] in ("qonnx", "refer")] == [
        ["qonnx", "5", "0"],
        ["reference", "5", "0"],
    ]


def test_check_prints_json(tiny_model: Path) -> None:
    result = accel("check", tiny_model, "--levels", "reference,qonnx", "--samples", 3, "--json")
    levels = json.loads(result.stdout)["levels"]
    assert list(levels) == ["qonnx", "reference"]
    assert levels["reference"].keys() == {"samples", "mismatches", "seconds"}
    assert (levels["reference"]["samples"], levels["reference"]["mismatches"]) == (3, 0)


@pytest.fixture
def float_model(tmp_path: Path) -> Path:
    """Float scales and a GELU: no integers can be expected of the file."""
    f = File((1, 3, 4), opset=20)
    y = f.quant(f.node("Gelu", f.quant("in", 0.04), name="act"), 0.03, name="q1")
    return f.save(tmp_path, f.quant(y, 0.07, bits=4, name="q2"))


def test_check_of_a_float_file_prints_deviations_instead_of_the_level_qonnx(float_model: Path, samples: Path) -> None:
    result = accel("check", float_model, "--samples", 8, "--levels", "qonnx,reference")
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines() if line.strip()]
    assert rows[0] == ["model:", "deviation", "of", "each", "operator", "from", "the", "file"]
    assert ["act", "lookup", "96", "0", "0.0000", "0.00%"] in rows
    assert [row[:3] for row in rows if row[0] in ("qonnx", "reference")] == [["reference", "8", "0"]]


def test_check_of_a_float_file_prints_deviations_as_json(float_model: Path) -> None:
    result = accel("check", float_model, "--levels", "qonnx,reference", "--samples", 3, "--json")
    found = json.loads(result.stdout)
    assert list(found["levels"]) == ["reference"]
    assert [one["layer"] for one in found["deviations"]] == ["act", "q2"]
    assert found["deviations"][0] == {
        "layer": "act", "operators": ["lookup"], "values": 36, "max_lsb": 0, "mean_lsb": 0.0, "differing": 0.0,
    }  # fmt: skip


def test_check_of_a_float_file_takes_the_users_data(float_model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", np.zeros((2, 3, 4)))
    result = accel("check", float_model, "--data", tmp_path / "data.npy", "--levels", "qonnx", "--json")
    assert [one["values"] for one in json.loads(result.stdout)["deviations"]] == [24, 24]


def test_check_names_the_faulty_layer(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = onnx_import.load(tiny_model).nodes[3].name

    def faulty(graph: Graph, device: str) -> Level:
        def trace(x: np.ndarray) -> dict[str, np.ndarray]:
            edges = {name: values.copy() for name, values in reference.trace(graph, x).items()}
            for name in (layer, graph.output):
                edges[name][1, 0, 1] += 1
            return edges

        return Level("reference", lambda x: trace(x)[graph.output], trace)

    monkeypatch.setattr(levels, "torch_reference", faulty)
    arguments = ("check", tiny_model, "--levels", "qonnx,reference", "--samples", 4)
    result = accel(*arguments)
    assert result.exit_code == 1
    assert f"accel: reference: layer {layer!r} [1, 0, 1]: expected " in result.stderr
    assert "(1 of 4 samples differ)" in result.stderr
    entry = json.loads(accel(*arguments, "--json").stdout)["levels"]["reference"]
    assert entry["mismatches"] == 1
    assert entry["difference"].startswith("reference: layer ")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (np.zeros((2, 4, 5)), "input shape is (2, 4, 5), the model takes (samples, 4, 4)"),
        (np.zeros((0, 4, 4)), "with at least one sample"),
        (np.full((1, 4, 4), np.nan), "input is nan at index (0, 0, 0): clean the data"),
        (np.full((1, 4, 4), -np.inf), "input is -inf at index (0, 0, 0)"),
        (np.full((1, 4, 4), 300), "input values 300..300 leave the declared range -128..127"),
        (np.array(["a"]), "does not hold one array of numbers"),
        (np.float64(1), "does not hold one array of numbers"),
    ],
)
def test_unfit_samples(tiny_model: Path, tmp_path: Path, values: np.ndarray, text: str) -> None:
    np.save(tmp_path / "bad.npy", values)
    assert_refused(accel("check", tiny_model, "--data", tmp_path / "bad.npy"), text)


def test_unfit_sample_files(tiny_model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "several.npz", a=np.zeros(3))
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "text.npy").write_text("1 2 3")
    (tmp_path / "empty.npy").write_text("")
    for name, text in [
        ("several.npz", "several.npz: arrays are 'a'; the model's inputs are 'input'"),
        ("objects.npy", "is not a NumPy array file: write it with numpy.save"),
        ("text.npy", "is not a NumPy array file: write it with numpy.save"),
        ("empty.npy", "is not a NumPy array file: write it with numpy.save"),
        ("absent.npy", "absent.npy: No such file or directory"),
    ]:
        assert_refused(accel("check", tiny_model, "--data", tmp_path / name), text)


@pytest.mark.parametrize("verb", [("check",), ("lower", "--target", "rtl", "--out", "never")])
def test_unfit_model_files(verb: tuple[str, ...], tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "truncated.onnx").write_bytes(tiny_model.read_bytes()[:2000])
    (tmp_path / "text.onnx").write_text("not a model")
    for name in ("truncated.onnx", "text.onnx", "absent.onnx"):
        result = accel(verb[0], tmp_path / name, *verb[1:])
        assert_refused(result, name)
    assert not Path("never").exists()


def test_unknown_board_and_device(tiny_model: Path) -> None:
    assert_refused(accel("check", tiny_model, "--board", "ulx4"), "unknown board 'ulx4'")
    result = accel("check", tiny_model, "--device", "tpu9", "--levels", "reference")
    assert_refused(result, "device 'tpu9' is not usable")


def test_lower_and_simulate_rtl(tiny_model: Path, tmp_path: Path, samples: Path) -> None:
    out = tmp_path / "new" / "rtl"
    assert accel("lower", tiny_model, "--target", "rtl", "--interval", 900, "--out", out).exit_code == 0
    assert (out / "design.json").exists()
    result = accel("simulate", out, "--data", samples)
    assert result.exit_code == 0, result.output
    rows = {
        line.rsplit(maxsplit=2)[0].strip(): line.split()[-2:] for line in result.stdout.splitlines() if "cycles" in line
    }
    assert rows["latency, cycles"][0] == rows["latency, cycles"][1]
    assert rows["interval, cycles"][0] == rows["interval, cycles"][1]
    assert accel("simulate", out, "--stall", 0.4, "--samples", 3).exit_code == 0
    shown = accel("simulate", out, "--buffers", "--samples", 3).stdout
    depths = Design.load(out).schedule.depths
    used = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if ">" in line}
    assert {name: int(depth) for name, (_, depth) in used.items()} == depths
    assert all(0 < int(most) <= int(depth) for most, depth in used.values())
    recorded = accel("simulate", out, "--samples", 2, "--waves", tmp_path / "new" / "waves.vcd")
    assert f"wrote {tmp_path / 'new' / 'waves.vcd'}" in recorded.stdout
    assert "$enddefinitions" in (tmp_path / "new" / "waves.vcd").read_text()
    np.save(tmp_path / "nan.npy", np.full((1, 4, 4), np.nan))
    assert_refused(accel("simulate", out, "--data", tmp_path / "nan.npy"), "input is nan at index (0, 0, 0)")


def test_lower_and_simulate_vitis(tiny_model: Path, tmp_path: Path, samples: Path) -> None:
    out = tmp_path / "vitis"
    assert accel("lower", tiny_model, "--target", "vitis", "--out", out).exit_code == 0
    result = accel("simulate", out, "--data", samples)
    assert result.exit_code == 0, result.output
    assert_refused(accel("simulate", out, "--waves", tmp_path / "waves.vcd"), "whose C++ has no cycles")


@pytest.mark.parametrize("target", ["rtl", "vitis"])
def test_lower_refuses_other_peoples_folders(target: str, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    assert_refused(accel("lower", tiny_model, "--target", target, "--out", tmp_path), "choose a")
    assert_refused(
        accel("lower", tiny_model, "--target", target, "--out", tmp_path / "thesis.tex" / "x"), "cannot write"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_unreachable_interval(tiny_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "rtl"
    result = accel("lower", tiny_model, "--target", "rtl", "--interval", 1, "--out", out)
    assert_refused(result, "cycles per sample at least, not 1")
    assert not out.exists()
    result = accel("lower", tiny_model, "--target", "vitis", "--interval", 1, "--out", out)
    assert_refused(result, "cycles per sample at least, not 1")
    result = accel("lower", tiny_model, "--target", "vitis", "--dsp", 9, "--out", out)
    assert_refused(result, "--dsp is for --target rtl; vitis's own tool decides what becomes a hard multiplier")


def test_vitis_takes_the_folding_of_the_rtl(tiny_model: Path, tmp_path: Path) -> None:
    for target in ("rtl", "vitis"):
        result = accel("lower", tiny_model, "--target", target, "--interval", 64, "--out", tmp_path / target)
        assert result.exit_code == 0, result.output
    folds = [json.loads((tmp_path / target / "schedule.json").read_text())["folds"] for target in ("rtl", "vitis")]
    assert folds[0] == folds[1]
    result = accel(
        "lower", tiny_model, "--target", "vitis", "--schedule", tmp_path / "rtl" / "schedule.json", "--out",
        tmp_path / "again",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    sources = [(tmp_path / name / "firmware" / "parameters.h").read_text() for name in ("vitis", "again")]
    assert sources[0] == sources[1]


def test_explore_writes_a_front_and_a_schedule_that_lowers(tiny_model: Path, tmp_path: Path) -> None:
    result = accel("explore", tiny_model, "--board", "tang-nano-20k", "--points", 5, "--out", tmp_path / "explored")
    assert result.exit_code == 0, result.output
    with (tmp_path / "explored" / "pareto.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 1
    intervals = [float(row["interval"]) for row in rows]
    assert intervals == sorted(intervals)
    assert int(rows[0]["lut"]) > int(rows[-1]["lut"])
    (chosen,) = (row for row in rows if row["chosen"] == "True")
    assert chosen["fits"] == "True"
    assert all(row["fits"] == "False" for row in rows if float(row["interval"]) < float(chosen["interval"]))
    assert (tmp_path / "explored" / "pareto.png").read_bytes().startswith(b"\x89PNG")
    schedule = tmp_path / "explored" / "schedule.json"
    lowered = ("lower", tiny_model, "--target", "rtl")
    assert accel(*lowered, "--schedule", schedule, "--out", tmp_path / "rtl").exit_code == 0
    assert str(Design.load(tmp_path / "rtl").predicted.interval) == chosen["interval"]


def test_a_board_chooses_the_folding(tiny_model: Path, tmp_path: Path) -> None:
    intervals = []
    for board in ("tang-nano-20k", "ulx3s-85f"):
        result = accel("lower", tiny_model, "--target", "rtl", "--board", board, "--out", tmp_path / board)
        assert result.exit_code == 0, result.output
        intervals.append(Design.load(tmp_path / board).predicted.interval)
    assert intervals[0] > intervals[1]


def test_unrolled_takes_a_token_per_cycle(tiny_model: Path, tmp_path: Path) -> None:
    graph = onnx_import.load(tiny_model)
    out = tmp_path / "unrolled"
    assert accel("lower", tiny_model, "--target", "rtl", "--unrolled", "--out", out).exit_code == 0
    assert Design.load(out).predicted.interval == graph.input.tokens
    refused = accel("lower", tiny_model, "--target", "rtl", "--unrolled", "--interval", 9, "--out", out)
    assert_refused(refused, "each choose a folding; give one")


def test_hard_multipliers_are_limited(tiny_model: Path, tmp_path: Path) -> None:
    """Look-up tables make the products beyond the limit, all of them where none is left."""
    used = {}
    for limit in (0, 3, 500):
        out = tmp_path / str(limit)
        result = accel("lower", tiny_model, "--target", "rtl", "--interval", 64, "--out", out, "--dsp", limit)
        assert result.exit_code == 0, result.output
        used[limit] = int(result.output.split(" DSP,")[0].split()[-1])
        assert used[limit] <= limit
        folds = Design.load(out).schedule.to_json()["folds"].values()
        styles = {fold["multiply"] for fold in folds if "multiply" in fold}
        assert ("dsp" in styles) == (used[limit] > 0)
    assert used[500] > 3
