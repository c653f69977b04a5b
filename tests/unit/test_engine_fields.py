"""Words of an engine's program: constants are raised so that the rounding shifts over fewer places."""

from __future__ import annotations

import engine_graphs

from accel.engine.isa import Epilogue, MultiplierSource, Opcode
from accel.engine.match import match
from accel.engine.program import build
from hls.engine.fields import WordLayout

UNROUNDED = Opcode.SOFT, Opcode.END


def test_constants_are_raised_to_the_shifts_of_the_data() -> None:
    raised = 0
    for seed in (0, 3, 6):
        program = build(match(engine_graphs.drawn(seed)), 2, 8)
        layout = WordLayout(program)
        low, high = layout.places
        for i in program.instructions:
            if i.factor is not MultiplierSource.CONSTANT or i.epilogue is Epilogue.LOGITS or i.op in UNROUNDED:
                continue
            multiplier, shift = layout.raised(i)
            assert multiplier * 2**i.shift == i.multiplier * 2**shift
            assert multiplier.bit_length() <= program.sizes.multiplier_bits
            assert layout.values(i)["places"] == shift - low <= high - low
            raised += shift > i.shift
    assert raised
