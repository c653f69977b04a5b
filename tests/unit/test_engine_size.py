"""Sizes of the decode engine: what suits a network and a device, and one line with what to change where none does."""

from __future__ import annotations

from dataclasses import replace

import engine_graphs
import llamas
import numpy as np
import pytest
from engine_graphs import STATIC

from accel import cost
from accel.checkpoints import Configuration, RotaryPositions
from accel.engine import size, timing
from accel.engine.macros import MacroGraph
from accel.engine.match import match
from accel.engine.program import build, require_sizes
from accel.errors import UserError
from accel.target import TARGETS, Cells
from hls.engine import area
from models import languages

ECP5 = TARGETS["ecp5"]
BOARD = Cells(lut=83640, ff=83640, bram=208, dsp=156)


def chosen(network: MacroGraph, device: Cells = BOARD) -> tuple[int, int]:
    """The size for an ECP5."""
    return size.for_device(network, ECP5, device, lambda program: area.estimate(program, "ecp5", dsp=device.dsp))


def network(tokens: int, layers: int = 1) -> MacroGraph:
    """A Llama of 64 channels and 4 heads."""
    rope = RotaryPositions(10000.0, 16, "halves")
    configuration = Configuration(
        "llama", layers=layers, width=64, heads=4, kv_heads=2, head_size=16, hidden=128, vocabulary=64, context=4096,
        eps=1e-5, rope=rope, tied=True,
    )  # fmt: skip
    weights = llamas.weights(configuration, np.random.default_rng(0))
    recipe = replace(STATIC, weight_bits=4)
    return match(languages.lower(configuration, weights, tokens, recipe, "drawn"))


@pytest.mark.parametrize("seed", range(9))
def test_every_size_suits(seed: int) -> None:
    macros = match(engine_graphs.drawn(seed))
    sizes = size.suited(macros)
    assert sizes
    for pe, simd in sizes:
        require_sizes(macros, pe, simd)
    products = [pe * simd for pe, simd in sizes]
    assert products == sorted(products, reverse=True)


def test_so_many_products() -> None:
    macros = network(16)
    pe, simd = size.for_products(macros, 256)
    assert pe * simd == 256
    with pytest.raises(UserError, match=r"no engine of 100 products suits 'drawn'; possible are .*64.*256"):
        size.for_products(macros, 100)


def test_the_fastest_size_that_fits() -> None:
    macros = network(64)
    pe, simd = chosen(macros)
    small = chosen(macros, replace(BOARD, lut=20000))
    assert small[0] * small[1] < pe * simd
    found = cost.total(area.estimate(build(macros, pe, simd), "ecp5", dsp=BOARD.dsp).values())
    assert found.placed("ecp5").fits_in(BOARD)


def test_a_larger_array_that_is_no_faster_is_not_chosen() -> None:
    """Heads of 4 channels and 16 positions leave most of a larger array idle."""
    maker = engine_graphs.BrevitasStyle(np.random.default_rng(16))
    maker.tokens, maker.channels, maker.heads, maker.kv_heads, maker.size = 16, 16, 4, 4, 4
    macros = match(maker.graph_of("micro"))
    large = Cells(lut=1_000_000, ff=1_000_000, bram=1000, dsp=1000)
    pe, simd = chosen(macros, large)
    cycles = {s: timing.cycles(timing.gaps(build(macros, *s)), 8) for s in size.suited(macros)}
    assert cycles[pe, simd] == min(cycles.values())
    assert (pe, simd) != size.suited(macros)[0]


def test_keys_and_values_that_do_not_fit_say_how_many_tokens_would() -> None:
    device = replace(BOARD, bram=150)
    with pytest.raises(UserError, match=r"lower it with a context of about (\d+), or") as error:
        chosen(network(1024, 2), device)
    fits = int(str(error.value).rpartition("about ")[2].split(",")[0])
    assert 0 < fits < 1024
    chosen(network(1 << (fits.bit_length() - 2), 2), device)


def test_a_board_that_is_too_small() -> None:
    with pytest.raises(UserError, match="without keys and values"):
        chosen(network(64), replace(BOARD, bram=2))
    with pytest.raises(UserError, match=r"look-up tables, \d+ flip-flops and \d+ multipliers: take a larger board"):
        chosen(network(64), replace(BOARD, lut=3000))


def test_wide_roundings_leave_fewer_multipliers_to_the_array() -> None:
    program = build(network(64), 8, 16)
    sizes = replace(program.sizes, sum_bits=22, multiplier_bits=26)  # four hard multipliers for each of 8 rows
    wide, narrow = (replace(program, sizes=replace(sizes, multiplier_bits=bits)) for bits in (26, 17))
    assert size.hard_products(narrow, 120) - size.hard_products(wide, 120) == 8 * 2
