"""Features of what operators share: roundings, products with constants, divisions and square roots."""

from __future__ import annotations

from accel.logic.part import Contents, Part
from accel.logic.tally import Features, Tally, block_rams


def low_zeros(factor: int) -> int:
    """Bits of a sum that a factor 2^k leaves alone."""
    return factor.bit_length() - 1 if factor & (factor - 1) == 0 else 0


def scaled(t: Tally, width: int, factor: int, lanes: int) -> bool:
    """Multiplication by a constant: a shift, or a product (True). A DSP48 takes in an adder of products."""
    product = factor & (factor - 1) != 0
    if product:
        t.multiply(width, factor.bit_length() + 1, lanes)
    return product


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


def times(t: Tally, part: Part) -> None:
    """`accel_times`: hard multipliers with registers on both sides, or a generated adder graph."""
    p = part.params
    if "ADDERS" in p:
        adders(t, part)
        return
    t.delay(2, 3)
    if p["TABLES"]:
        t.registers(p["LANES"] * p["XW"])
        constant(t, p["LANES"], p["XW"] + (not p["X_SIGNED"]), p["MULTIPLIER"], p["YW"])
        return
    kind = hard_product(t, p["XW"] + (not p["X_SIGNED"]), p["MW"] + 1, p["LANES"])
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
    kind = hard_product(t, x, p["MW"] + 1, lanes)
    t.registers(lanes * (3 * x + p["MW"] + p["YW"]), kind)


def hard_product(t: Tally, a: int, b: int, lanes: int) -> str:
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


def constants(t: Tally, table: Contents, block: bool, kind: str) -> None:
    """`accel_rom` in front of products, which may contain the register behind the memory."""
    if block:
        t.bram += block_rams(table.width, table.depth, t.target)
        t.registers(table.width, kind)
        return
    t.table(table)
    t.registers(table.columns)
    t.registers(table.columns, kind)


def adders(t: Tally, part: Part) -> None:
    """Generated: its facts are counted where it is made."""
    p = part.params
    t.add(p["ADDER_BITS"])
    t.carry["adders"] += p["ADDERS"]
    t.registers(p["REGISTER_BITS"])
    t.registers(p["LATENCY"])
    t.delay(1, p["LATENCY"])


def sums(t: Tally, bits: int, terms: int) -> None:
    """Numbers added in one cycle: synthesis makes carry-save adders of a chain, and one adder."""
    t.add(bits, terms > 1, "sums")
    t.logic("saved", bits * max(0, terms - 2))
    t.logic("saved_deep", bits * max(0, terms - 4))


def divide(t: Tally, part: Part) -> None:
    p = part.params
    remainder = max(p["XW"], p["NUMERATOR"] - p["QBITS"] + 1) + 1
    t.counter(p["QBITS"] + 1)
    t.registers(3 + 2 * remainder + p["QBITS"])
    t.add(remainder, 2, "subtracted")
    t.logic("chosen", 2 * remainder)


def isqrt(t: Tally, part: Part) -> None:
    root = part.params["RBITS"]
    t.counter(root + 1)
    t.registers(3 + 4 * root)
    t.add(root + 2, 2, "subtracted")
    t.logic("chosen", 2 * root)


def divide_pipe(t: Tally, part: Part) -> None:
    p = part.params
    width, steps = max(p["XW"], p["FLOOR"] + 1), p["QBITS"]
    stored = [k for k in range(1, steps + 1) if k % p["STEPS"] == 0 or k == steps]
    t.registers(len(stored) + 1)
    t.delay(1, len(stored) + 1)
    t.registers(width + sum(2 * width + k for k in stored), "stages")
    t.add(width + 1, steps, "subtracted")
    t.logic("chosen", steps * width)


def isqrt_pipe(t: Tally, part: Part) -> None:
    p = part.params
    steps = p["RBITS"]
    stored = [k for k in range(1, steps + 1) if k % p["STEPS"] == 0 or k == steps]
    t.registers(len(stored))
    t.delay(1, len(stored))
    t.registers(sum(2 * k + 1 + 2 * (steps - k) for k in stored), "stages")
    t.add(1, 0)
    for k in range(1, steps + 1):
        t.add(k + 2, 1, "subtracted")
        t.logic("chosen", k + 1)


def leading(t: Tally, part: Part) -> None:
    """`accel_leading`: the highest bit that is set, and a shifter."""
    p = part.params
    t.delay(2, 3)
    t.registers(2 * p["XW"] + 2 * p["EW"] + p["MW"])
    t.logic("found", p["XW"] * p["EW"])
    t.logic("shifted", (p["MW"] + (p["HI"] - p["LO"]) * p["STEP"] / 2) * p["EW"])
    if p["DOWN"]:
        t.add(p["EW"], 1, "places")


def scaled_by_rows(t: Tally, part: Part) -> None:
    """`accel_scaled`: products with a gain and a factor, a shifter, and a rounding per lane."""
    p = part.params
    lanes, gains = p["LANES"], p.get("GAINS", 0)
    first = 3 if gains else 1
    t.counter(p["BEATS"])
    t.delay(2, first + 5)
    t.delay(p["RW"], first)
    t.delay(p["EW"], first + 2)
    x = p["XW"] + (not p["X_SIGNED"])
    if gains:
        t.rom(part.roms["GAMMA_FILE"], False)
        hard = t.multiply(x, p["GW"], lanes, p["UW"])
        t.registers(lanes * (2 * x + p["UW"]), "hard" if hard else "operands")
    else:
        t.registers(lanes * p["UW"], "operands")
    low = min(p["RW"], 17)
    whole = True  # a hard multiplier contains the registers behind it, unless several make a product together
    for factor in filter(None, (low, p["RW"] - low)):
        kind = hard_product(t, p["UW"], factor + 1, lanes)
        whole &= kind == "hard" or factor == 1
        t.registers(lanes * (p["UW"] + factor + 1), kind if factor > 1 else "hard")
    if p["RW"] > low:
        t.add(p["PW"] - low, lanes, "halves")
    t.registers(lanes * p["PW"], "fused" if whole else "sums")
    kept = max(2, p["PW"] - p["SHIFT"] + 2)
    t.logic("shifted", lanes * kept * p["EW"])
    t.registers(lanes * kept)
    round_(t, lanes, kept, p["YW"], p | {"SHIFT": 1, "MODE": 1})


FEATURES: Features = {
    "accel_leading": leading,
    "accel_scaled": scaled_by_rows,
    "accel_times": times,
    "accel_times_table": times_table,
    "accel_divide": divide,
    "accel_divide_pipe": divide_pipe,
    "accel_isqrt": isqrt,
    "accel_isqrt_pipe": isqrt_pipe,
}
