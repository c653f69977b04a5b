"""Features of the multiply-accumulate array that Dense and MatMul share."""

from __future__ import annotations

from accel.logic.tally import Tally, index_bits


def tree(t: Tally, terms: int, levels: int, width: int, out: int, times: int = 1, kind: str = "tree") -> None:
    """`accel_tree`, `times` of it."""
    for _ in range(levels):
        half, width = (terms + 1) // 2, min(width + 1, out)
        t.add(width, times * (terms // 2), kind)
        t.registers(times * half * width, kind)
        terms = half


def mac(t: Tally, p: dict[str, int], weight: int, signed: bool) -> None:
    """`accel_mac` with weights of `weight` bits; p are the parameters of the unit around it."""
    pe, simd, a, out, lanes = p["PE"], p["SIMD"], p["AW"], p["OW"], p["LANES"]
    levels = index_bits(simd)
    total = min(a + weight + 2 + levels, out)
    stages = 4 + levels
    t.registers(stages + 2)
    t.delay(3, stages)
    x = a + (not p["A_SIGNED"])
    coded = bool(p.get("CODED"))
    if lanes:
        _hard(t, p, weight, signed, x, total)
    else:
        product = _coded(t, pe * simd, x, weight) if coded else _tables(t, pe * simd, x, weight, signed)
        tree(t, simd, levels, product, total, pe)
        t.registers(pe * max(0, simd - 1), "carries")
    fields = (weight + 1) // 2 - signed
    if not coded and (fields if lanes == 0 else lanes > 1 and signed):
        tree(t, simd, levels, a, min(a + 1 + levels, total), kind="correction")
        t.add(total, fields if lanes == 0 else 1, "correction")
        t.registers(total)
    alone = pe if lanes == 1 or coded else lanes > 0 and pe % lanes == 1  # rows without correction and borrow
    t.add(total, pe - alone, "totals")
    t.add(out, pe, "accumulators")
    t.registers(pe * (total + out + coded))
    t.logic("first", pe * out)


def _tables(t: Tally, products: int, x: int, weight: int, signed: bool) -> int:
    """`accel_dot_lut`: digits of the weights times a, and their sums; gives the width of a product."""
    digits = (weight + 1) // 2
    width = x + 2 * digits + (not signed)
    t.logic("digits", products * digits * (x + 1))
    _digit_sums(t, products, digits, width)
    return width


def _coded(t: Tally, products: int, x: int, weight: int) -> int:
    """The same for CODED weights, whose highest digit may have three bits: beyond one look-up table of four inputs."""
    digits, alone = max(1, weight // 2), weight <= 2
    width = x if alone else x + 2 * digits
    large = weight % 2 and not alone and t.target.lut_inputs == 4
    t.logic("digits", products * (digits + large) * (x + (not alone)))
    _digit_sums(t, products, digits, width)
    return width


def _digit_sums(t: Tally, products: int, digits: int, width: int) -> None:
    for k in range(1, digits):
        t.add(width - 2 * k + 1, products, "digit_sums")
    t.registers(products * (width + 1), "products")


def _hard(t: Tally, p: dict[str, int], weight: int, signed: bool, x: int, total: int) -> None:
    """`accel_dot_dsp`, for every group of rows; the last one may be smaller."""
    simd, lanes, spacing = p["SIMD"], p["LANES"], p["SPACING"]
    levels = index_bits(simd)
    for groups, rows in ((p["PE"] // lanes, lanes), (1, p["PE"] % lanes)):
        if not groups * rows:
            continue
        wide = (rows - 1) * spacing + weight + (not signed)
        hard = t.multiply(wide, x, simd * groups)
        t.registers(simd * (wide + x) * groups, "hard" if hard else "products")
        room = spacing - p["AW"] - weight
        shared = rows > 1 and room < 0
        packed = levels if rows == 1 or room > levels else max(0, room)
        parts = -(-simd // (1 << packed))
        joint = min(hard, packed)  # a DSP48 takes in the first adder
        tree(t, simd, joint, wide + x, wide + x + 1, groups, "fused")
        tree(t, (simd + joint) // (1 + joint), packed - joint, wide + x + joint, wide + x + packed, groups, "packed")
        if shared:
            t.logic("shared", (rows - 1) * simd * groups)
            t.registers((rows - 1) * simd * groups, "shared")
        for count, field in ((rows - 1, spacing + shared), (1, wide + x + packed - (rows - 1) * spacing)):
            if count:
                tree(t, parts, levels - packed, field, total, count * groups, "apart")
        t.registers((rows - 1) * groups * max(0, parts - 1), "carries")


def replay(t: Tally, width: int, beats: int, passes: int) -> None:
    """`accel_replay`: counters, and the beats of a row in look-up tables."""
    t.counter(beats)
    t.counter(passes)
    t.registers(2 * width, "operands")
    if passes > 1:
        t.lut_ram(width, beats)
        t.logic("taken", width)
