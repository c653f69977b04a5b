"""Features of Lookup."""

from __future__ import annotations

from accel.logic.part import Contents, Part
from accel.logic.tally import Features, Tally, index_bits


def lookup(t: Tally, part: Part) -> None:
    p = part.params
    lanes, table, block = p["LANES"], part.roms["TABLE_FILE"], bool(p["BLOCK"])
    address = max(1, index_bits(p["DEPTH"]))
    t.registers(3 + lanes * address)
    t.delay(1, 3)
    t.logic("base", lanes * (p["BASE"] != 0))
    _copies(t, table, block, lanes)


def _copies(t: Tally, table: Contents, block: bool, lanes: int) -> None:
    """One `accel_rom` per lane with the same contents."""
    for _ in range(lanes):
        t.rom(table, block)


FEATURES: Features = {
    "accel_lookup": lookup,
}
