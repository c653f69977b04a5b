"""Features of Norm's units but division and square root."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally, index_bits
from accel.ops.common.cost import digits, low_zeros, round_, sums


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
        sums(t, min(bits + levels, variance), lanes)
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


def norm_squares(t: Tally, part: Part) -> None:
    p = part.params
    lanes, x, total = p["LANES"], p["XW"] + (not p["X_SIGNED"]), p["VW"]
    t.counter(p["BEATS"])
    t.registers(4 + 1)
    t.delay(3, 4)
    hard = t.multiply(x, x, lanes)
    t.registers(lanes * x, "hard" if hard else "operands")
    t.registers(lanes * 2 * x, "hard" if hard else "products")
    sums(t, min(2 * x + index_bits(lanes), total), lanes)
    t.add(total, 1, "totals")
    t.registers(min(2 * x + index_bits(lanes), total) + 2 * total)
    if p["OFFSET"]:
        t.add(total, 1, "offset")


FEATURES: Features = {
    "accel_norm_squares": norm_squares,
    "accel_norm_stats": norm_stats,
    "accel_norm_scale": norm_scale,
}
