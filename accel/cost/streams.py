"""Features of what moves and rescales streams: buffers, adapters, element-wise operators."""

from __future__ import annotations

from accel.cost.arrays import unrolled
from accel.cost.part import Contents, Part
from accel.cost.tally import Tally, block_rams, index_bits


def fifo(t: Tally, part: Part) -> None:
    width, depth, block = (part.params[key] for key in ("WIDTH", "DEPTH", "BLOCK"))
    address, taken = max(1, index_bits(depth)), depth.bit_length()
    t.registers(taken + 2 * (address + 1) + 2)
    t.logic("address", 4 * address)
    t.add(taken, kind="address")
    if block:
        t.bram += block_rams(width, 1 << address, t.target)
    else:
        t.lut_ram(width, 1 << address)
        t.registers(width)


def pass_(t: Tally, part: Part) -> None:
    t.registers(part.params["WIDTH"] + 2)


def gather(t: Tally, part: Part) -> None:
    width, ratio = part.params["WIDTH"], part.params["RATIO"]
    t.registers(width * ratio + 2)
    t.counter(ratio)


def scatter(t: Tally, part: Part) -> None:
    width, ratio = part.params["WIDTH"], part.params["RATIO"]
    t.registers(width + 2)
    t.counter(ratio)
    t.select(ratio, width)


def add(t: Tally, part: Part) -> None:
    p = part.params
    lanes, bits = p["LANES"], p["YW"] - max(low_zeros(p["P"]), low_zeros(p["Q"]))
    factors = ((p["P"], p["AW"] + (not p["A_SIGNED"])), (p["Q"], p["BW"] + (not p["B_SIGNED"])))
    if p["TABLES"]:
        t.delay(2, 3)
        for factor, width in factors:
            constant(t, lanes, width, factor, p["YW"])
        t.add(bits, lanes)
        t.registers(lanes * p["YW"])
        return
    t.registers(2)
    fused = sum(_times(t, width, factor, lanes) for factor, width in factors) == len(factors)
    t.add(bits, lanes, "fused" if fused else "adders")
    t.registers(lanes * p["YW"], "fused" if fused else "registers")


def low_zeros(factor: int) -> int:
    """Bits of a sum that a factor 2^k leaves alone."""
    return factor.bit_length() - 1 if factor & (factor - 1) == 0 else 0


def _times(t: Tally, width: int, factor: int, lanes: int) -> bool:
    """Multiplication by a constant: a shift, or a product (True). A DSP48 takes in an adder of products."""
    product = factor & (factor - 1) != 0
    if product:
        t.multiply(width, factor.bit_length() + 1, lanes)
    return product


def mul(t: Tally, part: Part) -> None:
    p = part.params
    lanes, a, b = p["LANES"], p["AW"], p["BW"]
    if p["DIGITS"]:
        t.delay(2, 3)
        t.registers(lanes * (a + 2 * p["DIGITS"]), "operands")
        t.add(2 * p["DIGITS"], lanes, "fields")
        digits(t, lanes, a + (not p["A_SIGNED"]), p["DIGITS"], p["YW"])
        return
    t.registers(4)
    hard = t.multiply(a + (not p["A_SIGNED"]), b + (not p["B_SIGNED"]), lanes, p["YW"])
    t.registers(lanes * (a + b), "hard" if hard else "operands")
    t.registers(lanes * p["YW"], "hard" if hard else "products")


def pool(t: Tally, part: Part) -> None:
    p = part.params
    t.registers(p["LANES"] * p["YW"] + 2)
    t.counter(p["TOKENS"])
    t.counter(p["GROUPS"])
    t.lut_ram(p["LANES"] * p["YW"], p["GROUPS"])
    t.add(p["YW"], p["LANES"])
    t.logic("held", p["LANES"] * p["YW"])


def round_(t: Tally, lanes: int, width: int, out: int, p: dict[str, int], signed: bool = True) -> None:
    """`accel_round`: rounding and clipping of `width` bits; p has SHIFT, MODE, LO, and HI where it may be any number.

    Comparisons of numbers that are never negative with a power of two take no adders.
    """
    shift, mode = p["SHIFT"], p["MODE"]
    up = shift > 0 and mode != 3
    kept = max(width - shift, 1) + up
    t.registers(lanes * (kept + out))
    if up:
        t.add(kept, lanes, "rounded")
        t.logic("sticky" if signed else "tied", lanes * (shift if mode != 1 else 0) / t.target.lut_inputs)
    bounds = p.get("HI", 0) + 1, -p["LO"]
    uneven = any(bound > 0 and bound & (bound - 1) for bound in bounds)
    if kept > out + (p["LO"] >= 0) or uneven:
        t.add(kept + 1, lanes * (signed + uneven), "compared")
        t.logic("clipped", lanes * out)
    elif p["LO"] >= 0:
        t.logic("positive", lanes)


