"""The words of the program memory, and what travels through the pipelines beside every beat.

A word holds op, gap, planes - 1, words - 1, rows - 1, source and target, which the sequencer reads, and then what is of
use behind the array. Widths are those that a program needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from accel.engine.delays import Delays, attention_of, delays_of, gain_of, normed_of
from accel.engine.isa import EngineProgram, Epilogue, Instruction, MultiplierSource, Opcode, Sizes
from accel.engine.widths import signed
from accel.errors import UserError

Fields = dict[str, int]
"""Names and widths, the lowest bits first."""


def width(most: int) -> int:
    """Bits of the numbers up to `most`, at least 1."""
    return max(1, most.bit_length())


def _ends(numbers: list[int]) -> tuple[int, int]:
    return min(numbers, default=0), max(numbers, default=0)


@dataclass(frozen=True)
class WordLayout:
    """Everything that the fields of a program's words need to know."""

    program: EngineProgram

    @property
    def sizes(self) -> Sizes:
        return self.program.sizes

    @cached_property
    def delays(self) -> Delays:
        return delays_of(self.program)

    @property
    def ratio(self) -> int:
        """Blocks of a word."""
        return self.sizes.simd // self.sizes.pe

    @property
    def context_words(self) -> int:
        """Words of keys that the context has."""
        return -(-self.sizes.context // self.sizes.simd)

    @property
    def context_blocks(self) -> int:
        """Blocks of keys of these words."""
        return self.context_words * self.ratio

    @property
    def key_words(self) -> int:
        """Words of keys of a position, of one layer."""
        return self.sizes.kv_heads // self.sizes.side * self.sizes.head_words

    @property
    def value_blocks(self) -> int:
        """Blocks of values of a position, of one layer."""
        return self.sizes.kv_heads // self.sizes.banks * self.sizes.head_blocks

    @cached_property
    def places(self) -> tuple[int, int]:
        """The least and the largest shift of the rounding, behind multipliers as they are raised."""
        reach = [place for each in self.program.instructions for place in self._shifts(each)]
        reach += [place for each in self._constants for place in self._raised_shifts(each)]
        return min(reach), max(*reach, 1)

    @cached_property
    def _constants(self) -> list[Instruction]:
        """Instructions that round a constant times what they are given."""
        return [each for each in self.program.instructions if self._is_rounded(each, MultiplierSource.CONSTANT)]

    @staticmethod
    def _is_rounded(i: Instruction, factor: MultiplierSource) -> bool:
        return i.op not in (Opcode.SOFT, Opcode.END) and i.epilogue is not Epilogue.LOGITS and i.factor is factor

    @cached_property
    def _wanted(self) -> int:
        """The least shift that factors of the data need, or the largest one of the constants."""
        others = [place for each in self.program.instructions for place in self._shifts(each)]
        return min(others, default=max((each.shift for each in self._constants), default=0))

    def raised(self, i: Instruction) -> tuple[int, int]:
        """Multiplier and shift of a constant: m / 2^s = m 2^k / 2^(s + k), and the rounding needs fewer shifts."""
        shift = 0 if i.op is Opcode.BLOCK else i.shift  # a BLOCK shifts by its exponent
        room = self.sizes.multiplier_bits - i.multiplier.bit_length()
        more = max(0, min(room, self._wanted - shift))
        return i.multiplier << more, shift + more

    def _raised_shifts(self, i: Instruction) -> tuple[int, int]:
        """The least and the largest shift of a constant."""
        shift = self.raised(i)[1]
        return shift - self._less(i), shift + (self.exponent if i.op is Opcode.BLOCK else 0)

    def _less(self, i: Instruction) -> int:
        """The most by which an exponent lessens the shift."""
        return self.exponent if i.scaled else 0

    @cached_property
    def held_bits(self) -> int:
        """Bits of vectors that wait for an exponent."""
        network = self.program.network
        return max((signed(network.graph.tensors[edge]) for edge in network.blocks), default=1)

    @cached_property
    def exponent(self) -> int:
        """The largest exponent of a vector."""
        network = self.program.network
        tensors = network.graph.tensors
        return max((block.exponent(tensors[edge]) for edge, block in network.blocks.items()), default=0)

    @cached_property
    def mantissa_bits(self) -> int:
        """Bits of all mantissas. Raises UserError where vectors differ in them."""
        bits = {block.bits for block in self.program.network.blocks.values()}
        if len(bits) > 1:
            name, each = self.program.network.graph.name, " and ".join(map(str, sorted(bits)))
            raise UserError(f"{name}: all mantissas of an engine have as many bits; these have {each}")
        return bits.pop()

    def _shifts(self, i: Instruction) -> tuple[int, ...]:
        """Shifts of an instruction whose factor comes from the data, or from a row."""
        if self._is_rounded(i, MultiplierSource.ROOT):
            return tuple(i.shift + more for more in self.exponents)
        if self._is_rounded(i, MultiplierSource.HEAD):
            return i.shift - self.spare, i.shift
        return (i.shift - self._less(i), i.shift) if self._is_rounded(i, MultiplierSource.ROW) else ()

    @cached_property
    def exponents(self) -> tuple[int, int]:
        """The least and the largest number that a norm's root adds to its shift."""
        each = [norm.exponents(x) for norm, x in normed_of(self.program) if norm.form == "l2"] or [(0, 0)]
        return min(lo for lo, _ in each), max(max(lo, hi) for lo, hi in each)

    @cached_property
    def spare(self) -> int:
        """The most by which a division lessens the shift."""
        attend = attention_of(self.program)
        return attend.divide.spare if attend.divide else 0

    @cached_property
    def turns(self) -> tuple[int, int]:
        """The least and the largest shift behind a turn."""
        return _ends([i.late_shift for i in self.program.instructions if i.turned])

    @cached_property
    def gates(self) -> tuple[int, int]:
        """The least and the largest shift behind a gate."""
        return _ends([i.late_shift for i in self.program.instructions if i.epilogue is Epilogue.GATE])

    def _late_places(self, i: Instruction) -> int:
        if i.turned:
            return i.late_shift - self.turns[0]
        return i.late_shift - self.gates[0] if i.epilogue is Epilogue.GATE else 0

    @cached_property
    def rest(self) -> Fields:
        """Fields of a word that only the pipelines read."""
        instructions = self.program.instructions
        low, high = self.places
        return {
            "epilogue": 3,
            "factor": 2,
            "multiplier": self.sizes.multiplier_bits,
            "places": width(high - low),
            "even": 1,
            "limits": width(len(self.sizes.limits) - 1),
            "late_limits": width(len(self.sizes.limits) - 1),
            "aligned": width(max(each.aligned for each in instructions)),
            "turned": 1,
            "late_places": max(width(high - low) for low, high in (self.turns, self.gates)),
            "gains": width(len(self.program.tables.get("gains", ()))),
            "looked_up": 1,
            "copied": 1,
            "held": 1,
            "scaled": 1,
            "layer": width(self.sizes.layers - 1),
        }

    @cached_property
    def fields(self) -> Fields:
        """All fields of a word of the program."""
        instructions, sizes = self.program.instructions, self.sizes
        counts = [*(max(each.words, each.rows) for each in instructions), sizes.width // sizes.pe, sizes.heads]
        counts += [self.context_blocks, sizes.queries, self.key_words, self.value_blocks]
        addresses = [sizes.words * self.ratio, sizes.layers * self.key_words * self.ratio, sizes.heads, *counts]
        addresses += [sizes.layers * self.value_blocks]
        planes = max([*(each.planes for each in instructions), sizes.side])
        return {
            "op": 4,
            "gap": width(max(each.gap for each in instructions)),
            "planes": width(planes),
            "words": width(max(counts)),
            "rows": width(max(counts)),
            "source": width(max(addresses)),
            "target": width(max(addresses)),
            **self.rest,
        }

    def values(self, i: Instruction) -> Fields:
        """The fields of one instruction."""
        source, target = i.source, i.target
        if i.op is Opcode.SCORE:
            target = i.layer * self.key_words
        elif i.op is Opcode.VALUE:
            source = i.layer * self.value_blocks
        elif i.epilogue is Epilogue.KEY:
            target = i.layer * self.key_words * self.ratio
        elif i.epilogue is Epilogue.VALUE:
            target = i.layer * self.value_blocks
        low, high = self.places
        multiplier, shift = self.raised(i) if i in self._constants else (i.multiplier, i.shift)
        if i.factor is MultiplierSource.ROOT and gain_of(self.program) is not None:
            multiplier = 1
        return {
            "op": i.op,
            "gap": i.gap,
            "planes": i.planes - 1,
            "words": i.words - 1,
            "rows": i.rows - 1,
            "source": source,
            "target": target,
            "epilogue": i.epilogue,
            "factor": i.factor,
            "multiplier": multiplier,
            "places": (shift - low) & ((1 << width(high - low)) - 1),  # before an exponent it may be out of range
            "even": int(i.even),
            "limits": i.limits,
            "late_limits": i.late_limits if i.turned or i.epilogue in (Epilogue.GATE, Epilogue.RESIDUAL) else i.limits,
            "late_places": self._late_places(i),
            "aligned": i.aligned,
            "turned": int(i.turned),
            "gains": i.gains,
            "looked_up": int(i.looked_up),
            "copied": int(i.copied),
            "held": int(i.held),
            "scaled": int(i.scaled),
            "layer": i.layer,
        }

    def words(self) -> np.ndarray:
        """The program as bits: (instructions, bits of a word), the lowest first."""
        rows = []
        for instruction in self.program.instructions:
            values = self.values(instruction)
            rows.append([values[name] >> bit & 1 for name, bits in self.fields.items() for bit in range(bits)])
        return np.array(rows, np.int64)
