"""The size of an engine: rows and products per row for a number of products, or for what a device has.

pe, simd = for_products(network, 256)
pe, simd = for_device(network, TARGETS["ecp5"], Cells(lut=83640, ff=83640, bram=208, dsp=156), estimate)

`estimate` says what the units of an engine take: `hls.engine.area` by the cost model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from accel.engine import timing
from accel.engine.isa import EngineProgram, Epilogue
from accel.engine.macros import MacroGraph
from accel.engine.program import build, require_sizes
from accel.errors import UserError
from accel.logic.tally import Tally
from accel.target import DEFAULT, Cells, Target

MOST = 1024
"""Products that are tried."""
SHAPES = 2
"""Sizes of as many products that are compared: those with the most rows, whose vectors take the fewest cycles."""
CACHE = "cache"
"""The name of the unit that holds keys and values."""
UnitEstimate = Callable[[EngineProgram], Mapping[str, Cells]]
"""Cells of the units of an engine, by their names."""
PACKED = 2
"""Products that a hard multiplier makes."""
SPARE = 8
"""Hard multipliers that the array leaves to others: roots, and means."""
FILL = 0.85
"""The share of a device's hard multipliers that are taken. The last ones lie far from what they multiply."""


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
    return _fastest(made)[1]


def for_device(network: MacroGraph, target: Target, device: Cells, estimate: UnitEstimate) -> tuple[int, int]:
    """The fastest size that a device has room for. Raises UserError, saying what to change.

    Larger arrays come first. Where they take no fewer cycles than a smaller one, the smaller one is chosen.
    """
    sizes = suited(network)
    if not sizes:
        raise UserError(f"no engine suits {network.graph.name!r}: its sizes have no powers of two in common")
    best: tuple[int, tuple[int, int]] | None = None
    tried: list[EngineProgram] = []
    for products in sorted({pe * simd for pe, simd in sizes}, reverse=True):
        made = list(_built(network, [size for size in sizes if size[0] * size[1] == products]))
        tried += made
        fitting = [program for program in made if _fits(estimate(program), target, device)]
        found = _fastest(fitting) if fitting else None
        if best and (not found or found[0] > best[0]):
            break
        best = found or best
    if best is None:
        raise _too_small(min(tried, key=lambda program: _all(estimate(program)).bram), target, device, estimate)
    return best[1]


def _fits(units: Mapping[str, Cells], target: Target, device: Cells) -> bool:
    """Can these be placed and routed?"""
    room = Cells(int(target.fill * device.lut), int(target.fill * device.ff), device.bram, device.dsp)
    return _all(units).placed(target.name).fits_in(room)


def _all(units: Mapping[str, Cells]) -> Cells:
    return sum(units.values(), Cells())


def hard_products(program: EngineProgram, dsp: int | None) -> int:
    """Hard multipliers of the array, one for the products of two rows; all others are made of look-up tables.

    `dsp` is how many a device has, None: enough.
    """
    pairs = -(-program.sizes.pe // PACKED) * program.sizes.simd
    return pairs if dsp is None else max(0, min(pairs, int(FILL * dsp) - SPARE - _beside(program)))


def _beside(program: EngineProgram) -> int:
    """Hard multipliers of all rows beside the array: roundings, squares, gains, rotary positions and gates.

    A rounding takes as many as on the family with the narrowest ones.
    """
    turns = any(each.turned for each in program.instructions)
    gates = any(each.epilogue is Epilogue.GATE for each in program.instructions)
    gains, factors = "gains" in program.tables, program.tape.factors is not None
    rounding = Tally(DEFAULT)
    rounding.wide_product(program.sizes.sum_bits, program.sizes.multiplier_bits)
    return program.sizes.pe * (rounding.dsp + 1 + 2 * turns + 2 * gates + gains + factors)


def _built(network: MacroGraph, sizes: list[tuple[int, int]]) -> Iterator[EngineProgram]:
    return (build(network, *size) for size in sizes[:SHAPES])


def _fastest(programs: list[EngineProgram]) -> tuple[int, tuple[int, int]]:
    """The fewest cycles of a token in the middle of the context, and the size that takes them; the first of equals."""
    middle = programs[0].sizes.context // 2
    each = [(timing.cycles(timing.gaps(program), middle), program.sizes) for program in programs]
    cycles, sizes = min(each, key=lambda found: found[0])
    return cycles, (sizes.pe, sizes.simd)


def _too_small(program: EngineProgram, target: Target, device: Cells, estimate: UnitEstimate) -> UserError:
    """Why the smallest engine of a network does not fit, and what to change."""
    why = f"an engine for {program.network.graph.name!r} does not fit"
    sizes, units = program.sizes, estimate(program)
    needs, cache = _all(units).placed(target.name), units[CACHE].bram
    if needs.bram <= device.bram:
        what = f"{needs.lut} look-up tables, {needs.ff} flip-flops and {needs.dsp} multipliers"
        return UserError(f"{why}: {sizes.pe} x {sizes.simd} products take {what}: take a larger board")
    what, other = f"it needs {needs.bram} block RAMs of {device.bram}", needs.bram - cache
    if other >= device.bram:
        return UserError(f"{why}: {what}, {other} without keys and values: fewer bits per weight, or a larger board")
    fits = sizes.context * (device.bram - other) // cache
    return UserError(
        f"{why}: {what}; {cache} are for keys and values of {sizes.context} tokens: lower it with a context of about "
        f"{fits}, or take a larger board"
    )
