"""Features of what works on whole rows: softmax, norm, and their divisions and square roots."""

from __future__ import annotations

from accel.cost.part import Part
from accel.cost.streams import digits, low_zeros, read_by_round, round_
from accel.cost.tally import Tally, index_bits


def _sum(t: Tally, bits: int, terms: int) -> None:
    """Numbers added in one cycle: synthesis makes carry-save adders of a chain, and one adder."""
    t.add(bits, terms > 1, "sums")
    t.logic("saved", bits * max(0, terms - 2))
    t.logic("saved_deep", bits * max(0, terms - 4))


def _mask(t: Tally, p: dict[str, int]) -> None:
    """`accel_softmax_mask`."""
    t.counter(p["BEATS"])
    if p["CAUSAL"]:
        row = p["BEATS"] * p["LANES"]
        t.counter(p["HEADS"])
        t.counter(row + 1)
        t.add(row.bit_length(), p["LANES"], "visible")


def softmax_max(t: Tally, part: Part) -> None:
    p = part.params
    _mask(t, p)
    left, levels = p["LANES"], 0
    while left > 1 or not levels:
        left, levels = -(-left // 4), levels + 1
        t.registers(left * p["XW"])
    t.delay(4, levels)
    t.registers(p["XW"] + 2)
    t.add(p["XW"], p["LANES"], "compared")
    t.logic("chosen", p["XW"] * p["LANES"])


def softmax_exp(t: Tally, part: Part) -> None:
    p = part.params
    _mask(t, p)
    lanes, x, address = p["LANES"], p["XW"], max(1, index_bits(p["DEPTH"]))
    distance = max(x, address) + 1
    t.registers(5 + 2)
    t.delay(3, 4)
    t.add(distance, lanes, "distances")
    t.add(distance, lanes, "compared")
    t.registers(lanes * (min(distance, x + 1) + address))
    if p["CAUSAL"]:
        t.delay(lanes, 4)
    t.logic("clipped", lanes * address)
    for _ in range(lanes):
        t.rom(part.roms["ROM_FILE"], bool(p["BLOCK"]))
    t.logic("seen", lanes * p["EW"] * p["CAUSAL"])
    _sum(t, min(p["EW"] + index_bits(lanes), p["SW"]), lanes)
    t.add(p["SW"], 1, "total")
    t.registers(2 * p["SW"])


def softmax_scale(t: Tally, part: Part) -> None:
    p = part.params
    lanes, product, count = p["LANES"], p["EW"] + p["FW"], p.get("DIGITS", 0)
    rounding = p | {"MODE": 1, "LO": 0}
    t.counter(p["BEATS"])
    t.registers(3)
    t.delay(1, 5 if count else 3)
    if count:
        t.add(2 * count, 1, "fields")
        t.registers(2 * count + lanes * p["EW"])
        digits(t, lanes, p["EW"] + 1, count, product)
    else:
        t.multiply(p["EW"], p["FW"], lanes, signed=False)
        t.registers(lanes * read_by_round(product, rounding), "products")
    round_(t, lanes, product + 1, p["YW"], rounding, signed=False)


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


def norm_stats(t: Tally, part: Part) -> None:
    p = part.params
    lanes, x, total, variance = p["LANES"], p["XW"] + (not p["X_SIGNED"]), p["TW"], p["VW"]
    levels, count, tables = index_bits(lanes), p["BEATS"] * lanes, p.get("XDIGITS", 0)
    latency = 9 if tables else 5
    t.counter(p["BEATS"])
    t.registers(5 + 2)
    t.delay(3, latency)
    if tables:
        t.add(2 * tables, lanes, "fields")
        t.registers(lanes * (2 * tables + 3 * x), "operands")
        digits(t, lanes, x, tables, 2 * x)
    else:
        hard = t.multiply(x, x, lanes)
        t.registers(lanes * 2 * x, "hard" if hard else "products")
        t.registers(lanes * x, "operands")
    for bits in (x, 2 * x):
        _sum(t, min(bits + levels, variance), lanes)
        t.registers(bits + levels)
    t.add(total, 1, "totals")
    t.add(variance, 1, "totals")
    t.registers(variance + 4 * total)
    if tables:
        _products_of_sums(t, p, total, variance, count)
    else:
        if low_zeros(count) == 0:
            t.multiply(variance, count.bit_length() + 1)
        if p["LAYER"]:
            t.multiply(total, total)
    if p["LAYER"]:
        t.add(variance, 1, "fused")
        t.registers(3 * variance, "products" if tables else "hard")
        t.registers(variance)
    else:
        t.registers(3 * (variance - low_zeros(count)))
    if p["OFFSET"]:
        t.add(variance, 1, "offset")


def _products_of_sums(t: Tally, p: dict[str, int], total: int, variance: int, count: int) -> None:
    """Once per token: the sum of squares times their number, and the square of the sum."""
    t.registers(2 * (variance + total), "operands")
    t.add(variance, count.bit_count() - 1, "scaled")
    if p["LAYER"]:
        t.add(2 * p["TDIGITS"], 1, "fields")
        t.registers(2 * p["TDIGITS"], "operands")
        digits(t, 1, total, p["TDIGITS"], variance)


def norm_scale(t: Tally, part: Part) -> None:
    p = part.params
    lanes, affine, tables = p["LANES"], p.get("AFFINE", 0), p.get("DIGITS", 0)
    latency = 8 + (tables > 0) if affine else 6
    zeros = 0 if p["LAYER"] else low_zeros(p["BEATS"] * lanes)  # u is x · 2^zeros then
    t.counter(p["BEATS"])
    t.registers(latency)
    t.delay(1, latency)
    (_normalized_in_tables if tables else _normalized)(t, p, zeros)
    rounding = p | {"MODE": 1}
    if affine:
        t.registers((p["PW"] - zeros) * lanes)
        if tables:
            digits(t, lanes, p["PW"], p["GW"] // 2, p["AW"])
        else:
            t.multiply(p["PW"], p["GW"], lanes)
        t.add(p["AW"], lanes, "beta")
        for name in ("GAMMA_FILE", "BETA_FILE"):
            t.table(part.roms[name])
            t.registers(part.roms[name].columns)
        t.registers(lanes * (2 * p["AW"] + p["BW"]), "affine")
        t.registers(3 * index_bits(p["BEATS"]))
    else:
        t.registers((p["PW"] - max(p["SHIFT"] - 1, zeros)) * lanes)
    round_(t, lanes, p["AW"], p["YW"], rounding)


def _normalized(t: Tally, p: dict[str, int], zeros: int) -> None:
    """u · R in hard multipliers, in two halves of R."""
    lanes, x, count = p["LANES"], p["XW"] + (not p["X_SIGNED"]), p["BEATS"] * p["LANES"]
    t.registers(2 * p["RW"], "operands")
    scaled = low_zeros(count) == 0
    if scaled:
        t.multiply(x, count.bit_length() + 1, lanes)
    if p["LAYER"]:
        t.add(p["UW"], lanes, "fused" if scaled else "centred")
    u = p["UW"] - zeros
    t.registers(2 * u * lanes, "operands")
    low = min(p["RW"], 17)
    high = p["RW"] - low
    for factor, used in ((low, p["PW"] - zeros), (high, p["PW"] - low - zeros)):
        if factor:
            hard = t.multiply(u, factor + 1, lanes, used)
            t.registers(min(u + factor + 1, used) * lanes, "hard" if hard else "products")
    if high:
        t.add(p["PW"] - low - zeros, lanes, "halves")


def _normalized_in_tables(t: Tally, p: dict[str, int], zeros: int) -> None:
    """u · R with the digits of R, which are made once for all lanes."""
    lanes, count = p["LANES"], p["BEATS"] * p["LANES"]
    u = p["UW"] - zeros
    t.registers(p["RW"] + 2 * p["DIGITS"] + p["TW"] * p["LAYER"], "operands")
    t.add(2 * p["DIGITS"], 1, "fields")
    t.add(u, lanes * (count.bit_count() - 1), "scaled")
    if p["LAYER"]:
        t.add(u, lanes, "centred")
    t.registers(2 * u * lanes, "operands")
    digits(t, lanes, u, p["DIGITS"], p["PW"] - zeros)
