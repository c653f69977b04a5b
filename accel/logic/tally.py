"""Amounts of logic in a module, counted from its parameters: the features that the coefficients multiply.

Block RAMs and hard multipliers follow from geometry and are counted exactly; look-up tables, registers and carry
cells are amounts of a few kinds of logic per module, whose price in cells is fitted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from accel.logic.part import Contents, Part
from accel.target import Target

_LEAST_PRODUCT = {"xilinx7": 9, "ultrascale+": 9, "ice40": 11}
"""Bits of a product below which synthesis uses no hard multiplier."""
_REGISTERED = 64
"""Bits up to which synthesis makes registers of a memory where look-up tables hold none."""

Amounts = defaultdict[str, float]
"""Kind of logic → how much of it."""


def index_bits(count: int) -> int:
    """Bits of a counter from 0 to count − 1."""
    return max(count - 1, 0).bit_length()


class Tally:
    """Amounts of logic by kind in `lut`, `ff` and `carry`, numbers of cells in `dsp` and `bram`."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.lut: Amounts = defaultdict(float, one=1)
        self.ff: Amounts = defaultdict(float)
        self.carry: Amounts = defaultdict(float)
        self.dsp = 0
        self.bram = 0

    def registers(self, bits: int, kind: str = "registers") -> None:
        self.ff[kind] += bits

    def delay(self, bits: int, cycles: int) -> None:
        """A chain of registers that nobody reads in the middle: it may become a shift register in look-up tables."""
        self.ff["delays" if cycles > 2 else "registers"] += bits * cycles
        self.lut["delays"] += bits * (cycles > 2)

    def logic(self, kind: str, amount: float) -> None:
        self.lut[kind] += amount

    def add(self, bits: int, times: int = 1, kind: str = "adders") -> None:
        """`times` adders, subtracters or comparisons; short ones without carry cells."""
        per_cell = 2 if self.target.lut_inputs == 4 else 4
        if bits > (4 if self.target.lut_inputs == 4 else 2):
            self.lut[kind] += bits * times
            self.carry[kind] += -(-bits // per_cell) * times
        else:
            self.lut["short"] += bits * times

    def counter(self, count: int, times: int = 1) -> None:
        """Counters from 0 to count − 1 and round again."""
        bits = index_bits(count)
        self.ff["registers"] += bits * times
        self.add(bits, times, "counters")
        self.lut["counters"] += bits * times

    def multiply(self, a: int, b: int, times: int = 1, out: int | None = None, signed: bool = True) -> bool:
        """Products of operands of a and b bits, in hard multipliers (True) if they are wide enough.

        Only the lowest `out` bits of a product are used. Unsigned operands need a bit more where hard multipliers are
        signed only.
        """
        if not signed and self.target.dsp and self.target.dsp[0] > self.target.dsp[1]:
            a, b = a + 1, b + 1
        out = min(a + b, out or a + b)
        if min(a, b) < 2 or out < _LEAST_PRODUCT.get(self.target.name, 0) or self.target.dsp is None:
            self.lut["products"] += min(a, out) * min(b, out) * times
            self.add(out, times)
            return False
        pieces = _multipliers(max(a, b), min(a, b), out, self.target)
        self.dsp += times * pieces
        self.add(
            max(1, out - min(self.target.dsp)), times * (pieces - 1), "pieces"
        )  # the lowest piece passes its bits on
        return True

    def wide_product(self, x: int, m: int, times: int = 1) -> bool:
        """accel_engine_wide_product, in hard multipliers (True) or not: a bit or two beyond 18 are a multiple of m."""
        if not (18 < x <= 20 and m < 18):
            return self.multiply(x, m + 1, times)
        self.add(x + m + 1 - 18, times, "products")
        self.logic("multiples", times * (x + m + 1 - 18))
        self.registers(times * (x + m + 2 - 18), "multiples")
        return self.multiply(18, m + 1, times)

    def select(self, ways: int, bits: int, kind: str = "choices") -> None:
        """`bits` choices of one out of several."""
        if ways > 1:
            per_table = 1.05 if self.target.lut_inputs == 4 else 2.5
            self.lut[kind] += bits * max(1.0, (ways - 1) / per_table)

    def rom(self, contents: Contents, block: bool, kind: str = "rom") -> None:
        """accel_rom: the memory's register and one behind it."""
        if block:
            self.bram += block_rams(contents.width, contents.depth, self.target)
            self.registers(contents.width)
            return
        self.table(contents, kind)
        self.registers(2 * contents.columns)

    def table(self, contents: Contents, kind: str = "rom") -> None:
        """Constants as look-up tables: a leaf or a choice each, or one for two levels of choices, if that is less."""
        inputs = self.target.lut_inputs
        own, finer = contents.nodes[inputs], contents.nodes[inputs - 2]
        absorbed = 0.3 if inputs == 4 else 1.0  # leaves of two inputs vanish in the choice above
        self.lut[kind] += min(
            own.leaves + 1.2 * own.choices + 0.5 * own.gates,
            absorbed * finer.leaves + 0.6 * finer.choices + 0.4 * finer.gates,
        )

    def deep_memory(self, width: int, depth: int) -> None:
        """A memory of block RAMs; a word is chosen from those that lie behind each other."""
        blocks, deep = _blocks(width, depth, self.target)
        self.bram += blocks
        self.select(deep, width, "ram_choices")
        self.registers(index_bits(deep) if deep > 1 else 0, "ram_choices")

    def lut_ram(self, width: int, depth: int, times: int = 1) -> None:
        """Memories in look-up tables, read without a register."""
        if self.target.ram is None:
            if width * depth > _REGISTERED:
                self.bram += block_rams(width, depth, self.target) * times
            else:
                self.registers(width * depth * times, "ram")
                self.select(depth, width * times, "ram_choices")
            return
        self.lut["ram"] += lut_ram(width, depth, self.target) * times
        if self.target.ram[1]:
            self.ff["ram"] += self.target.ram[1] * -(-width // 4) * -(-depth // 16) * times
        rows = 16 if self.target.lut_inputs == 4 else 64
        self.select(-(-depth // rows), width * times, "ram_choices")


def _multipliers(a: int, b: int, out: int, target: Target) -> int:
    """Hard multipliers of one product of signed operands: those that are too wide are cut as yosys' mul2dsp cuts them.

    Pieces of one bit, and products of fewer bits than `_LEAST_PRODUCT`, are made of look-up tables. A hard multiplier
    with operands of different widths is a signed one, and all pieces but the highest carry a sign bit.
    """
    assert target.dsp is not None
    wide, narrow = target.dsp
    if min(a, b) < 2 or out < _LEAST_PRODUCT.get(target.name, 0):
        return 0
    whole = narrow - (wide > narrow)
    if a > wide:
        cuts = -(-(a - wide) // whole)
        last = a - cuts * whole
        pieces = cuts * _multipliers(narrow, b, min(out, b + narrow), target)
        return pieces + _multipliers(last, b, b + last, target)
    if b > narrow:
        cuts = -(-(b - narrow) // whole)
        last = b - cuts * whole
        pieces = cuts * _multipliers(a, narrow, min(out, a + narrow), target)
        return pieces + _multipliers(a, last, a + last, target)
    return 1


def block_rams(width: int, depth: int, target: Target) -> int:
    """Blocks of `Target.bram_bits` for a memory, in the best of their shapes."""
    return _blocks(width, depth, target)[0]


def _blocks(width: int, depth: int, target: Target) -> tuple[int, int]:
    """Blocks of the best shape, and how many of them lie behind each other."""
    found, data = [], target.bram_width
    rows = target.bram_bits // data
    while data:
        deep = -(-depth // rows)
        found.append((-(-width // data) * deep, deep))
        data, rows = data // 2, rows * 2
    return min(found)


def lut_ram(width: int, depth: int, target: Target) -> int:
    """Look-up tables of a memory with one write and one read port."""
    if target.ram and target.lut_inputs == 4:
        return target.ram[0] * -(-width // 4) * -(-depth // 16)
    if depth <= 32:
        return min(2 * width, 4 * -(-width // 6))
    return min(2 * width, 4 * -(-width // 3)) * -(-depth // 64)


Features = dict[str, Callable[[Tally, Part], None]]
"""Module → what counts the logic that one with certain parameters and memories is made of."""
