"""Memories of an engine: how wide and how deep each is, and what it takes of a device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel.engine.digits import DIGIT
from accel.engine.isa import EngineProgram, Sizes
from accel.numeric import bits
from accel.target import Cells, Target

LUT_RAM = 16, 4
"""Words and bits of a memory in look-up tables, as `Target.ram` counts them."""


@dataclass(frozen=True)
class EngineMemory:
    """`depth` words of `width` bits; what is never written is a table of constants."""

    name: str
    width: int
    depth: int
    is_written: bool = False

    @property
    def bits(self) -> int:
        return self.width * self.depth

    def blocks(self, target: Target) -> int:
        """Block RAMs that hold it, in the best of their shapes."""
        widths = [target.bram_width >> n for n in range(target.bram_width.bit_length())]
        return min(-(-self.width // width) * -(-self.depth * width // target.bram_bits) for width in widths)

    def tables(self, target: Target) -> Cells | None:
        """Look-up tables that hold it; None where those hold nothing that is written."""
        if not self.is_written:
            return Cells(lut=self.width * -(-self.depth >> target.lut_inputs))
        if target.ram is None:
            return None
        words, width = LUT_RAM
        count = -(-self.depth // words) * -(-self.width // width)
        return Cells(lut=target.ram[0] * count, ff=target.ram[1] * count)

    def cells(self, target: Target) -> Cells:
        """Block RAM where a block is used well enough, else look-up tables."""
        tables = self.tables(target)
        if tables is None or self.depth * min(self.width, target.bram_width) >= target.block_from:
            return Cells(bram=self.blocks(target))
        return tables


def memories_of(program: EngineProgram) -> tuple[EngineMemory, ...]:
    """All of them: the cache, what lies between instructions, the tape and the tables."""
    return (*_cache(program.sizes), *_between(program.sizes), *_tape(program), *_tables(program))


def _cache(sizes: Sizes) -> tuple[EngineMemory, ...]:
    """Keys and values: a word is what the array reads in a cycle."""
    width, channels = sizes.pe * sizes.simd * DIGIT, sizes.kv_heads * sizes.head_size
    keys = -(-channels // sizes.simd) * -(-sizes.context // sizes.pe)
    values = -(-channels // sizes.pe) * -(-sizes.context // sizes.simd)
    return (
        EngineMemory("keys", width, sizes.layers * sizes.key_planes * keys, is_written=True),
        EngineMemory("values", width, sizes.layers * sizes.value_planes * values, is_written=True),
    )


def _between(sizes: Sizes) -> tuple[EngineMemory, ...]:
    """The residual stream, vectors, scores and shares."""
    pe, simd, context = sizes.pe, sizes.simd, sizes.context
    return (
        EngineMemory("stream", pe * sizes.residual_bits, sizes.width // pe, is_written=True),
        EngineMemory("vectors", simd * sizes.activation_bits, sizes.words, is_written=True),
        EngineMemory("scores", pe * sizes.score_bits, sizes.heads * -(-context // pe), is_written=True),
        EngineMemory("shares", simd * sizes.share_bits, sizes.heads * -(-context // simd), is_written=True),
    )


def _tape(program: EngineProgram) -> list[EngineMemory]:
    tape = program.tape
    found = [EngineMemory("weights", tape.weights[0].size * DIGIT, len(tape.weights))]
    for name in ("factors", "multipliers", "biases"):
        if (rows := getattr(tape, name)) is not None:
            found.append(EngineMemory(name, program.sizes.pe * _width(rows), len(rows)))
    return found


def _tables(program: EngineProgram) -> list[EngineMemory]:
    """Tables of a block of channels are as wide as one; each lane has its own copy of a table of a number."""
    pe, found = program.sizes.pe, []
    for name, table in program.tables.items():
        if name in ("exponentials", "gate"):
            found.append(EngineMemory(name, pe * _width(table), table.size))
        else:
            found.append(EngineMemory(name, pe * _width(table), -(-table.size // pe)))
    return found


def _width(values: np.ndarray) -> int:
    return bits(int(values.min(initial=0)), int(values.max(initial=0)))[0]
