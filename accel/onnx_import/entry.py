"""The input of a file: real numbers until the first quantizer, which is the host's, or integers of a given range.

A file may multiply its input by constants and add some before it quantizes it. The host quantizes numbers as the file
takes them, so these constants become part of the scale and offset of the graph's input.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import numpy as np

from accel import arguments
from accel.building import as_scale, common
from accel.errors import UserError
from accel.onnx_import.builder import Builder
from accel.onnx_import.layout import Layout
from accel.onnx_import.quantizers import Quantizer
from accel.onnx_import.source import Source
from accel.onnx_import.values import IDENTIFIERS, Call, Edge, Real, Refused, rows_of
from accel.ops.position.op import Position
from accel.scales import are_powers_of_two
from accel.spelling import printable
from accel.tensor import Tensor

MAX_BITS = 32
SIGNS = "multiply the weights of the first layer by it instead"
#: Integers of a BipolarQuant at the input: rounding half to even goes up from 1.5, as the sign of 0 does.
BIPOLAR = (1, 2)


T = TypeVar("T")
Given: TypeAlias = T | Mapping[str, T] | None
"""What a user says of the only input, or of several by name."""


@dataclass(frozen=True)
class Range:
    """Which numbers a float input takes: integers lo..hi times `scale`."""

    lo: int
    hi: int
    scale: float

    @classmethod
    def of(cls, scale: float | None, bits: int | str | None) -> Range | None:
        """The range that a user gives: `bits` signed ones (default 8), or "u8" for unsigned ones; None without both.

        Raises UserError when they describe none.
        """
        if scale is None and bits is None:
            return None
        if scale is None:
            raise UserError("--input-bits needs --input-scale, the real size of one step of the input")
        scale = arguments.positive("--input-scale", scale)
        found = re.fullmatch(r"(u?)(\d{1,2})", str(8 if bits is None else bits))
        width = int(found[2]) if found else 0
        if not found or not 1 <= width <= MAX_BITS:
            raise UserError(f"--input-bits is {bits!r}; give 1 to {MAX_BITS}, or u1 to u{MAX_BITS} for unsigned ones")
        lo, hi = (0, (1 << width) - 1) if found[1] else (-(1 << width - 1), (1 << width - 1) - 1)
        return cls(lo, hi, scale)

    @classmethod
    def annotated(cls, datatype: str) -> Range | None:
        """The range of qonnx' data type of that name; None for real numbers and unknown ones."""
        if datatype in ("BIPOLAR", "TERNARY"):
            return cls(-1, 1, 1.0)
        if found := re.fullmatch(r"(U?)INT(\d{1,2})|BINARY", datatype):
            return cls.of(1.0, f"{found[1].lower()}{found[2]}" if found[2] else "u1")
        if found := re.fullmatch(r"FIXED<(\d{1,2}),(\d{1,2})>", datatype):
            return cls.of(2.0 ** (int(found[2]) - int(found[1])), int(found[1]))
        return None

    def enter(self, build: Builder, name: str, layout: Layout) -> Edge:
        """The graph's input for input `name` of the file."""
        tensor = Tensor((layout.size("token"), layout.size("channel")), self.lo, self.hi, self.scale)
        edge = build.enter(name, tensor, layout, name)
        assert edge is not None
        return edge


Spans = Mapping[str, Range]
"""The range of those inputs that have a known one, by name."""
MASK = Range(0, 1, 1.0)


