"""An operator added by the steps of docs/extending.md, in a package elsewhere: it lowers, simulates and is priced."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from accel import cost, ops, reference
from accel.cost import model
from accel.dataflow import folding
from accel.errors import UserError
from accel.graph import Graph, Node
from accel.ops import hardware
from accel.target import Cells
from accel.tensor import Tensor
from hls import rtl
from hls.projects import project
from hls.rtl import emit
from hls.simulation import simulate

OP = '''
"""Toy: y = c − x."""
from typing import ClassVar
from accel.op import Op, frozen
from accel.tensor import Tensor


@frozen
class Toy(Op):
    """`c` is an integer."""

    kind: ClassVar[str] = "toy"
    c: int

    def infer(self, x):
        return Tensor(x.shape, self.c - x.hi, self.c - x.lo)

    def peak(self, x):
        return abs(self.c) + x.magnitude

    def error(self, inputs, errors):
        return errors[0]

    def evaluate(self, x):
        return self.c - x
'''
RTL = '''
"""Toy in hardware: one unit, one beat per cycle."""
from accel.hardware import ALWAYS, Actor, Long, Module, Port, Unit, consume, lane_folds, produce


def folds(op, inputs, output):
    """Lanes that divide the channels."""
    return lane_folds(output.channels)


def units(op, inputs, output, fold, target):
    """One unit."""
    (x,), lanes = inputs, fold.lanes
    params = {"LANES": lanes, "XW": x.width, "X_SIGNED": int(x.signed), "YW": output.width, "C": Long(op.c)}
    actor = Actor(x.size // lanes, (consume("in0"),), (produce("out", ALWAYS, 1),))
    ports = (Port("in0", lanes, x.width),), (Port("out", lanes, output.width),)
    return (Unit(Module("accel_toy", params), *ports, (actor,)),)
'''
HARDWARE = '''
"""Toy for the back ends."""
from accel.ops.hardware import Hardware
from accel.ops.toy import rtl

HARDWARE = Hardware(folds=rtl.folds, units=rtl.units)
'''
SV = """
// y = C - x for each of LANES lanes. Latency 1.
module accel_toy #(
    parameter int LANES = 1,
    parameter int XW = 8,
    parameter int X_SIGNED = 1,
    parameter int YW = 9,
    parameter longint C = 0
) (
    input  logic clk,
    input  logic rst,
    input  logic s0_valid,
    output logic s0_ready,
    input  logic [LANES*XW-1:0] s0_data,
    input  logic s0_last,
    input  logic m0_room,
    output logic m0_take,
    output logic m0_valid,
    output logic [LANES*YW-1:0] m0_data,
    output logic m0_last
);
    assign s0_ready = m0_room;
    assign m0_take  = s0_valid && m0_room;
    always_ff @(posedge clk) begin
        m0_valid <= m0_take && !rst;
        m0_last  <= s0_last;
    end
    for (genvar l = 0; l < LANES; l++) begin : lane
        logic [XW-1:0] x;
        assign x = s0_data[l*XW+:XW];
        wire signed [XW:0] wide = $signed({X_SIGNED != 0 ? x[XW-1] : 1'b0, x});
        always_ff @(posedge clk) m0_data[l*YW+:YW] <= YW'(64'(C) - 64'(wide));
    end
endmodule
"""
COST = '''
"""Features of Toy."""


def toy(t, part):
    """A subtracter per lane, and registers behind it."""
    p = part.params
    t.add(p["YW"], p["LANES"])
    t.registers(2 + p["LANES"] * p["YW"])


FEATURES = {"accel_toy": toy}
'''
PRICED = HARDWARE.replace("import rtl", "import cost, rtl").replace("rtl.units", "rtl.units, features=cost.FEATURES")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the operator, without the features of its cost."""
    folder = tmp_path / "toy"
    folder.mkdir()
    files = {"__init__.py": "", "op.py": OP, "rtl.py": RTL, "hardware.py": HARDWARE, "accel_toy.sv": SV}
    for name, text in files.items():
        (folder / name).write_text(text.lstrip(), encoding="utf-8")
    monkeypatch.setattr(ops, "__path__", [*ops.__path__, str(tmp_path)])
    monkeypatch.setitem(ops.OPERATORS, "toy", "Toy")
    caches = (emit.library, model.features, model._predicted, hardware.of_kind)
    for cached in caches:
        cached.cache_clear()
    yield folder
    for name in [name for name in sys.modules if name.startswith("accel.ops.toy")]:
        del sys.modules[name]
    for cached in caches:
        cached.cache_clear()


def graph() -> Graph:
    x = Tensor((3, 4), -100, 27)
    return Graph("toys", {"x": x}, (Node("y", ops.operator("toy")(5), ("x",)),), "y")


def test_it_lowers_and_simulates(toy: Path) -> None:
    (toy / "cost.py").write_text(COST, encoding="utf-8")
    (toy / "hardware.py").write_text(PRICED, encoding="utf-8")
    made = graph()
    x = np.random.default_rng(0).integers(-100, 28, (5, 3, 4))
    expected = reference.run(made, x)
    assert np.array_equal(expected, 5 - x)
    for schedule in (None, folding.fold_for(made, 3)):
        design = rtl.lower(made, schedule)
        found = simulate.run(design, x)
        assert np.array_equal(found.outputs, expected)
    (_, unit, *_) = rtl.structure_of(design, made).netlist.instances
    assert unit.unit.module.params["LANES"] == 4
    assert cost.estimate(unit.unit, "ecp5") == Cells(ff=2 + 4 * 8, carry=4 * 4)


def test_without_features_its_cost_is_a_guess_and_says_so(toy: Path) -> None:
    with pytest.warns(UserWarning, match="accel_toy has no features, so its cost is a guess"):
        design = rtl.lower(graph())
    assert design.predicted.interval == 12


def test_what_it_lacks_is_refused_in_words(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^operator 'toy' has no kernel: describe it in accel/ops/toy/hardware\.py$"):
        project.write(graph(), tmp_path / "project")


def test_without_hardware_it_is_a_definition(toy: Path) -> None:
    (toy / "hardware.py").unlink()
    made = graph()
    assert np.array_equal(reference.run(made, np.zeros((1, 3, 4), int)), np.full((1, 3, 4), 5))
    with pytest.raises(UserError, match=r"^operator 'toy' has no HARDWARE: describe it in accel/ops/toy/hardware\.py$"):
        rtl.lower(made)