def read_by_round(width: int, p: dict[str, int]) -> int:
    """How many of `width` bits `accel_round` reads: those under the half only to see ties or a rest."""
    return width - max(0, p["SHIFT"] - 1) if p["MODE"] == 1 else width - p["SHIFT"] if p["MODE"] == 3 else width


def rescale(t: Tally, part: Part) -> None:
    p = part.params
    t.registers(2)
    t.delay(1, 2)
    round_(t, p["LANES"], p["XW"], p["YW"], p, bool(p["X_SIGNED"]))


def times(t: Tally, part: Part) -> None:
    """`accel_times`: hard multipliers with registers on both sides, or a generated adder graph."""
    p = part.params
    if "ADDERS" in p:
        unrolled(t, part)
        return
    t.delay(2, 3)
    if p["TABLES"]:
        t.registers(p["LANES"] * p["XW"])
        constant(t, p["LANES"], p["XW"] + (not p["X_SIGNED"]), p["MULTIPLIER"], p["YW"])
        return
    kind = _hard(t, p["XW"] + (not p["X_SIGNED"]), p["MW"] + 1, p["LANES"])
    t.registers(2 * p["LANES"] * p["XW"], kind)
    t.registers(p["LANES"] * p["YW"], kind)


def times_table(t: Tally, part: Part) -> None:
    """`accel_times_table`: the constants' memory, and products in hard multipliers or digit by digit."""
    p = part.params
    lanes, x = p["LANES"], p["XW"] + (not p["X_SIGNED"])
    t.delay(2, 4)
    t.counter(p["GROUPS"])
    t.rom(part.roms["MULTIPLIER_FILE"], bool(p["BLOCK"]))
    if p["DIGITS"]:
        t.registers(2 * lanes * p["XW"], "operands")
        digits(t, lanes, x, p["DIGITS"], p["YW"])
        return
    kind = _hard(t, x, p["MW"] + 1, lanes)
    t.registers(lanes * (3 * x + p["MW"] + p["YW"]), kind)


def _hard(t: Tally, a: int, b: int, lanes: int) -> str:
    """Products, and the kind of the registers around them: a DSP48 has its own, as long as it makes a product alone."""
    before = t.dsp
    t.multiply(a, b, lanes)
    return "hard" if t.dsp - before == lanes else "products"


