"""What a synthesis tool would make of the written projects, without one: see `tests/firmware.py`.

And every check can fail: faults are planted in the sources.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from contract import random_schedule
from encoders import Shape, encoder
from firmware import Firmware
from hls_graphs import everything, language

from accel.dataflow import folding
from accel.graph import Graph, Node
from accel.ops import Pool
from accel.tensor import Tensor
from hls.projects import project
from hls.projects.backends import IO_TYPES

CAUSAL = encoder(Shape(tokens=64, features=64, channels=64, heads=4, hidden=128, causal=True, gelu=True))
DIGITS = encoder(Shape(tokens=8, features=8, channels=32, heads=4, hidden=64, layers=2, classes=10))
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas")  # of HLS pragmas, g++ knows none


@pytest.mark.parametrize("io_type", IO_TYPES)
@pytest.mark.parametrize("backend", ["Vitis", "Vivado"])
@pytest.mark.parametrize(("graph", "interval"), [(CAUSAL, 16384), (CAUSAL, 65536), (DIGITS, 1024)])
def test_follows_the_schedule(graph: Graph, interval: int, backend: str, io_type: str, tmp_path: Path) -> None:
    schedule = folding.fold_for(graph, interval)
    written = project.write(graph, tmp_path / "project", backend, io_type, schedule=schedule)
    firmware = Firmware(written.folder)
    assert firmware.problems() == []
    assert len(firmware.calls) >= len(graph.nodes)
    walks = [firmware.walk(call) for call in firmware.calls]
    assert max(cycles for _, cycles in walks) <= interval
    assert sum(walk.widest for walk, _ in walks) * interval < 2 * (
        graph.macs + sum(t.size for t in graph.tensors.values())
    )


def test_other_back_ends(tmp_path: Path) -> None:
    """Catapult's streams like those of Vitis; Quartus ignores HLS pragmas, but has the same calls and integers."""
    schedule = folding.fold_for(DIGITS, 1024)
    catapult = project.write(DIGITS, tmp_path / "catapult", "Catapult", schedule=schedule)
    assert Firmware(catapult.folder).problems() == []
    for io_type in IO_TYPES:
        quartus = Firmware(project.write(DIGITS, tmp_path / io_type, "Quartus", io_type, schedule=schedule).folder)
        assert list(quartus.forbidden()) == []
        joints = ("accel_gather", "accel_scatter", "accel_fork")
        assert sum(call.function not in joints for call in quartus.calls) == len(DIGITS.nodes)


@pytest.mark.parametrize("graphs", [everything, language])
@pytest.mark.parametrize("seed", range(4))
def test_any_folding(seed: int, graphs: Callable[[int], Graph], tmp_path: Path) -> None:
    graph = graphs(seed)
    io_type = IO_TYPES[seed % 2]
    written = project.write(graph, tmp_path / "project", io_type=io_type, schedule=random_schedule(graph, seed))
    firmware = Firmware(written.folder)
    assert firmware.problems() == []
    cycles = {call.name: call.cycles for call in written.plan.calls}
    assert cycles == {call.layer: firmware.walk(call)[1] for call in firmware.calls}
    assert written.plan.interval == max(cycles.values()) <= written.plan.latency <= sum(cycles.values())
    config = (written.folder / "hls4ml_config.yml").read_text()
    for index, node in enumerate(graph):
        assert re.search(rf"\bn{index}:\s+ReuseFactor: {written.reuse[node.name]}\b", config)


@pytest.mark.parametrize("io_type", IO_TYPES)
def test_nothing_folded(io_type: str, tmp_path: Path) -> None:
    """Every call takes a token per cycle: the heads of attention are side by side."""
    graph = encoder(Shape(causal=True, gelu=True))
    written = project.write(graph, tmp_path / "project", io_type=io_type, schedule=folding.unrolled(graph))
    firmware = Firmware(written.folder)
    assert firmware.problems() == []
    assert max(firmware.walk(call)[1] for call in firmware.calls) == graph.input.tokens


@pytest.mark.parametrize("kernel", ["matmul", "softmax"])
def test_heads_left_out_are_found(kernel: str, tmp_path: Path) -> None:
    graph = encoder(Shape(causal=True, gelu=True))
    folder = project.write(graph, tmp_path / "project", schedule=folding.unrolled(graph)).folder
    assert Firmware(folder).problems() == []
    path = folder / "firmware" / "nnet_utils" / f"accel_{kernel}.h"
    text = path.read_text()
    assert "CONFIG::side; " in text
    path.write_text(text.replace("CONFIG::side; ", "1; "))
    assert any(re.search(r"memories for .* elements in a cycle", problem) for problem in Firmware(folder).problems())


def own_sources(folder: Path, home: Path) -> Path:
    """A copy of the firmware without the headers of hls4ml and of the vendor."""
    vendors = {path.name for path in (folder / "firmware" / "nnet_utils").glob("nnet_*.h")} - {"nnet_code_gen.h"}
    shutil.copytree(folder / "firmware", home, ignore=lambda _, names: vendors.intersection(names) | {"ap_types"})
    return home


def warnings(folder: Path, home: Path) -> str:
    """What g++ has to say about our sources, with everybody else's as system headers."""
    theirs = folder / "firmware"
    top = own_sources(folder, home) / "accel_model.cpp"
    system = [f"-isystem{theirs / name}" for name in (".", "nnet_utils", "ap_types")]
    command = ["g++", "-std=c++11", "-fsyntax-only", *WARNINGS, *system, str(top)]
    return subprocess.run(command, capture_output=True, text=True).stderr


