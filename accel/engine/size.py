"""The size of an engine: rows and products per row for a number of products, or for what a device has.

pe, simd = for_products(network, 256)
pe, simd = for_device(network, TARGETS["ecp5"], Cells(lut=83640, ff=83640, bram=208, dsp=156))

Amounts of cells are estimates, of which memories are counted and logic is measured on a few engines (`estimate`).
"""

from __future__ import annotations

from collections.abc import Iterator

from accel.engine import timing
from accel.engine.isa import EngineProgram, Epilogue
from accel.engine.macros import MacroGraph
from accel.engine.memories import memories_of
from accel.engine.program import build, require_sizes
from accel.errors import UserError
from accel.target import Cells, Target

MOST = 1024
"""Products that are tried."""
CACHE = "keys", "values"
SHAPES = 2
"""Sizes of as many products that are compared: those with the most rows, whose vectors take the fewest cycles."""
LUTS, FLIP_FLOPS = (3000, 25, 400), (2500, 30, 200)
"""Of any engine, per product, and per row."""
PACKED, OF_ROW = 2, 3
"""Products that a hard multiplier makes, and multipliers of a row's rounding and of its part of a norm."""
SPARE = 8
"""Hard multipliers that the array leaves to others: roots, and means."""
IN_TABLES = 65
"""Look-up tables that make a product where hard multipliers are missing."""


def suited(network: MacroGraph, most: int = MOST) -> list[tuple[int, int]]:
    """Sizes with at most `most` products that suit a network: the most products first, then the most rows."""
    powers = [1 << n for n in range(most.bit_length())]
    sizes = [(pe, simd) for pe in powers for simd in powers if pe <= simd and pe * simd <= most]
    return sorted(filter(lambda size: _suits(network, *size), sizes), key=lambda size: (-size[0] * size[1], -size[0]))


def _suits(network: MacroGraph, pe: int, simd: int) -> bool:
    try:
        require_sizes(network, pe, simd)
    except UserError:
        return False
    return True


def for_products(network: MacroGraph, products: int) -> tuple[int, int]:
    """The size with this number of products. Raises UserError, with the possible numbers, where none suits."""
    sizes = suited(network, max(products, MOST))
    made = list(_built(network, [size for size in sizes if size[0] * size[1] == products]))
    if not made:
        possible = ", ".join(str(count) for count in sorted({pe * simd for pe, simd in sizes})) or "none"
        raise UserError(f"no engine of {products} products suits {network.graph.name!r}; possible are {possible}")
    return _shape(_fastest(made))


def for_device(network: MacroGraph, target: Target, device: Cells) -> tuple[int, int]:
    """The size that takes the fewest cycles of those that a device has room for.

    Sizes are tried from the most products on, until fewer are no faster: more of them have more latency. Raises
    UserError, saying what to change.
    """
    sizes = suited(network)
    if not sizes:
        raise UserError(f"no engine suits {network.graph.name!r}: its sizes have no powers of two in common")
    tried: list[EngineProgram] = []
    best: EngineProgram | None = None
    for products in sorted({pe * simd for pe, simd in sizes}, reverse=True):
        made = list(_built(network, [size for size in sizes if size[0] * size[1] == products]))
        fitting = [program for program in made if estimate(program, target, device).fits_in(_room(target, device))]
        tried += made
        if not fitting:
            continue
        if best and _cycles(_fastest(fitting)) >= _cycles(best):
            break
        best = _fastest(fitting)
    if best:
        return _shape(best)
    raise _too_small(min(tried, key=lambda program: estimate(program, target, device).bram), target, device)


def hard_products(program: EngineProgram, dsp: int | None) -> int:
    """Hard multipliers of the array, one for the products of two rows; all others are made of look-up tables.

    `dsp` is how many a device has, None: enough.
    """
    pairs = -(-program.sizes.pe // PACKED) * program.sizes.simd
    return pairs if dsp is None else max(0, min(pairs, dsp - SPARE - _beside(program)))


def _beside(program: EngineProgram) -> int:
    """Hard multipliers of all rows beside the array: roundings, norms, rotary positions and gates."""
    turns = any(each.turned for each in program.instructions)
    gates = any(each.epilogue is Epilogue.GATE for each in program.instructions)
    gains, factors = "gains" in program.tables, program.tape.factors is not None
    return program.sizes.pe * (OF_ROW + 2 * turns + 2 * gates + gains + factors)


def _built(network: MacroGraph, sizes: list[tuple[int, int]]) -> Iterator[EngineProgram]:
    return (build(network, *size) for size in sizes[:SHAPES])


def _fastest(programs: list[EngineProgram]) -> EngineProgram:
    """The program that takes the fewest cycles."""
    return min(programs, key=_cycles)


def _cycles(program: EngineProgram) -> int:
    """Cycles of a token in the middle of the context."""
    return timing.cycles(timing.gaps(program), program.sizes.context // 2)


def _shape(program: EngineProgram) -> tuple[int, int]:
    return program.sizes.pe, program.sizes.simd


def _room(target: Target, device: Cells) -> Cells:
    """The cells of a device that can be placed and routed."""
    return Cells(int(target.fill * device.lut), int(target.fill * device.ff), device.bram, device.dsp)


def estimate(program: EngineProgram, target: Target, device: Cells) -> Cells:
    """Cells that an engine takes. Products for which hard multipliers are missing are made of look-up tables.

    Logic is a guess from two engines of microGPT's shape, 8 x 16 and 16 x 16; memories are counted.
    """
    pe, products = program.sizes.pe, program.sizes.pe * program.sizes.simd
    luts, flip_flops = (each + products * per + pe * row for each, per, row in (LUTS, FLIP_FLOPS))
    hard = hard_products(program, device.dsp)
    missing = products - PACKED * hard
    logic = Cells(round(target.tables * (luts + IN_TABLES * missing)), flip_flops, 0, hard + _beside(program))
    return sum((memory.cells(target) for memory in memories_of(program)), logic)


def _too_small(program: EngineProgram, target: Target, device: Cells) -> UserError:
    """Why the smallest engine of a network does not fit, and what to change."""
    why, sizes = f"an engine for {program.network.graph.name!r} does not fit", program.sizes
    memories, needs = memories_of(program), estimate(program, target, device)
    if needs.bram <= device.bram:
        what = f"{sizes.pe} x {sizes.simd} products take {needs.lut} look-up tables and {needs.ff} flip-flops"
        return UserError(f"{why}: {what}, more than can be placed: take a larger board")
    cache = [memory for memory in memories if memory.name in CACHE]
    other = sum(memory.cells(target).bram for memory in memories if memory.name not in CACHE)
    what, kbit = f"it needs {needs.bram} block RAMs of {device.bram}", sum(memory.bits for memory in cache) >> 10
    if other >= device.bram:
        return UserError(f"{why}: {what}, {other} without keys and values: fewer bits per weight, or a larger board")
    fits = sizes.context * (device.bram - other) // sum(memory.blocks(target) for memory in cache)
    keys = f"keys and values of {sizes.context} tokens take {kbit} kbit"
    return UserError(f"{why}: {what}; {keys}: lower it with a context of about {fits}, or take a larger board")
