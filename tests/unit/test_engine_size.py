"""Sizes of the decode engine: what suits a network and a device, and one line with what to change where none does."""

from __future__ import annotations

from dataclasses import replace

import engine_graphs
import llamas
import numpy as np
import pytest
from engine_graphs import STATIC

from accel.checkpoints import Configuration, RotaryPositions
from accel.engine import size
from accel.engine.macros import MacroGraph
from accel.engine.match import match
from accel.engine.memories import EngineMemory, memories_of
from accel.engine.program import build, require_sizes
from accel.errors import UserError
from accel.target import TARGETS, Cells
from models import languages

ECP5 = TARGETS["ecp5"]
BOARD = Cells(lut=83640, ff=83640, bram=208, dsp=156)


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
    pe, simd = size.for_device(macros, ECP5, BOARD)
    small = size.for_device(macros, ECP5, replace(BOARD, lut=20000))
    assert small[0] * small[1] < pe * simd
    assert size.estimate(build(macros, pe, simd), ECP5, BOARD).fits_in(BOARD)


def test_keys_and_values_that_do_not_fit_say_how_many_tokens_would() -> None:
    device = replace(BOARD, bram=150)
    with pytest.raises(UserError, match=r"lower it with a context of about (\d+), or") as error:
        size.for_device(network(1024, 2), ECP5, device)
    fits = int(str(error.value).rpartition("about ")[2].split(",")[0])
    assert 0 < fits < 1024
    size.for_device(network(1 << (fits.bit_length() - 2), 2), ECP5, device)


def test_a_board_that_is_too_small() -> None:
    with pytest.raises(UserError, match="without keys and values"):
        size.for_device(network(64), ECP5, replace(BOARD, bram=2))
    with pytest.raises(UserError, match="look-up tables and"):
        size.for_device(network(64), ECP5, replace(BOARD, lut=3000))


def test_bits_of_keys_and_values() -> None:
    macros = network(64, 2)
    program = build(macros, 8, 16)
    cache = sum(memory.bits for memory in memories_of(program) if memory.name in ("keys", "values"))
    planes = program.sizes.key_planes + program.sizes.value_planes
    assert cache == 2 * 64 * 32 * 4 * planes


def test_a_memory_takes_the_cheaper_cells() -> None:
    assert EngineMemory("deep", 36, 512, is_written=True).cells(ECP5) == Cells(bram=1)
    assert EngineMemory("narrow", 1, 16384).cells(ECP5) == Cells(bram=1)
    assert EngineMemory("flat", 1024, 14).cells(ECP5) == Cells(lut=1024)
    assert EngineMemory("flat", 1024, 14, is_written=True).cells(TARGETS["ice40"]).lut == 0
