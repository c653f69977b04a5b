"""Options that say how a model file is read, of every verb that takes one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

import click

from accel.verbs.inputs import Entry

if TYPE_CHECKING:
    from accel.onnx_import.entry import Given

T = TypeVar("T")


def input_range(command: Callable[..., object]) -> Callable[..., object]:
    """Options that say how a file is read, first of all a float input; they become `entry`, arguments of `read`."""

    @click.option(
        "--input-scale",
        multiple=True,
        callback=_by_name(float),
        metavar="[NAME=]STEP",
        help="Step of an input that is not quantized; NAME where there are several.",
    )
    @click.option(
        "--input-bits",
        multiple=True,
        callback=_by_name(str),
        metavar="[NAME=]BITS",
        help="Bits of that input; u8 is unsigned.  [default: 8]",
    )
    @click.option("--po2-scales", is_flag=True, help="Round scales up to powers of two: no multipliers.")
    @wraps(command)
    def with_range(
        *args: object, input_scale: Given[float], input_bits: Given[int | str], po2_scales: bool, **given: object
    ) -> object:
        entry = Entry(input_scale=input_scale, input_bits=input_bits, po2_scales=po2_scales)
        return command(*args, entry=entry, **given)

    return with_range


def _by_name(kind: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, Sequence[str]], Given[T]]:
    """Read options VALUE, for the only input, or NAME=VALUE, one for each input."""

    def read(context: click.Context, parameter: click.Parameter, texts: Sequence[str]) -> Given[T]:
        found: dict[str, T] = {}
        for text in texts:
            name, _, value = text.rpartition("=")
            try:
                found[name] = kind(value)
            except ValueError:
                raise click.BadParameter(f"{value!r} is not a number", context, parameter) from None
        if "" in found and len(texts) > 1:
            raise click.BadParameter("give it once, or once for each input as NAME=VALUE", context, parameter)
        return found.get("") if "" in found else found or None

    return read
