"""The section of an engine's top module in which vectors wait for their exponent, and become mantissas."""

from __future__ import annotations

from accel.engine.isa import Epilogue, Opcode
from hls.engine import units
from hls.engine.build import DEEP, Build, cast
from hls.engine.fields import width
from hls.engine.top import chosen, lane


def has_exponents(b: Build) -> bool:
    """Have vectors an exponent per token?"""
    return b.has(op=Opcode.BLOCK)


def exponents(b: Build) -> None:
    """Memory H, the exponent of what comes into it, and that of the last vector that left it."""
    if not has_exponents(b):
        return
    b.title("exponents")
    s, d, bits, layout = b.sizes, b.delays, b.layout.held_bits, b.layout
    sources = _sources(b)
    for number, (valid, _, _, _) in enumerate(sources):
        b.assign(f"held_write_{number}", 1, valid)
    b.assign("held_write", 1, " || ".join(f"held_write_{number}" for number in range(len(sources))))
    index = b.assign("held_index", b.address_bits, chosen("held_write", [each for _, each, _, _ in sources]))
    lanes = chosen("held_write", [lane(name, wide, bits) for _, _, name, wide in sources])
    data = b.wire("held_data", s.pe * bits)
    b.add(f"for (genvar lane = 0; lane < {s.pe}; lane++) begin : held_lane",
          f"    assign {data}[lane*{bits}+:{bits}] = {lanes};", "end")  # fmt: skip
    aw, ew = width(s.held_blocks - 1), width(layout.exponent)
    memory: dict[str, int | str] = {
        "WIDTH": s.pe * bits, "DEPTH": s.held_blocks, "BLOCK": int(s.held_blocks > DEEP),
    }  # fmt: skip
    b.unit("accel_engine_memory", "held_vector", memory, write="held_write", target=cast(aw, index), data=data,
           read=cast(aw, "outer"), word=b.wire("held_word", s.pe * bits))  # fmt: skip
    if d.early > 1:
        b.register(f"{b.wire('held_word_2', s.pe * bits)} <= held_word;")
    params: dict[str, int | str] = {"LANES": s.pe, "WIDTH": bits, "BITS": layout.mantissa_bits, "EW": ew}
    b.unit("accel_engine_exponent", "exponent_of_held", params, rst="", valid="held_write", first=f"{index} == '0",
           data=data, exponent=b.wire("exponent_found", ew))  # fmt: skip
    b.register(f"if (early_next && beat_op == BLOCK) {b.wire('exponent', ew)} <= exponent_found;")


def _sources(b: Build) -> list[tuple[str, str, str, int]]:
    """Sources of what is held: whether a block comes, its place, its lanes and their bits."""
    r, behind = b.results.at, 2 + b.delays.gate
    found = []
    plain = [i for i in b.program.instructions if i.held and i.epilogue is Epilogue.VECTOR and not i.looked_up]
    if plain:
        valid = f"{r(2, 'valid')} && {r(2, 'held')} && {r(2, 'epilogue')} == TO_VECTOR && !{r(2, 'looked_up')}"
        found.append((valid, r(2, "index"), "result", b.result_bits))
    if units.holds(b):
        valid = f"{units.gate_valid(b)} && {r(behind, 'held')}"
        found.append((valid, units.gate_index(b), "gate_result", units.gate_bits(b)))
    return found
