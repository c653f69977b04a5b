"""Zeros pay: networks with 2:4 weights need half the cycles, with the same integers; and the checks can fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from firmware import Firmware
from kept import kept_weights

import accel
import models
from accel import reference
from accel.dataflow.folding import Solver, folds_in, unrolled, with_multipliers
from accel.dataflow.netlist import build
from accel.dataflow.schedule import Schedule, units_of
from accel.errors import UserError
from accel.fold import MatrixFold, Pattern
from accel.graph import Graph, Node
from accel.ops import Dense
from accel.ops.dense import sparsity
from accel.tensor import Tensor
from hls import rtl
from hls.projects import project
from hls.rtl.area import estimate
from hls.simulation import simulate
from models.encoder import Encoder
from models.pruning import n_of_m
from models.quantization import quantize, settle


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graph]:
    """The digits encoder, untrained, with all of its weights and with two of every four."""
    torch.manual_seed(0)
    x = torch.rand(64, 8, 8) * 2 - 1
    twin = quantize(Encoder(models.EncoderConfig(quantized=False)), x)
    folder, graphs = tmp_path_factory.mktemp("pruned"), {}
    for name in ("dense", "2:4"):
        if name == "2:4":
            with torch.no_grad():
                for module in twin.modules():
                    if isinstance(module, torch.nn.Linear):
                        module.weight.mul_(n_of_m(module.weight.abs(), 2, 4))
            settle(twin, x)
        graphs[name] = accel.load(models.export(twin, folder / f"{name[0]}.onnx"))
    return graphs


def leanest(graph: Graph, interval: int) -> Schedule:
    """Dense layers with as few products as the interval allows; the rest as the solver has it."""
    solver = Solver(graph, "ecp5")
    folds = dict(solver.at(interval)[0].folds)
    for node in solver.nodes:
        if node.node.op.kind == "dense":
            folds |= folds_in(node.leanest(interval))
    return Schedule(folds)


def layers(graph: Graph, schedule: Schedule) -> list[tuple[int, int]]:
    """(products per cycle, cycles per sample) of every Dense layer of a block."""
    nodes = [node for node in graph if node.op.kind == "dense" and node.name.startswith("blocks")]
    units = [units_of(graph, node, schedule)[0] for node in nodes]
    return [(unit.multipliers, unit.cycles) for unit in units]


def test_half_the_products_take_half_the_cycles(pruned: dict[str, Graph]) -> None:
    """At equal multipliers, layer by layer, and measured in the whole design."""
    schedules = {"dense": leanest(pruned["dense"], 1024), "2:4": leanest(pruned["2:4"], 512)}
    for (products, cycles), (same, halved) in zip(*(layers(pruned[n], s) for n, s in schedules.items()), strict=True):
        assert products == same
        assert halved * 2 == cycles
    measured = {name: ran(pruned[name], schedule) for name, schedule in schedules.items()}
    assert measured["2:4"][0].interval * 2 == measured["dense"][0].interval == 1024
    for simulation, design in measured.values():
        assert simulation.interval == design.predicted.interval


def test_the_solver_takes_what_zeros_save(pruned: dict[str, Graph]) -> None:
    schedules = {name: with_multipliers(graph, 128) for name, graph in pruned.items()}
    inner = [node.name for node in pruned["2:4"] if node.op.kind == "dense" and node.name.startswith("blocks")]
    assert len(inner) == 12
    assert all(schedules["2:4"].folds[name].is_sparse for name in inner)
    assert not any(isinstance(fold, MatrixFold) and fold.is_sparse for fold in schedules["dense"].folds.values())
    intervals = {name: ran(pruned[name], schedule)[0].interval for name, schedule in schedules.items()}
    assert intervals["2:4"] <= intervals["dense"] / 2


def ran(graph: Graph, schedule: Schedule) -> tuple[simulate.Simulation, accel.Design]:
    """A simulation that equals the reference, without pauses."""
    design = rtl.lower(graph, schedule)
    x = np.random.default_rng(0).integers(graph.input.lo, graph.input.hi + 1, (4, *graph.input.shape))
    simulation = simulate.run(design, x)
    assert np.array_equal(simulation.outputs, reference.run(graph, x))
    return simulation, design


def one(weight: np.ndarray) -> Graph:
    x = Tensor((3, weight.shape[1]), -128, 127)
    return Graph("one", {"x": x}, (Node("dense", Dense(weight, np.arange(len(weight))), ("x",)),), "dense")


@pytest.fixture
def kept() -> Graph:
    return one(kept_weights(np.random.default_rng(3), 8, 16, Pattern(2, 4), 7))


def test_a_wrong_place_is_seen(kept: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = Schedule({"dense": MatrixFold(2, 4, "lut", Pattern(2, 4))})
    ran(kept, schedule)
    honest = sparsity.compress

    def shifted(weight: np.ndarray, pattern: Pattern) -> tuple[np.ndarray, np.ndarray]:
        values, index = honest(weight, pattern)
        return values, (index + 1) % 3

    monkeypatch.setattr(sparsity, "compress", shifted)
    with pytest.raises(AssertionError):
        ran(kept, schedule)


def test_claims_are_held_against_the_weights(kept: Graph) -> None:
    weight = np.zeros((4, 8), np.int64)
    weight[2, 4:7] = 1
    for claimed, text in (
        (Pattern(2, 4), r"the weights are not 2:4: row 2 has 3 that are not 0 for inputs 4 to 7"),
        (Pattern(3, 4), r"sparse is '3:4'; known are 1:4, 1:2, 2:4, 4:8"),
    ):
        with pytest.raises(UserError, match=text):
            rtl.lower(one(weight), Schedule({"dense": MatrixFold(2, 4, "lut", claimed)}))


@pytest.mark.parametrize("io_type", ["io_stream", "io_parallel"])
def test_kernels_follow_a_sparse_fold(kept: Graph, io_type: str, tmp_path: Path) -> None:
    schedule = Schedule({"dense": MatrixFold(2, 4, "lut", Pattern(2, 4))})
    written = project.write(kept, tmp_path / "project", io_type=io_type, schedule=schedule)
    assert Firmware(written.folder).problems() == []
    written.compile()
    x = np.random.default_rng(0).integers(-128, 128, (5, 3, 16))
    assert np.array_equal(written.predict(x), reference.run(kept, x))


def test_unrolled_matrices_drop_zero_terms() -> None:
    weight = np.random.default_rng(0).integers(-7, 8, (16, 16))
    cells = []
    for values in (weight, np.where(n_of_m(torch.from_numpy(abs(weight)), 2, 4).numpy(), weight, 0)):
        graph = one(values)
        schedule = unrolled(graph)
        depths = rtl.lower(graph, schedule).schedule.depths
        cells.append(estimate(build(graph, schedule), depths, "ecp5").equivalents("ecp5"))
    assert cells[1] < 0.75 * cells[0]
