"""Features of what the units of a decode engine are made of: memories, sums, roundings, leading bits, comparisons."""

from __future__ import annotations

from accel.logic.part import Contents
from accel.logic.tally import Tally, block_rams, index_bits

FOURS = 4
"""Terms of a sum, and values of a comparison, in a cycle."""


def levels(count: int) -> int:
    """Levels of fours that make one of `count`."""
    return max(1, (index_bits(count) + 1) // 2)


def memory(t: Tally, width: int, depth: int, block: int, times: int = 1) -> None:
    """`accel_engine_memory`: a port to write, and one to read with a register, which a block RAM contains."""
    if block:
        t.bram += block_rams(width, depth, t.target) * times
        return
    t.lut_ram(width, depth, times)
    t.registers(width * times, "read")


def constants(t: Tally, contents: Contents, width: int, depth: int, block: int, times: int = 1) -> None:
    """`accel_engine_word`: a memory of constants, a copy per lane; look-up tables have the register behind them."""
    if block:
        t.bram += block_rams(width, depth, t.target) * times
        return
    t.registers(contents.columns * times, "read")
    for _ in range(times):
        t.table(contents)


def sum_of(t: Tally, width: int, terms: int, times: int, kind: str) -> None:
    """Terms added in a cycle: all but two first become two by carry-save adders."""
    t.add(width, times * (terms > 1), kind)
    t.logic(f"{kind}_saved", width * max(0, terms - 2) * times)


def tree(t: Tally, terms: int, width: int, most: int, times: int, kind: str) -> None:
    """`accel_engine_tree` and `accel_engine_sums`: levels of fours, of sums two bits wider each, with a register."""
    while terms > 1:
        width = min(width + 2, most)
        fours, rest = divmod(terms, FOURS)
        sum_of(t, width, FOURS, times * fours, kind)
        sum_of(t, width, rest, times * (rest > 0), kind)
        terms = fours + (rest > 0)
        t.registers(width * terms * times, kind)


def winner(t: Tally, count: int, width: int, times: int, tag: int = 0) -> None:
    """`accel_engine_first` of up to four values: each is compared with each, then an OR of what wins."""
    t.add(width, times * count * (count - 1) // 2, "compared")
    t.logic("won", times * count * (width + tag))


def largest(t: Tally, count: int, width: int, down_to: int, tag: int = 0) -> None:
    """`accel_engine_largest` and `accel_engine_best`: levels of fours with a register, until `down_to` are left."""
    while count > down_to:
        fours = -(-count // FOURS)
        winner(t, min(count, FOURS), width, fours, tag)
        count = fours
        if count > 1:
            t.registers(count * (width + tag), "winners")


def leading(t: Tally, x: int, mantissa: int, step: int, places: int) -> None:
    """`accel_engine_leading`: one signal per place, and an OR over all places for a bit of the mantissa."""
    t.logic("found", x / 2 + places * max(1.0, places / 8))
    t.logic("shifted", mantissa * places * 0.7)


def shifter(t: Tally, width: int, bits: int, times: int, kind: str = "shifted") -> None:
    """A choice of two per bit and bit of the number of places."""
    t.logic(kind, width * bits * times)


def late(t: Tally, x: int, least: int, most: int, out: int, times: int, limited: int = 2) -> None:
    """`accel_engine_late`: shifted, rounded up, compared with two limits and clipped."""
    quotient = max(x + 1 - least, out + 2)
    shifter(t, quotient, index_bits(most - least + 1), times)
    t.add(quotient, times, "rounded")
    t.add(quotient, limited * times, "limits")
    t.logic("clipped", out * times)


def rescale(t: Tally, p: dict[str, int], name: str, x: int, out: int, times: int) -> None:
    """`accel_engine_rescale`: a constant product, a rounding, and constant limits."""
    factor, shift = p.get(f"{name}_MULTIPLIER", 1), p[f"{name}_SHIFT"]
    bits = max(p[f"{name}_HI"], -1 - p[f"{name}_LO"]).bit_length() + 1
    if factor & (factor - 1):
        t.multiply(x, factor.bit_length() + 1, times)
    rounds = shift > 0 and p[f"{name}_MODE"] != 3
    width = max(2, x + factor.bit_length() - 1 - shift + rounds)
    if rounds:
        t.add(width, times, "rounded")
        t.logic("sticky", shift * times / t.target.lut_inputs)
    if width > bits:
        t.logic("clipped", min(out, bits) * times)
        t.add(width, 2 * times * (width > bits + 1), "limits")


def inverse(t: Tally, divisor: int, quotient: int, steps: int) -> None:
    """`accel_engine_inverse`: some bits of a quotient per cycle."""
    t.registers(divisor + 2 * quotient + -(-quotient // steps))
    t.add(divisor + 1, steps, "subtracted")
    t.logic("chosen", steps * divisor + divisor + quotient)


def isqrt(t: Tally, root: int, steps: int) -> None:
    """`accel_engine_isqrt`: some bits of a root per cycle."""
    cycles = -(-root // steps)
    bits = cycles * steps
    t.registers(4 * bits + cycles)
    t.add(bits + 2, steps, "subtracted")
    t.logic("chosen", steps * bits + 4 * bits)


def division(t: Tally, x: int, floor: int, quotient: int, steps: int) -> None:
    """`accel_divide_pipe`: a remainder, the divisor and a quotient per stage."""
    width = max(x, floor + 1)
    stored = [k for k in range(1, quotient + 1) if k % steps == 0 or k == quotient]
    t.registers(width + sum(2 * width + k for k in stored), "stages")
    t.add(width + 1, quotient, "subtracted")
    t.logic("chosen", quotient * width)