def digits(t: Tally, lanes: int, x: int, count: int, out: int) -> None:
    """`accel_digits`: a multiple of x per digit, sums of four, and theirs."""
    count = min(count, -(-out // 2))
    t.logic("digits", lanes * count * (x + 2))
    for first in range(0, count, 4):
        some = min(4, count - first)
        width = min(x + 2 * some, out - 2 * first)
        for k in range(1, some):
            t.add(width - 2 * k + 1, lanes, "digit_sums")
        t.registers(lanes * (width + 1), "digit_sums")
        t.add(out - 2 * first, lanes, "sums")
    t.registers(lanes * out, "sums")


def constant(t: Tally, lanes: int, x: int, factor: int, out: int) -> None:
    """`accel_constant`: the signed powers of two of a factor, its lower half and its upper half summed side by side."""
    terms = (3 * factor ^ factor) >> 1
    places = factor.bit_length() + 1
    half = (places + 1) // 2
    ends = [
        (low, min(x + high, out)) for low, high in ((0, half), (half, places)) if terms >> low & (1 << high - low) - 1
    ]
    for low, width in ends:
        used = [at for at in range(low, half if low == 0 else places) if terms >> at & 1]
        negative = (factor >> used[0] + 1) & 1  # the lowest power of two is subtracted from nothing
        for at in used[1 - negative :]:
            t.add(width - at, lanes, "constants")
        t.registers(lanes * (width - used[0]), "constants")
    if len(ends) == 2:
        t.add(out - half, lanes, "constants")
    t.registers(lanes * out, "constants")


def lookup(t: Tally, part: Part) -> None:
    p = part.params
    lanes, table, block = p["LANES"], part.roms["TABLE_FILE"], bool(p["BLOCK"])
    address = max(1, index_bits(p["DEPTH"]))
    t.registers(3 + lanes * address)
    t.delay(1, 3)
    t.logic("base", lanes * (p["BASE"] != 0))
    _copies(t, table, block, lanes)


def _copies(t: Tally, table: Contents, block: bool, lanes: int) -> None:
    """One `accel_rom` per lane with the same contents."""
    for _ in range(lanes):
        t.rom(table, block)


def position(t: Tally, part: Part) -> None:
    """A DSP48 contains the product, the sum, and the registers in front of them."""
    p = part.params
    lanes, x, table = p["LANES"], p["XW"] + (not p["X_SIGNED"]), part.roms["TABLE_FILE"]
    t.counter(p["BEATS"])
    t.registers(3)
    t.delay(1, 3)
    if p["TABLES"]:
        constant(t, lanes, x, p["MULTIPLIER"], p["YW"])
    hard = not p["TABLES"] and _times(t, x, p["MULTIPLIER"], lanes)
    _constants(t, table, bool(p["BLOCK"]), "hard" if hard else "registers")
    t.registers(0 if p["TABLES"] else 2 * lanes * p["XW"], "hard" if hard else "operands")
    t.add(p["YW"] - low_zeros(p["MULTIPLIER"]), lanes, "fused" if hard else "adders")
    t.registers(lanes * p["YW"], "fused" if hard else "registers")


def _constants(t: Tally, table: Contents, block: bool, kind: str) -> None:
    """`accel_rom` in front of products, which may contain the register behind the memory."""
    if block:
        t.bram += block_rams(table.width, table.depth, t.target)
        t.registers(table.width, kind)
        return
    t.table(table)
    t.registers(table.columns)
    t.registers(table.columns, kind)


def rotary(t: Tally, part: Part) -> None:
    """A DSP48 contains the registers in front of its product: of x, and the one behind the memory."""
    p = part.params
    lanes, products = p["LANES"], p["LANES"] * (1 + p["TURNS"])
    t.counter(p["WORDS"])
    t.counter(p["HEADS"])
    t.counter(p["WORDS"] * p["TOKENS"])
    t.delay(2, 3 + p["TURNS"] + (p["DIGITS"] > 0))
    x, table = p["XW"] + (not p["X_SIGNED"]), part.roms["TABLE_FILE"]
    hard = not p["DIGITS"] and t.multiply(x, p["TW"], products, p["YW"])
    operands = "hard" if hard else "operands"
    _constants(t, table, bool(p["BLOCK"]), operands)
    t.registers(2 * lanes * p["XW"], operands)
    if p["DIGITS"]:
        digits(t, products, x, p["DIGITS"], p["YW"])
    else:
        t.registers(products * p["YW"], "hard" if hard else "products")
    if p["TURNS"]:
        t.add(p["YW"], lanes, "fused")
        t.registers(lanes * p["YW"], "fused")


def window(t: Tally, part: Part) -> None:
    p = part.params
    lanes = p["LANES"]
    t.counter(p["STEPS"] + 1)
    t.counter(p["GROUPS"])
    for edge, free in (("READ", 0), ("READ_END", p["STEPS"]), ("GIVE", 0), ("GIVE_END", p["STEPS"])):
        t.add(index_bits(p["STEPS"] + 1), p[edge] != free, "compared")
    if p["CONSTANTS"]:
        t.counter(p["CONSTANTS"])
        t.rom(part.roms["FILL_FILE"], bool(p["BLOCK"]))
        t.registers(5 + lanes * (2 * p["XW"] + p["YW"]))
        t.delay(1, 3)
        t.logic("chosen", lanes * p["YW"])
    else:
        t.registers(2 + lanes * p["YW"])


def embedding(t: Tally, part: Part) -> None:
    p = part.params
    groups, address = p["GROUPS"], max(1, index_bits(p["ROWS"] * p["GROUPS"]))
    t.counter(groups)
    t.registers(3 + address)
    t.delay(1, 3)
    if low_zeros(groups) == 0 and groups > 1:
        t.add(address, groups.bit_count(), "address")
    t.logic("base", address * (p["BASE"] != 0))
    t.rom(part.roms["TABLE_FILE"], bool(p["BLOCK"]))
