"""Exact integer arithmetic on torch tensors, whatever dtype carries the integers.

One definition of each operator serves three carriers: int64, float64 (exact below 2^53) and float32
(exact below 2^24). The reference picks the cheapest carrier that an operator's `peak` allows; every
function here returns the same integers on each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from accel.errors import GraphError

if TYPE_CHECKING:
    import numpy as np
    import torch

Rounding = Literal["half_even", "half_up", "half_away", "floor", "toward_zero", "ceil", "away", "half_toward_zero"]
ROUNDINGS: tuple[str, ...] = get_args(Rounding)

FLOAT32_EXACT = 1 << 24
FLOAT64_EXACT = 1 << 53
INT64_EXACT = 1 << 62


def bits(lo: int, hi: int) -> tuple[int, bool]:
    """Width in bits and signedness of the smallest two's complement (or unsigned) type that holds lo..hi."""
    if lo >= 0:
        return max(1, hi.bit_length()), False
    return max(hi.bit_length(), (-lo - 1).bit_length()) + 1, True


def signed_width(values: np.ndarray) -> int:
    """Width of the smallest two's complement type that holds all values."""
    return bits(min(-1, int(values.min())), max(0, int(values.max())))[0]


def carrier(peak: int) -> torch.dtype:
    """Cheapest torch dtype in which integers of magnitude up to `peak` are exact.

    Raises GraphError beyond 62 bits, where no carrier is left.
    """
    import torch

    if peak < FLOAT32_EXACT:
        return torch.float32
    if peak < FLOAT64_EXACT:
        return torch.float64
    if peak < INT64_EXACT:
        return torch.int64
    raise GraphError(f"an intermediate value needs {peak.bit_length() + 1} bits; at most 62 are exact")


def shift_round(x: torch.Tensor, shift: int, rounding: str) -> torch.Tensor:
    """x / 2^shift, rounded to an integer. `shift` ≥ 0; ties and direction as `rounding` names them."""
    if shift == 0:
        return x
    if x.is_floating_point():
        return _round_float(x * 2.0**-shift, rounding)
    quotient = x >> shift
    rest = x - (quotient << shift)
    half = 1 << (shift - 1)
    if rounding == "half_even":
        up = (rest > half) | ((rest == half) & (quotient & 1 == 1))
    elif rounding == "half_up":
        up = rest >= half
    elif rounding == "half_away":
        up = (rest > half) | ((rest == half) & (x > 0))
    elif rounding == "half_toward_zero":
        up = (rest > half) | ((rest == half) & (x < 0))
    elif rounding == "floor":
        return quotient
    elif rounding == "ceil":
        up = rest > 0
    else:
        up = (rest > 0) & ((x < 0) if rounding == "toward_zero" else (x > 0))
    return quotient + up


def _round_float(y: torch.Tensor, rounding: str) -> torch.Tensor:
    if rounding == "half_even":
        return y.round()
    if rounding == "half_up":
        return (y + 0.5).floor()
    if rounding == "half_away":
        return (y.abs() + 0.5).floor() * y.sign()
    if rounding == "half_toward_zero":
        return (y.abs() - 0.5).ceil() * y.sign()
    if rounding == "floor":
        return y.floor()
    if rounding == "ceil":
        return y.ceil()
    return y.trunc() if rounding == "toward_zero" else y.abs().ceil() * y.sign()


def lowest(dtype: torch.dtype) -> float:
    """The smallest number of a carrier dtype: what a maximum never picks."""
    import torch

    return torch.finfo(dtype).min if dtype.is_floating_point else torch.iinfo(dtype).min


def divide(numerator: int, x: torch.Tensor) -> torch.Tensor:
    """floor(numerator / x) for x > 0. In float64 exact because numerator < 2^53 (the carrier rule)."""
    if x.is_floating_point():
        return (x.new_full((), numerator) / x).floor()  # a Python number would multiply by the rounded reciprocal
    return numerator // x


def isqrt(x: torch.Tensor) -> torch.Tensor:
    """floor(sqrt(x)) for x ≥ 0, exact: the float root is corrected by one step either way."""
    import torch

    root = x.double().sqrt().floor().to(x.dtype)
    root = torch.where(root * root > x, root - 1, root)
    return torch.where((root + 1) * (root + 1) <= x, root + 1, root)
