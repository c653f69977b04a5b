"""The parameters of a QONNX Quant, and its definition on constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from accel.numeric import FLOAT32_EXACT
from accel.onnx_import.layout import Layout
from accel.onnx_import.values import Call, Constant, Refused, Value

MAX_BITS = 32
#: QONNX rounding_mode → our name. QONNX's HALF_UP rounds ties away from zero, its HALF_DOWN toward zero.
ROUNDING = {
    "ROUND": "half_even",
    "HALF_EVEN": "half_even",
    "HALF_UP": "half_away",
    "HALF_DOWN": "half_toward_zero",
    "FLOOR": "floor",
    "CEIL": "ceil",
    "DOWN": "toward_zero",
    "UP": "away",
}
ROUND: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "half_even": np.rint,
    "half_away": lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5),
    "half_toward_zero": lambda x: np.sign(x) * np.ceil(np.abs(x) - 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
    "toward_zero": np.trunc,
    "away": lambda x: np.sign(x) * np.ceil(np.abs(x)),
}
#: What a rounding of x + zero ≥ 0 (an unsigned quantizer) is on x itself.
ABOVE_ZERO = {"toward_zero": "floor", "away": "ceil", "half_away": "half_up"}


@dataclass(frozen=True)
class Quantizer:
    """A Quant node's parameters: integers lo..hi after the zero point is subtracted, real step `scale`."""

    scale: np.ndarray
    zero: int
    lo: int
    hi: int
    rounding: str
    signed: bool
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
        if bipolar and offset:
            raise Refused(f"1 signed bit with zero point {offset:g}", "use a symmetric quantizer (zero point 0)")
        lo, hi = (-1, 1) if bipolar else (bottom - int(offset), top - int(offset))
        return cls(scale_of(scale), int(offset), lo, hi, ROUNDING[mode], signed, bipolar)

    def integers(self, real: np.ndarray) -> np.ndarray:
        """The definition on real numbers, in their own precision as qonnx has it: integers, zero point subtracted."""
        if not np.isfinite(real).all():
            raise Refused("the constant holds NaN or infinity", "train or export the model again")
        with np.errstate(over="ignore"):
            x = real / self.scale.astype(real.dtype) + np.asarray(self.zero, dtype=real.dtype)
        if self.bipolar:
            return np.where(x >= 0, 1.0, -1.0)
        x = np.clip(x.astype(np.float64), self.lo + self.zero, self.hi + self.zero)
        return np.asarray(ROUND[self.rounding](x) - self.zero)

    def activation_rounding(self) -> str | None:
        """How integers that are known only at run time are rounded after the zero point is subtracted.

        None when that depends on x + zero: ties that go to the even one of them, or the way toward zero.
        """
        if not self.zero or self.rounding in ("floor", "ceil"):
            return self.rounding
        if self.rounding == "half_even" and self.zero % 2 == 0:
            return self.rounding
        return None if self.signed else ABOVE_ZERO.get(self.rounding)

    def real_rounding(self) -> str:
        """The same for real numbers, among which ties do not count."""
        known = self.activation_rounding()
        if known is None and self.rounding in ("toward_zero", "away"):
            remedy = "use a symmetric quantizer (zero point 0), or round to nearest"
            raise Refused(f"zero point {self.zero} changes which way is toward zero", remedy)
        return known or "half_even"


def _number(value: Value | None, what: str) -> float:
    """A one-element constant as a float."""
    if not isinstance(value, Constant):
        raise Refused(f"its {what} is computed at run time", "export in eval mode, with fixed quantizers")
    if value.value.size != 1 or not np.isfinite(value.value).all():
        raise Refused(f"its {what} is not one finite number", "quantize per tensor, and export again")
    return float(value.value.reshape(()))


def scale_of(value: Value | None) -> np.ndarray:
    if not isinstance(value, Constant):
        raise Refused("its scale is computed at run time", "export in eval mode, with fixed quantizers")
    scale = np.asarray(value.value, dtype=np.float64)
    bad = scale[~(np.isfinite(scale) & (scale > 0))]
    if bad.size or not scale.size:
        raise Refused(f"its scale is {bad[0] if bad.size else 'empty'}", "calibrate the model: scales are above 0")
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
        raise Refused("its scale differs between tokens or samples", "quantize per tensor or per channel")
    return rows[0, 0]