def ranges(source: Source, scales: Given[float], bits: Given[int | str]) -> list[Spans]:
    """Known ranges of the inputs, to be tried in this order: what is given, then also qonnx' data types.

    Raises UserError where something is given for an input that does not exist or takes none, or describes no range.
    """
    step: Mapping[str, float] = _by_name(source, "--input-scale", scales)
    width: Mapping[str, int | str] = _by_name(source, "--input-bits", bits)
    known: dict[str, Range] = {given.name: MASK for given in source.inputs if given.is_mask}
    for given in source.inputs:
        if given.is_identifiers and given.name in step.keys() | width.keys():
            raise UserError(f"{source.path}: the input holds identifiers, which have no scale; leave out --input-scale")
        found = Range.of(step.get(given.name, 1.0 if given.is_mask else None), width.get(given.name))
        if found and given.name in step.keys() | width.keys():
            known[given.name] = found
    annotated = {given.name: Range.annotated(given.datatype) for given in source.inputs if given.name not in known}
    more = {name: span for name, span in annotated.items() if span is not None}
    return [known, *([known | more] if more else [])]


def _by_name(source: Source, option: str, said: Given[T]) -> Mapping[str, T]:
    names = [given.name for given in source.inputs]
    if said is None:
        return {}
    if not isinstance(said, Mapping):
        if len(names) > 1:
            listed = ", ".join(map(repr, map(printable, names)))
            raise UserError(f"{source.path} has the inputs {listed}: say which one, as in {option} {names[0]}=…")
        return {names[0]: said}
    for name in said:
        if name not in names:
            listed = ", ".join(map(repr, map(printable, names)))
            raise UserError(f"{option}: {source.path} has no input {printable(name)!r}; its inputs are {listed}")
    return said


def times(x: Real, factor: np.ndarray) -> Real:
    """The input times constants."""
    rows = _rows(x, factor)
    return replace(x, factor=x.factor * rows, offset=x.offset * rows)


def plus(x: Real, offset: np.ndarray) -> Real:
    return replace(x, offset=x.offset + _rows(x, offset))


def _rows(x: Real, values: np.ndarray) -> np.ndarray:
    """Constants as one number, or one per token and channel."""
    if x.integer:
        raise IDENTIFIERS
    rows = rows_of(x.layout, values)
    return rows.reshape(-1)[0] if values.size == 1 else rows


def quantized(build: Builder, call: Call, x: Real, quantizer: Quantizer, scale: np.ndarray) -> Edge:
    """The graph's input, quantized by the host as the file does it; `scale` is one number or one per channel."""
    if quantizer.rounding != "half_even":
        raise Refused("the input is not rounded half to even", "use rounding_mode ROUND for the input quantizer")
    if not quantizer.bipolar and quantizer.activation_rounding() is None and are_powers_of_two(scale):
        remedy = "use a symmetric quantizer (zero point 0) for the input"
        raise Refused(f"zero point {quantizer.zero} changes how ties round", remedy)
    if (x.factor <= 0).any():
        raise Refused(f"its input is multiplied by {x.factor.min():.6g} before it", SIGNS)
    step, offset = _per_channel(scale / x.factor), _per_channel(0 - x.offset / x.factor)
    lo, hi = BIPOLAR if quantizer.bipolar else (quantizer.lo, quantizer.hi)
    if quantizer.bipolar:
        offset = offset - (lo + hi) / 2 * step
    host = Tensor((x.layout.size("token"), x.layout.size("channel")), lo, hi, as_scale(step), as_scale(offset))
    tensor = Tensor(host.shape, lo, hi, as_scale(scale))
    origin = "" if quantizer.bipolar else call.output
    edge = build.enter(x.name, tensor, x.layout, origin, host)
    if edge is None:
        raise Refused("the input passes two different quantizers", "share one QuantIdentity at the input")
    edge = replace(edge, scale=scale)
    if not quantizer.bipolar:
        return edge
    table = np.full(host.shape, -(lo + hi))
    return build.quantized(build.add(call.name, Position(table, 2), (edge,), scale, x.layout, None), call.output)


def _per_channel(values: np.ndarray) -> np.ndarray:
    """One number or one per channel, from one per token and channel."""
    if values.ndim == 2:
        if (values != values[:1]).any():
            remedy = "subtract and multiply one number, or one per channel"
            raise Refused("its input is scaled differently for each token before it", remedy)
        values = values[0]
    return common(values)
