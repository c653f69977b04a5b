"""Sections of an engine's top module behind the rounding: rotary positions, gates and tables of activations."""

from __future__ import annotations

from accel.engine import contents, parameters
from accel.engine.isa import Epilogue
from accel.image import Image
from accel.numeric import signed_width
from hls.engine.build import DEEP, Build, cast
from hls.engine.core import limit
from hls.engine.fields import width
from hls.engine.top import times


def has_turns(b: Build) -> bool:
    """Have queries or keys rotary positions? Then all of them pass through the unit that turns."""
    return b.has(turned=True)


def has_gate(b: Build) -> bool:
    """Is there a gate, or a table behind a vector?"""
    return b.has(epilogue=Epilogue.GATE) or b.has(looked_up=True)


def holds(b: Build) -> bool:
    """Do activations wait for an exponent?"""
    return any(i.held and (i.epilogue is Epilogue.GATE or i.looked_up) for i in b.program.instructions)


def gate_bits(b: Build) -> int:
    """Bits of activations: of vectors, or of what waits for an exponent."""
    return max(b.activation_bits, b.layout.held_bits if holds(b) else 0)


def turns(b: Build) -> None:
    """Queries and keys, turned by their position."""
    if not has_turns(b):
        return
    b.title("rotary positions")
    s, r, y = b.sizes, b.results.at, b.result_bits
    cos, sin = b.program.tables["cos"], b.program.tables["sin"]
    rows = contents.rotary_words(cos, sin, s.pe)
    tw = max(signed_width(cos), signed_width(sin))
    b.memories["rotary.hex"] = Image.pack(rows, tw)
    low, high = b.layout.turns
    sw, address = width(high - low), width(len(rows) - 1)
    _late_limits(b)
    params: dict[str, int | str] = {
        "P": s.pe, "XW": y, "TW": tw, "DEPTH": len(rows), "BLOCK": int(len(rows) > DEEP), "FILE": "rotary.hex",
        "LEAST": low, "MOST": high, "SW": sw, "YW": y,
    }  # fmt: skip
    head = times("32'(place)", s.head_blocks)
    at = f"{address}'({head} + (32'({r(1, 'outer')}) & {s.head_blocks - 1}))"
    b.unit("accel_engine_rotary", "turning", params, address=at, turn=r(2, "turned"), data="result",
           places=cast(sw, r(2, "late_places")), lo="late_lo", hi="late_hi",
           result=b.wire("turned_result", s.pe * y))  # fmt: skip


def _late_limits(b: Build) -> None:
    """Limits of the rounding behind a turn or a gate."""
    if "late_lo" in b.wires:
        return
    for end, side in (("late_lo", 0), ("late_hi", 1)):
        b.assign(end, b.result_bits, limit(b, b.results.at(2, "late_limits"), side, b.result_bits))


def gate(b: Build) -> None:
    """Activations: gate · up, or a table behind a vector."""
    if not has_gate(b):
        return
    b.title("activations")
    s, r, y, a = b.sizes, b.results.at, b.result_bits, gate_bits(b)
    table = b.program.tables["gate"]
    lw, tw = width(len(table) - 1), signed_width(table)
    b.memories["gate.hex"] = Image.pack(contents.by_layer(table).reshape(-1, 1), tw)
    low, high = b.layout.gates
    sw = width(high - low)
    params: dict[str, int | str] = {
        "P": s.pe, "XW": y, **parameters.activation(b.program), "DEPTH": table.shape[1],
        "LAYERS": len(table), "LW": lw, "TW": tw, "BLOCK": int(len(table) * table.shape[1] > DEEP), "FILE": "gate.hex",
        "LEAST": low, "MOST": high, "SW": sw, "YW": a,
    }  # fmt: skip
    _late_limits(b)
    valid = f"{r(2, 'valid')} && ({r(2, 'epilogue')} == TO_GATE || {r(2, 'looked_up')})"
    b.unit("accel_engine_gate", "gate", params, valid=valid, odd=f"{r(2, 'outer')}[0]",
           layer=cast(lw, r(2, "layer")) if len(table) > 1 else "'0", data="result",
           places=cast(sw, r(2, "late_places")), lo=cast(a, "late_lo"), hi=cast(a, "late_hi"),
           result=b.wire("gate_result", s.pe * a))  # fmt: skip


def gate_valid(b: Build) -> str:
    """Does a vector's block come out of the unit?"""
    stage, r = 2 + b.delays.gate, b.results.at
    last = f"{r(stage, 'epilogue')} == TO_GATE && {r(stage, 'outer')}[0] || {r(stage, 'looked_up')}"
    return f"{r(stage, 'valid')} && ({last})"


def gate_index(b: Build) -> str:
    """Its place: two row blocks of a gate make one."""
    stage, r, aw = 2 + b.delays.gate, b.results.at, b.address_bits
    half = f"{aw}'((32'({r(stage, 'outer')}) + 1) >> 1)"
    return f"{r(stage, 'index')} - ({r(stage, 'looked_up')} ? '0 : {half})"
