"""Vectors with an exponent per token in Verilator: the exponent at its cycle, whole engines, and a fault in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import engine_graphs
import llamas
import numpy as np
import pytest
import random_engines
from engine_bench import EngineUnit, UnitBench, at, pack, unpack

from accel.design import Design
from accel.engine.isa import EngineProgram, Opcode
from accel.errors import UserError
from accel.verbs.engine import levels, making
from accel.verbs.engine.making import Wanted
from accel.verification.steps import verify_steps
from hls.engine import emit
from models.llama.recipe import Format

BEHIND = 3
"""The exponent behind the last block of its vector."""


@dataclass(frozen=True)
class ExponentCase:
    """Vectors of `width` bits, whose mantissas have `bits`."""

    lanes: int
    width: int
    bits: int

    @property
    def out(self) -> int:
        return max(1, (self.width - self.bits + 1).bit_length())

    def unit(self) -> EngineUnit:
        params: dict[str, int | str] = {"LANES": self.lanes, "WIDTH": self.width, "BITS": self.bits, "EW": self.out}
        inputs = {"valid": 1, "first": 1, "data": self.lanes * self.width}
        return EngineUnit("accel_engine_exponent", params, inputs, {"exponent": self.out})


def test_exponents_at_their_cycle(tmp_path: Path) -> None:
    """Magnitudes end at powers of two and beside them; in between comes what must not matter."""
    cases, count, blocks, period = [ExponentCase(4, 16, 9), ExponentCase(1, 12, 8), ExponentCase(16, 11, 9)], 120, 3, 9
    bench, rows, ends = UnitBench(tmp_path, [case.unit() for case in cases]), [], []
    bench.lint()
    for number, case in enumerate(cases):
        rng, top = np.random.default_rng(number), 1 << (case.width - 1)
        largest = (1 << rng.integers(0, case.width, (count, 1, 1))) + rng.integers(-1, 2, (count, 1, 1))
        vectors = np.clip(rng.integers(-largest, largest + 1, (count, blocks, case.lanes)), -top, top - 1)
        vectors[:, :-1] //= 4  # so that the last block decides
        vectors[0], vectors[1, 0, 0] = 0, -top
        data = rng.integers(-top, top, (count, period, case.lanes))
        data[:, [0, 2, 4]] = vectors
        time = np.tile(np.arange(period), count)
        rows.append({
            "valid": pack(np.isin(time, [0, 2, 4]), 1), "first": pack(time == 0, 1),
            "data": pack(data.reshape(-1, case.lanes), case.width),
        })  # fmt: skip
        needed = [int(np.abs(each).max()).bit_length() - (case.bits - 1) for each in vectors]
        ends.append((np.arange(count - 1) * period + 4, np.maximum(needed, 0)[:-1]))
    for case, (cycles, expected), result in zip(cases, ends, bench.run(rows), strict=True):
        found = unpack(result["exponent"], case.out)[:, 0]
        np.testing.assert_array_equal(at(found, cycles, BEHIND), expected, str(case))
        np.testing.assert_array_equal(at(found, cycles, period - 2), expected, "it stays")
        assert (at(found, cycles, BEHIND - 1) != expected).any()


def program() -> EngineProgram:
    """Norms, mixed and hidden vectors, all with an exponent per token."""
    return making.program(engine_graphs.drawn(10), Wanted(products=32))


@pytest.mark.parametrize("seed", [1, 4, 10])
def test_engines_with_exponents(seed: int) -> None:
    made = making.program(engine_graphs.drawn(seed), Wanted(products=32))
    assert any(each.op is Opcode.BLOCK for each in made.instructions)
    tokens = np.random.default_rng(seed).integers(0, made.sizes.vocabulary, (2, made.sizes.context))
    for starved in (0.0, 0.3):
        found = random_engines.judged(made, tokens[: 1 if starved else 2], starved=starved)
        assert not found.wrong, f"{found.wrong} of {found.logits} logits"
        assert starved or found.cycles == found.predicted


@pytest.mark.parametrize("activation_bits", [0, 9])
def test_a_format_may_be_wider_than_what_gates_return(activation_bits: int) -> None:
    """Limits of 24 bits, where products of gates have 16 at most: they were cut to 0 and -1."""
    rng = np.random.default_rng(3)
    plain = {"qk_norm": False, "qkv_bias": False, "out_bias": False, "mlp_bias": False, "layers": 1}
    configuration = replace(llamas.configuration(rng, 32), **plain)  # type: ignore[arg-type]
    wide = {"gates": Format(12, 8), "hidden": Format(24, 8), "activation_bits": activation_bits}
    recipe = replace(engine_graphs.formats(rng, False), **wide)  # type: ignore[arg-type]
    graph = engine_graphs.static(configuration, llamas.weights(configuration, rng), 4, recipe, "wide")
    made = making.program(graph, Wanted(products=32))
    found = random_engines.judged(made, rng.integers(0, made.sizes.vocabulary, (1, made.sizes.context)))
    assert not found.fails, f"{found.wrong} of {found.logits} logits"


@pytest.mark.parametrize("fault", ["exponent <= needed;", "exponent <= exponent_found;"])
def test_a_wrong_exponent_is_named(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exponent that is 1 too large, of the mantissas or of what reads them."""
    right, made = emit.design, program()
    name = "accel_exponent.sv" if "needed" in fault else "accel_engine.sv"

    def planted(program: EngineProgram, **options: Any) -> Design:
        design = right(program, **options)
        assert design.files[name].count(fault) == 1
        text = design.files[name].replace(fault, fault.replace(";", " + 1'b1;"))
        return replace(design, files={**design.files, name: text})

    monkeypatch.setattr(emit, "design", planted)
    sequence = np.arange(made.sizes.context) % made.sizes.vocabulary
    found = list(verify_steps([levels.decoded(made.network.graph), levels.simulated(made)], sequence))[-1].difference
    op = "BLOCK" if "needed" in fault else "MATRIX"
    assert re.match(rf"rtl: token 0, layer 0, instruction \d+ \({op} '[^']+'\), channel \d+: expected", found or "")


def test_mantissas_of_several_widths_are_refused() -> None:
    made = program()
    macros = list(made.network.macros)
    place = next(n for n, macro in enumerate(macros) if getattr(macro, "block", None))
    macros[place] = replace(macros[place], block=replace(macros[place].block, bits=7))  # type: ignore[union-attr, type-var]
    other = replace(made, network=replace(made.network, macros=tuple(macros)))
    with pytest.raises(UserError, match="all mantissas of an engine have as many bits; these have 7 and 9"):
        emit.design(other)
