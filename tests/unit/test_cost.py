"""The cost model: on recorded syntheses it was not fitted on, and against synthesis itself."""

from __future__ import annotations

import cost_fit
import cost_model
import engine_units
import numpy as np
import pytest
import random_engines
import units
from encoders import Shape, encoder

from accel import cost
from accel.cost import model
from accel.dataflow.folding import fold_for
from accel.hardware import Module, Rom
from accel.logic.part import Part, contents, library_name
from accel.logic.tally import Tally, block_rams
from accel.target import TARGETS, Cells
from hls import rtl
from hls.engine import area as engine_area
from hls.engine import emit as engine_emit
from hls.rtl import area
from hls.synthesis import sample, yosys

FAMILIES = cost_fit.families()
MEDIAN, WORST = 0.15, 0.30


@pytest.mark.parametrize("family", FAMILIES)
def test_units_it_was_not_fitted_on(family: str) -> None:
    found = cost_model.errors(family)
    assert len(found) >= 30
    assert {sample["kind"] for sample, _ in found} == set(units.kinds(family))
    for resource in cost_model.RESOURCES:
        errors = [error[resource] for _, error in found]
        worst = max(found, key=lambda pair: pair[1][resource])
        assert np.median(errors) <= MEDIAN, resource
        assert worst[1][resource] <= WORST, f"{resource}: {worst[0]}"


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_held_out_is_fitted_on(family: str) -> None:
    entries = [(s["held_out"], s["module"], str(s["params"]), str(s["roms"])) for s in cost_fit.recorded(family)]
    fitted = {entry[1:] for entry in entries if not entry[0]}
    unseen = [entry[1:] for entry in entries if entry[0] and entry[1:] not in fitted]
    assert len(unseen) >= 30


def test_prices_are_those_of_the_samples() -> None:
    """Whoever changes what a module is made of, or its samples, runs benchmarks/cost_fit.py."""
    for family in FAMILIES:
        known, fitted = model.prices()[family], cost_fit.prices(family)
        assert known.keys() == fitted.keys()
        for module in fitted:
            for resource in model.RESOURCES:
                assert known[module][resource] == pytest.approx(fitted[module][resource], rel=1e-6, abs=1e-9), module


def _synthesized(kind: str, number: int, family: str) -> None:
    part = units.draw(kind, 10_000, family)[number]
    (made,), predicted = units.counts([part], family), cost.estimate(part.module, family)
    slack = max(cost_model.LEAST, made.equivalents(family))
    assert (predicted.bram, predicted.dsp) == (made.bram, made.dsp)
    assert abs(predicted.equivalents(family) - made.equivalents(family)) <= WORST * slack
    assert abs(predicted.ff - made.ff) <= WORST * max(cost_model.LEAST, made.ff)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_unit_synthesized_now(family: str) -> None:
    _synthesized("matmul", 0, family)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", units.KINDS)
def test_every_kind_synthesized_now(kind: str, family: str) -> None:
    if kind not in units.kinds(family):
        pytest.skip(f"{kind} has no samples on {family}")
    for number in range(len(units.draw(kind, 10_000, family))):
        _synthesized(kind, number, family)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_whole_design(family: str) -> None:
    """The sum of the parts: what synthesis does across their borders is small."""
    graph = encoder(Shape(tokens=8, features=8, channels=16, hidden=32))
    design = rtl.lower(graph, fold_for(graph, 512, family))
    predicted = area.estimate(design.structure.netlist, design.schedule.depths, family)
    made = yosys.resources(design, family)
    assert (predicted.bram, predicted.dsp) == (made.bram, made.dsp)
    assert abs(predicted.equivalents(family) / made.equivalents(family) - 1) < 0.1
    assert abs(predicted.ff / made.ff - 1) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("family", engine_units.FAMILIES)
