"""The logic of an engine's top module between its units, as numbers that its cost depends on."""

from __future__ import annotations

from accel.engine.delays import gain_of
from accel.hardware import Module
from hls.engine import units
from hls.engine.build import Build
from hls.engine.core import load_bits
from hls.engine.top import Line

TOP = "accel_engine"
WATCHED = "number"
"""A field that only a traced simulation reads."""


def glue(b: Build) -> Module:
    """Bits of the lines of registers, and of what is chosen or multiplied between the units."""
    s, tables, layout = b.sizes, b.program.tables, b.layout
    loads = sum(name in tables for name in ("by_token", "by_place", "by_both"))
    gain = 0 if gain_of(b.program) is not None else b.normed_bits - b.centred_bits
    sources = 1 + units.has_turns(b) + units.has_gate(b) + b.has(copied=True)
    return Module(TOP, {
        "ROWS": s.pe, "LINES": sum(map(_bits, (b.beats, b.sums, b.results))), "FIELDS": _bits(b.results, 1),
        "OPERANDS": s.banks * s.simd * b.activation_bits, "SUMW": b.sum_bits, "FACTORW": s.multiplier_bits,
        "RESULTW": b.result_bits, "LOADS": loads, "LOADW": load_bits(b), "CENTREDW": b.centred_bits, "GAINW": gain,
        "VECTORW": b.activation_bits, "SOURCES": sources, "SIDE": s.side, "BANKS": s.banks,
        "HEADS": s.heads, "KEPTW": s.multiplier_bits + layout.spare.bit_length(), "STREAMW": s.residual_bits,
    })  # fmt: skip


def _bits(line: Line, stages: int | None = None) -> int:
    """Bits of all fields, of this many registers or as many as there are."""
    fields = {field: bits for field, bits in line.fields.items() if field != WATCHED}
    return sum(bits * (line.stages.get(field, 0) if stages is None else stages) for field, bits in fields.items())
