"""QONNX Quant: constants become integers, the model's input the graph's input, everything else a Rescale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from accel.graph import Tensor
from accel.numeric import FLOAT32_EXACT
from accel.onnx_import.builder import Builder, as_scale, common, exponents
from accel.onnx_import.layout import Layout
from accel.onnx_import.values import Call, Constant, Edge, Real, Refused, Unknown, Value
from accel.ops.rescale.op import Rescale

MAX_BITS = 32
#: QONNX rounding_mode → our name. QONNX's HALF_UP rounds ties away from zero.
ROUNDING = {"ROUND": "half_even", "HALF_EVEN": "half_even", "HALF_UP": "half_away", "FLOOR": "floor"}
ROUNDING["DOWN"] = "toward_zero"
ROUND: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "half_even": np.rint,
    "half_away": lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5),
    "floor": np.floor,
    "toward_zero": np.trunc,
}


@dataclass(frozen=True)
class Quantizer:
    """A Quant node's parameters: integers lo..hi after the zero point is subtracted, real step `scale`."""

    scale: np.ndarray
    zero: int
    lo: int
    hi: int
    rounding: str
    bipolar: bool

    @classmethod
    def of(cls, call: Call) -> Quantizer:
        """Parse and check the parameters. Raises Refused, whatever the data input is."""
        _, scale, zero, bits = call.take(4)
        width = int(_number(bits, "bit width"))
        if not 1 <= width <= MAX_BITS or width != _number(bits, "bit width"):
            raise Refused(f"bit width is {_number(bits, 'bit width'):g}", f"use 1 to {MAX_BITS} bits")
        offset = _number(zero, "zero point")
        if not abs(offset) < FLOAT32_EXACT or int(offset) != offset:  # the file computes in float32
            raise Refused(f"zero point is {offset:g}", "use an integer zero point, best 0")
        signed, narrow = call.flag("signed"), call.flag("narrow")
        top = (1 << (width - 1)) - 1 if signed else (1 << width) - 1 - narrow
        bottom = -(1 << (width - 1)) + narrow if signed else 0
        mode = call.text("rounding_mode", "ROUND").upper()
        if mode not in ROUNDING:
            raise Refused(f"rounding mode {mode[:20]!r} has no integer form here", f"use {', '.join(ROUNDING)}")
        bipolar = width == 1 and signed
        lo, hi = (-1, 1) if bipolar else (bottom - int(offset), top - int(offset))
        return cls(_scale(scale), int(offset), lo, hi, ROUNDING[mode], bipolar)

    def integers(self, real: np.ndarray) -> np.ndarray:
        """The definition on constants: integers (as float64), zero point subtracted."""
        x = np.asarray(real, dtype=np.float64) / self.scale
        if not np.isfinite(x).all():
            raise Refused("the constant holds NaN or infinity", "train or export the model again")
        if self.bipolar:
            return np.where(x >= 0, 1.0, -1.0)
        return np.asarray(np.clip(ROUND[self.rounding](x + self.zero) - self.zero, self.lo, self.hi))

    def require_activation(self) -> None:
        """Raise Refused when this cannot be applied to integers that are known only at run time."""
        if self.bipolar:
            raise Refused("1-bit signed activations are bipolar", "use 2 or more bits, or unsigned 1 bit")
        shifts_ties = self.rounding != "floor" and (self.rounding != "half_even" or self.zero % 2 == 1)
        if self.zero and shifts_ties:
            raise Refused(f"zero point {self.zero} changes how ties round", "use a symmetric quantizer (zero point 0)")


def _number(value: Value | None, what: str) -> float:
    """A one-element constant as a float."""
    if not isinstance(value, Constant):
        raise Refused(f"its {what} is computed at run time", "export in eval mode, with fixed quantizers")
    if value.value.size != 1 or not np.isfinite(value.value).all():
        raise Refused(f"its {what} is not one finite number", "quantise per tensor, and export again")
    return float(value.value.reshape(()))


def _scale(value: Value | None) -> np.ndarray:
    if not isinstance(value, Constant):
        raise Refused("its scale is computed at run time", "export in eval mode, with fixed quantizers")
    scale = np.asarray(value.value, dtype=np.float64)
    bad = scale[~(np.isfinite(scale) & (scale > 0))]
    if bad.size or not scale.size:
        raise Refused(f"its scale is {bad[0] if bad.size else 'empty'}", "calibrate the model: scales are above 0")
    if (np.frexp(scale)[0] != 0.5).any():
        shown = scale[np.frexp(scale)[0] != 0.5][0]
        raise Refused(f"its scale {shown:.6g} is no power of two", "use Brevitas' ...FixedPoint quantizers")
    return scale


def per_channel(layout: Layout, values: np.ndarray) -> np.ndarray:
    """Values that broadcast to a layout, as one number or one per channel. Raises Refused when tokens differ."""
    if (values == values.reshape(-1)[0]).all():
        return np.asarray(values.reshape(-1)[0])
    try:
        rows = layout.to_edge(values)
    except ValueError:
        raise Refused(f"its constant of shape {values.shape} does not fit {layout.shape}", "export again") from None
    if (rows != rows[:1, :1]).any():
        raise Refused("its scale differs between tokens or samples", "quantise per tensor or per channel")
    return rows[0, 0]


def quant(build: Builder, call: Call) -> Value:
    quantizer = Quantizer.of(call)
    x = call.inputs[0]
    if isinstance(x, Constant):
        try:
            step = np.broadcast_to(quantizer.scale, x.value.shape)
        except ValueError:
            raise Refused("its scale does not fit the constant's shape", "export the model again") from None
        dtype = x.value.dtype if x.value.dtype.kind == "f" else np.float32  # of integers, Quant makes real numbers too
        return Constant((quantizer.integers(x.value) * step).astype(dtype), step)
    if isinstance(x, Unknown) or x is None:
        return Unknown()
    quantizer.require_activation()
    if isinstance(x, Real):
        return _input(build, call, x, quantizer)
    return _rescale(build, call, x, quantizer)


def _input(build: Builder, call: Call, x: Real, quantizer: Quantizer) -> Edge:
    if quantizer.rounding != "half_even":
        raise Refused("the input is not rounded half to even", "use rounding_mode ROUND for the input quantizer")
    scale = per_channel(x.layout, quantizer.scale)
    shape = (x.layout.size("token"), x.layout.size("channel"))
    tensor = Tensor(shape, quantizer.lo, quantizer.hi, as_scale(scale))
    if build.input_name is None:
        return build.set_input(call.tensors[0], tensor, x.layout, call.output)
    if build.tensors[build.input_name] != tensor:
        raise Refused("the input passes two different quantizers", "share one QuantIdentity at the input")
    return Edge(build.input_name, scale, x.layout)


def _rescale(build: Builder, call: Call, x: Edge, quantizer: Quantizer) -> Edge:
    scale = per_channel(x.layout, quantizer.scale)
    power = np.atleast_1d(exponents(common(x.scale / scale)))
    lo = max(0, quantizer.lo) if x.relu else quantizer.lo
    have = build.tensors[x.name]
    if not power.any() and lo <= have.lo and have.hi <= quantizer.hi:
        return replace(x, relu=False)  # quantising integers that already are: the same edge
    shift = max(0, -int(power.min()))
    if int(power.max()) + shift > 60:
        raise Refused("input and output scales are too far apart", "calibrate the quantizers again")
    op = Rescale(1 << (power + shift), shift, quantizer.rounding, lo, max(lo, quantizer.hi))
    return build.rescale(call.name, op, x, scale, x.layout, call.output)