@pytest.mark.parametrize("seed", [1, 6])
def test_a_whole_engine(family: str, seed: int) -> None:
    """Flip-flops that others in front of a unit make needless are a few more than in a dataflow."""
    program = random_engines.drawn(seed).program()
    predicted = cost.total(engine_area.estimate(program, family).values())
    made = yosys.resources(engine_emit.design(program), family)
    assert (predicted.bram, predicted.dsp) == (made.bram, made.dsp)
    assert abs(predicted.equivalents(family) / made.equivalents(family) - 1) < 0.15
    assert abs(predicted.ff / made.ff - 1) < 0.15


def test_a_buffer_is_what_its_module_is() -> None:
    module, _ = sample.buffer(24, 128)
    assert cost.buffer(24, 128, "ecp5") == cost.estimate(module, "ecp5")
    assert cost.total([Cells(1, 2, 3, 4, 5), Cells(1, 1, 1, 1, 1)]) == Cells(2, 3, 4, 5, 6)


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_has_an_estimate(target: str) -> None:
    for kind in units.KINDS:
        for part in units.draw(kind, 3, target):
            found = cost.estimate(part.module, target)
            assert found.lut + found.ff + found.bram > 0


def test_every_module_with_streams_has_features() -> None:
    parts = [part.module for kind in units.KINDS for seed in range(20) for part in units.draw(kind, seed, "ecp5")]
    assert {library_name(module) for module in parts} == set(model.features())
    assert {module.name for module in parts if not module.source} <= {*engine_emit.library(), engine_emit.TOP}


@pytest.mark.parametrize(
    ("width", "depth", "target", "expected"),
    [(36, 512, "ecp5", 1), (37, 512, "ecp5", 2), (18, 1024, "ecp5", 1), (9, 2048, "xilinx7", 1), (1, 16384, "ecp5", 1),
     (8, 4096, "ecp5", 2), (16, 256, "ice40", 1), (17, 256, "ice40", 2)],
)  # fmt: skip
def test_block_rams_in_their_best_shape(width: int, depth: int, target: str, expected: int) -> None:
    assert block_rams(width, depth, TARGETS[target]) == expected


@pytest.mark.parametrize(
    ("operands", "target", "expected"),
    [((18, 18), "ecp5", 1), ((19, 8), "ecp5", 1), ((20, 8), "ecp5", 2), ((19, 19), "ecp5", 1), ((20, 20), "ecp5", 4),
     ((25, 18), "xilinx7", 1),
     ((26, 18), "xilinx7", 2), ((4, 4), "xilinx7", 0), ((4, 4), "ecp5", 1)],
)  # fmt: skip
def test_multipliers_of_a_product(operands: tuple[int, int], target: str, expected: int) -> None:
    tally = Tally(TARGETS[target])
    tally.multiply(*operands)
    assert tally.dsp == expected


@pytest.mark.parametrize(("family", "expected"), [("ecp5", 2), ("xilinx7", 2)])
def test_a_softmax_of_wide_exponentials(family: str, expected: int) -> None:
    """Unsigned operands: on ECP5 the highest piece of a factor has one bit, which look-up tables multiply with."""
    params = {"LANES": 1, "BEATS": 17, "EW": 19, "FW": 20, "SHIFT": 23, "YW": 15, "DIGITS": 0}
    assert cost.estimate(Module("accel_softmax_scale", params), family).dsp == expected


def test_contents_of_a_memory_fold_together() -> None:
    columns = np.array([[0, 1, 0, 0], [0, 1, 1, 1], [0, 1, 0, 0], [0, 1, 1, 0]])  # 0, 1, the address' bit 0, a function
    found = contents(columns, 1)
    assert (found.columns, found.nodes[4]) == (2, (1, 0, 0))
    halves = np.repeat([[0], [1], [1], [0]], 16, axis=0)  # no leaf; 0 and 1 chosen by the two highest address bits
    assert contents(halves, 1).nodes == {2: (0, 1, 2), 4: (0, 1, 2), 6: (1, 0, 0)}


def test_a_part_survives_json() -> None:
    import json
    from dataclasses import asdict

    rom = Rom.of(np.arange(40).reshape(-1, 2), 6)
    part = Part.of(Module("accel_position", {"BLOCK": 0}, {"TABLE_FILE": rom}))
    assert Part.load(json.loads(json.dumps(asdict(part)))) == part
