"""Exact integer arithmetic on torch tensors, whatever dtype carries the integers.

One definition of each operator serves three carriers: int64, float64 (used up to 2^52) and float32
(exact up to 2^24). The reference picks the cheapest carrier that an operator's `peak` allows; every
function here returns the same integers on each of them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal, get_args

from accel.errors import GraphError

if TYPE_CHECKING:
    import numpy as np
    import torch

Rounding = Literal["half_even", "half_up", "half_away", "floor", "toward_zero", "ceil", "away", "half_toward_zero"]
ROUNDINGS: tuple[str, ...] = get_args(Rounding)

FLOAT32_EXACT = 1 << 24
FLOAT64_EXACT = 1 << 53
FLOAT64_CARRIED = 1 << 52
"""One bit less than float64 has: up to here floor(sqrt(x)) is that of the integer, too."""
INT64_EXACT = 1 << 62
INT32_EXACT = (1 << 31) - 1
CUDA_ROWS = 24
"""Rows that an 8-bit product takes at least on a GPU: more than 16."""


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

    if peak <= FLOAT32_EXACT:
        return torch.float32
    if peak <= FLOAT64_CARRIED:
        return torch.float64
    if peak < INT64_EXACT:
        return torch.int64
    raise GraphError(f"an intermediate value needs {peak.bit_length() + 1} bits; at most 62 are exact")


def usable(dtype: str | None) -> torch.dtype | None:
    """torch's dtype of that name; None where products of 8 bits are not exact and fast here (`Op.narrow`)."""
    import torch

    return getattr(torch, dtype) if dtype and (dtype == "float32" or has_narrow_products()) else None


@cache
def has_narrow_products() -> bool:
    """True when products of 8-bit integers are exact and faster here than those of float32.

    Processors without VNNI are slow at it, and some saturate the sum of two products to 16 bits: the extremes show it.
    """
    import torch

    if not torch.cuda.is_available() and not torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
        return False
    a = torch.tensor([-128, 127], dtype=torch.int8).repeat(32, 16)
    return torch.equal(torch._int_mm(a, a.T.contiguous()), a.int() @ a.T.int())


def narrow_product(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """x (…, inputs) · weight (outputs, inputs), both int8 → int32."""
    import torch

    rows = x.flatten(0, -2)
    if x.is_cuda and len(rows) < CUDA_ROWS:
        rows = torch.nn.functional.pad(rows, (0, 0, 0, CUDA_ROWS - len(rows)))
    y = torch._int_mm(rows, weight.T)[: x[..., 0].numel()]
    return y.unflatten(0, x.shape[:-1])


def requantize(x: torch.Tensor, shift: int, rounding: str, lo: int, hi: int, *, own: bool = False) -> torch.Tensor:
    """x / 2^shift, `shift` ≥ 0, rounded to an integer as `rounding` names it, clipped to lo..hi; in x if `own`."""
    if shift == 0:
        return x.clamp(lo, hi)
    if x.is_floating_point():
        scaled = x.mul_(2.0**-shift) if own else x * 2.0**-shift
        return _round_float(scaled, rounding).clamp_(lo, hi)
    return _round_integer(x, shift, rounding).clamp_(lo, hi)


def _round_integer(x: torch.Tensor, shift: int, rounding: str) -> torch.Tensor:
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
    """Rounds `y` in its own place where it can: fresh memory costs more than the arithmetic."""
    if rounding == "half_even":
        return y.round_()
    if rounding == "half_up":
        return y.add_(0.5).floor_()
    if rounding == "half_away":
        return (y.abs() + 0.5).floor_() * y.sign()
    if rounding == "half_toward_zero":
        return (y.abs() - 0.5).ceil_() * y.sign()
    if rounding == "floor":
        return y.floor_()
    if rounding == "ceil":
        return y.ceil_()
    return y.trunc_() if rounding == "toward_zero" else y.abs().ceil_() * y.sign()


def bit_length(x: torch.Tensor) -> torch.Tensor:
    """Bits of integers x ≥ 0, as `int.bit_length`; in the carrier of x."""
    import torch

    bits = torch.frexp(x.double())[1].to(x.dtype)
    if x.is_floating_point():
        return bits
    return bits - (x < 1 << (bits - 1).clamp_min(0)).to(x.dtype) * (x > 0)  # float64 rounds up what is beyond 2^53


def scaled(x: torch.Tensor, power: torch.Tensor) -> torch.Tensor:
    """floor(x · 2^power) for integers `power` of either sign, where both carriers hold what comes of it."""
    if x.is_floating_point():
        return (x * _power_of_two(power)).floor_()
    return (x << power.clamp_min(0)) >> (-power).clamp_min(0)


def round_half_up(x: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """x / 2^shift, rounded half up, for integers `shift` ≥ 0 that broadcast with x."""
    if x.is_floating_point():
        return (x * _power_of_two(-shift) + (shift > 0) * 0.5).floor_()
    return (x + (1 << shift >> 1)) >> shift


def _power_of_two(power: torch.Tensor) -> torch.Tensor:
    """2^power for integers −63 ≤ power ≤ 63, exactly on every device."""
    table = power.new_tensor([2.0**k for k in range(-63, 64)])
    return lookup(table, power + 63)


def lowest(dtype: torch.dtype) -> float:
    """The smallest number of a carrier dtype: what a maximum never picks."""
    import torch

    return torch.finfo(dtype).min if dtype.is_floating_point else torch.iinfo(dtype).min


def lookup(table: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """table[index] for a table of one axis and indices in any carrier."""
    return table.index_select(0, index.flatten().int()).view(index.shape)


def divide(numerator: int, x: torch.Tensor) -> torch.Tensor:
    """floor(numerator / x) for x > 0. By float64, in which it is exact because numerator ≤ 2^52 (the carrier rule)."""
    if x.is_floating_point():
        wide = x.double()  # a numerator that is no tensor would be multiplied by the rounded reciprocal
        return (wide.new_full((), numerator) / wide).floor_().to(x.dtype)
    return numerator // x


def isqrt(x: torch.Tensor) -> torch.Tensor:
    """floor(sqrt(x)) for x ≥ 0.

    A root of float64 is rounded to nearest. For x < k² ≤ 2^52 the root is below k by more than 1 / 2k ≥ 2^-27, and
    k − 2^-27 is a float64: floor gives k − 1. Roots of int64 may be larger and are corrected by one step either way.
    """
    import torch

    root = x.double().sqrt().floor_().to(x.dtype)
    if x.is_floating_point():
        return root
    root = torch.where(root * root > x, root - 1, root)
    return torch.where((root + 1) * (root + 1) <= x, root + 1, root)
