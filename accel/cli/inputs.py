"""Options that say how a model file is read, of every verb that takes one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import click

from accel.verbs.inputs import Entry


def input_range(command: Callable[..., object]) -> Callable[..., object]:
    """Options that say how a file is read, first of all a float input; they become `entry`, arguments of `read`."""

    @click.option("--input-scale", type=float, metavar="STEP", help="Step of an input that is not quantized.")
    @click.option("--input-bits", metavar="BITS", help="Bits of that input; u8 is unsigned.  [default: 8]")
    @click.option("--po2-scales", is_flag=True, help="Round scales up to powers of two: no multipliers.")
    @wraps(command)
    def with_range(
        *args: object, input_scale: float | None, input_bits: str | None, po2_scales: bool, **given: object
    ) -> object:
        entry = Entry(input_scale=input_scale, input_bits=input_bits, po2_scales=po2_scales)
        return command(*args, entry=entry, **given)

    return with_range
