"""Features of buffers, adapters, and units that only pass values on."""

from __future__ import annotations

from accel.logic.part import Part
from accel.logic.tally import Features, Tally, block_rams, index_bits


def fifo(t: Tally, part: Part) -> None:
    width, depth, block = (part.params[key] for key in ("WIDTH", "DEPTH", "BLOCK"))
    address, taken = max(1, index_bits(depth)), depth.bit_length()
    t.registers(taken + 2 * (address + 1) + 2)
    t.logic("address", 4 * address)
    t.add(taken, kind="address")
    if block:
        t.bram += block_rams(width, 1 << address, t.target)
    else:
        t.lut_ram(width, 1 << address)
        t.registers(width)


def pass_(t: Tally, part: Part) -> None:
    t.registers(part.params["WIDTH"] + 2)


def gather(t: Tally, part: Part) -> None:
    width, ratio = part.params["WIDTH"], part.params["RATIO"]
    t.registers(width * ratio + 2)
    t.counter(ratio)


def scatter(t: Tally, part: Part) -> None:
    width, ratio = part.params["WIDTH"], part.params["RATIO"]
    t.registers(width + 2)
    t.counter(ratio)
    t.select(ratio, width)


FEATURES: Features = {
    "accel_fifo": fifo,
    "accel_pass": pass_,
    "accel_gather": gather,
    "accel_scatter": scatter,
}