@pytest.mark.parametrize("io_type", ["io_parallel", "io_stream"])
def test_no_warnings(io_type: str, tmp_path: Path) -> None:
    """Every operator and both ways of Dense, softmax and norm."""
    graph = everything(0)
    schedule = random_schedule(graph, 0)
    for node in graph:
        if node.op.kind in ("softmax", "norm", "dense") and int(graph.nodes.index(node)) % 2:
            schedule.folds[node.name] = folding.unrolled(graph).folds[node.name]
    folder = project.write(graph, tmp_path / "project", io_type=io_type, schedule=schedule).folder
    assert warnings(folder, tmp_path / "clean") == ""


@pytest.mark.parametrize("io_type", IO_TYPES)
def test_a_planted_warning_is_found(io_type: str, tmp_path: Path) -> None:
    graph = Graph("pool", {"x": Tensor((3, 4), -8, 7)}, (Node("y", Pool(), ("x",)),), "y")
    folder = project.write(graph, tmp_path / "project", io_type=io_type).folder
    assert warnings(folder, tmp_path / "clean") == ""
    kernel = folder / "firmware" / "nnet_utils" / "accel_pool.h"
    kernel.write_text(kernel.read_text().replace("CONFIG::io::read(", "int unused; CONFIG::io::read("))
    assert "unused variable 'unused'" in warnings(folder, tmp_path / "planted").replace("‘", "'").replace("’", "'")


@pytest.fixture(scope="module")
def causal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("causal") / "project"
    return project.write(CAUSAL, home, io_type="io_parallel", schedule=folding.fold_for(CAUSAL, 16384)).folder


UNROLL = "#pragma HLS UNROLL"
FAULTS = {
    "token loop unrolled": (
        "nnet_utils/accel_dense.h",
        "t < CONFIG::tokens; t++) {",
        f"t < CONFIG::tokens; t++) {{\n{UNROLL}",
        "the loop over CONFIG::tokens is unrolled outside of a pipeline",
    ),
    "pipeline around all channels": (
        "nnet_utils/accel_rescale.h",
        "t < CONFIG::tokens; t++) {",
        "t < CONFIG::tokens; t++) {\n#pragma HLS PIPELINE II=1",
        "the loop over CONFIG::beats in a pipeline does not say that it is unrolled",
    ),
    "no pipeline": (
        "nnet_utils/accel_add.h",
        "#pragma HLS PIPELINE II=1",
        "",
        "the loop over CONFIG::lanes is unrolled outside of a pipeline",
    ),
    "half the rate": (
        "nnet_utils/accel_pool.h",
        "PIPELINE II=1",
        "PIPELINE II=2",
        "the loop over CONFIG::beats is not written for II=1",
    ),
    "wider than the schedule": (
        "nnet_utils/accel_matmul.h",
        "for (int s = 0; s < CONFIG::simd; s++)",
        "for (int s = 0; s < CONFIG::beats * CONFIG::simd; s++)",
        "operations in a cycle, the schedule has",
    ),
    "wrong factor": (
        "nnet_utils/accel_matmul.h",
        "variable=held cyclic factor=CONFIG::channel_lanes",
        "variable=held cyclic factor=CONFIG::size",
        "held: .* memories for .* elements in a cycle",
    ),
    "wrong kind": (
        "nnet_utils/accel_matmul.h",
        "variable=row cyclic",
        "variable=row block",
        "row: .* elements in a cycle do not lie in memories of their own",
    ),
    "one table for all lanes": (
        "nnet_utils/accel_lookup.h",
        "table[i * CONFIG::entries + index.to_int()]",
        "table[index.to_int()]",
        "table: .* memories for 1 elements in a cycle",
    ),
    "wrong partition of an edge": (
        "accel_model.cpp",
        "variable=layer2_out cyclic factor=",
        "variable=layer2_out cyclic factor=1",
        "layer2_out is .* wide and used in beats of",
    ),
    "pass forgotten": (
        "nnet_utils/accel_dense.h", "pass < CONFIG::passes", "pass < 1", "cycles per sample, the schedule has",
    ),
    "outside": (
        "nnet_utils/accel_pool.h",
        "sums[k * CONFIG::lanes + i] = sum",
        "sums[t * CONFIG::beats + i] = sum",
        "is outside of",
    ),
    "dropped call": ("accel_model.cpp", "nnet::accel_dense<config2>", "// ", r"node 'embed' \(n0\) has 0 calls"),
    "float": ("nnet_utils/accel_add.h", "typename CONFIG::out_t sum =", "float sum =", "floating point: 'float'"),
    "exp": ("nnet_utils/accel_softmax.h", "total[h] += part", "total[h] += std::exp(part)", r"C library: 'std::exp\('"),
    "division": ("nnet_utils/accel_softmax.h", "r / CONFIG::turns", "r / 0", "a division by zero: '/ 0'"),
    "table at run time": ("nnet_utils/accel_lookup.h", "nnet {", "nnet {\nvoid init_exp_table();", "made at run time"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(fault: str, causal: Path, tmp_path: Path) -> None:
    file, old, new, text = FAULTS[fault]
    folder = tmp_path / "project"
    shutil.copytree(causal, folder)
    path = folder / "firmware" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    problems = Firmware(folder).problems()
    assert any(re.search(text, problem) for problem in problems), problems[:5]
