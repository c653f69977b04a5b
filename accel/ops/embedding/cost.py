"""Features of Embedding."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally, index_bits
from accel.ops.common.cost import low_zeros


def embedding(t: Tally, part: Part) -> None:
    p = part.params
    groups, address = p["GROUPS"], max(1, index_bits(p["ROWS"] * p["GROUPS"]))
    t.counter(groups)
    t.registers(3 + address)
    t.delay(1, 3)
    if low_zeros(groups) == 0 and groups > 1:
        t.add(address, groups.bit_count(), "address")
    t.logic("base", address * (p["BASE"] != 0))
    t.rom(part.roms["TABLE_FILE"], bool(p["BLOCK"]))


FEATURES: Features = {
    "accel_embedding": embedding,
}
