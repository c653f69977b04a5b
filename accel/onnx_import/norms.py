"""LayerNorm and RMSNorm in float, with gamma and beta, as the integer Norm; the quantizer behind is folded into it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from accel.numeric import INT64_EXACT
from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.errors import LIMIT as WIDE_LIMIT
from accel.onnx_import.errors import Imprecise
from accel.onnx_import.layout import axis_of
from accel.onnx_import.linear import RELAYOUT, is_unknown
from accel.onnx_import.quantizers import Quantizer, per_channel
from accel.onnx_import.softmax import NEAREST
from accel.onnx_import.values import Call, Constant, Edge, Normalized, Refused, Uncertain, Unknown, Value
from accel.ops.norm.op import Norm
from accel.tensor import Tensor

#: ONNX' number of the type float32.
FLOAT = 1
#: The input is brought to at most this many bits, or MORE_BITS more than the output has, and multiplied by at most
#: 2^MAX_FINER.
INPUT_BITS, MORE_BITS, MAX_FINER = 16, 8, 12
#: Rows that deviate by less than 2^-ROW_BITS of the range of an edge of more bits are nearly constant.
ROW_BITS = 5
#: The error before the result is rounded, in steps, that is wanted, and that is accepted where 62 bits do not suffice:
#: an integer is then at most 1, or 2, from the nearest one.
LIMIT, LAST_LIMIT = 0.45, 1.45
#: The numerator of the reciprocal root has this many bits more than root and output.
NUMERATOR_BITS = 5
#: gamma and beta are rounded to 2^-PRECISION of an output step.
PRECISION = 6
#: A quantizer that does not round to nearest gets the norm with this many more bits.
SPARE_BITS = 8


@understands("axis", "epsilon", "stash_type")
def layer(build: Builder, call: Call) -> Value:
    return _norm(build, call, "layer", 3)


@understands("axis", "epsilon", "stash_type")
def rms(build: Builder, call: Call) -> Value:
    return _norm(build, call, "rms", 2)


def _norm(build: Builder, call: Call, form: str, inputs: int) -> Value:
    """Inputs x, scale and, of LayerNormalization, bias; norms written out come without scale and bias."""
    x, *affine = call.take(1, inputs)
    if is_unknown(x, *affine):
        return Unknown()
    if not isinstance(x, Edge):
        raise Refused("normalizes a constant", "fold constants before exporting (qonnx cleanup)")
    if call.integer("stash_type", 1) != FLOAT:
        raise Refused("computes in another type than float32 (stash_type)", "export in float32")
    rank, axis = len(x.layout.axes), call.integer("axis", -1)
    if axis not in (-1, rank - 1):
        raise Refused(f"normalizes over the axes from {axis} on", "normalize over the last axis alone")
    row = x.layout.shape[-1]
    if x.layout.axes[-1] != axis_of("channel", row) or x.layout.size("channel") % row:
        raise Refused("its last axis is not the channels of a token or head", RELAYOUT)
    epsilon = call.number("epsilon", 1e-5)
    if not epsilon >= 0:
        raise Refused(f"its epsilon is {epsilon}", "use a number of at least 0")
    channels = x.layout.size("channel")
    plain = Normalized(x, form, epsilon, np.ones(channels), np.zeros(channels), x.layout, call.name, row)
    for value, apply in zip(affine, (scaled, shifted), strict=False):
        if isinstance(value, Constant):
            plain = apply(plain, value.value)
        elif value is not None:
            raise Refused("its scale or bias is computed at run time", "export in eval mode")
    return plain


def scaled(x: Normalized, factor: np.ndarray) -> Normalized:
    """Times constants, one or one per channel."""
    numbers = _per_channel(x, factor)
    return replace(x, gamma=x.gamma * numbers, beta=x.beta * numbers)


def shifted(x: Normalized, offset: np.ndarray) -> Normalized:
    return replace(x, beta=x.beta + _per_channel(x, offset))


def _per_channel(x: Normalized, values: np.ndarray) -> np.ndarray:
    if not values.size or not np.isfinite(values).all():
        raise Refused("its constant holds NaN or infinity", "train or export the model again")
    return np.asarray(per_channel(x.layout, values.astype(np.float64)))


def quantized(
    build: Builder, call: Call, x: Normalized, quantizer: Quantizer, scale: np.ndarray, rounding: str
) -> Edge:
    """One Norm whose gamma and beta are in steps of the output, so that nothing is rounded twice."""
    spare = 0 if rounding in NEAREST else SPARE_BITS
    limits = quantizer.lo << spare, quantizer.hi << spare
    step = np.asarray(scale / 2.0**spare)
    bits = max(INPUT_BITS, max(-quantizer.lo, quantizer.hi).bit_length() + 1 + MORE_BITS)
    edge, op = _operator(build, x, x.gamma / step, x.beta / step, limits, bits)
    result = build.add(x.hint, op, (edge,), step, x.layout, None if spare else call.output)
    build.off(result, 0.0)
    if spare:
        limits = quantizer.lo, quantizer.hi
        result = build.requantize(call.name, result, scale, limits, rounding, call.output)
    return build.quantized(result, call.output)


def _operator(
    build: Builder, x: Normalized, gamma: np.ndarray, beta: np.ndarray, limits: tuple[int, int], bits: int
) -> tuple[Edge, Norm]:
    """The Norm and the edge that it reads, multiplied by a power of two where epsilon would be too coarse otherwise.

    The error is below LIMIT steps before the result is rounded, or LAST_LIMIT. An edge of more than `bits` bits is
    narrowed to these first, or to fewer where 62 bits leave no room for small rows beside large ones. For edges of more
    than INPUT_BITS the error is that of rows which deviate by 2^-ROW_BITS of the edge's range.
    """
    heads = [values.reshape(-1, x.row) for values in (gamma, beta)]
    if any((values != values[:1]).any() for values in heads):
        raise Refused("its scale or bias differs between heads", "use the same for all heads")
    gamma, beta = (values[0] for values in heads)
    if max(np.abs(gamma).max(), np.abs(beta).max()) >= 1 << 30:
        raise Uncertain("its scale or bias is too large for its quantizer", "calibrate the quantizer again")
    edge = build.uniform(x.edge)
    tensor = build.tensors[edge.name]
    if not build.last and build.errors.get(edge.name, 0.0) > (tensor.hi - tensor.lo) * 2.0**-bits:
        raise Imprecise
    spares = range(max(0, tensor.width - bits), max(0, tensor.width - INPUT_BITS) + 1)
    searches = [one for spare in spares for one in _searches(x, tensor, float(edge.scale), spare, gamma, beta, limits)]
    wide = len(spares) > 1
    found = _chosen(searches, wide)
    narrowed = not wide and tensor.width > INPUT_BITS
    if found is None or (found[0] > (WIDE_LIMIT if wide else LAST_LIMIT) and not narrowed):
        narrowest = float(edge.scale) * 2.0 ** spares[-1]
        if x.epsilon * (x.row / narrowest) ** 2 >= INT64_EXACT:
            raise Uncertain("its epsilon is larger than its input can be", "calibrate the input's quantizer again")
        raise Uncertain(
            f"{x.row} channels of {min(bits, tensor.width)} bits and an output of {limits[0]}..{limits[1]} are beyond "
            "62-bit arithmetic",
            "quantize the norm's input or output to fewer bits",
        )
    _, search, op = found
    if search.spare:
        edge = build.requantize(f"{edge.name}/narrow", edge, edge.scale * 2.0**search.spare)
    if search.finer:
        edge = build.requantize(f"{edge.name}/finer", edge, edge.scale / 2.0**search.finer)
    return edge, op


def _chosen(searches: list[_Search], wide: bool) -> tuple[float, _Search, Norm] | None:
    """The Norm of the smallest error: of any row that is not constant, or of those that deviate enough if `wide`."""
    best: tuple[float, _Search, Norm] | None = None
    for search in searches:
        for error, make in search.candidates(2.0**-ROW_BITS if wide else 0.0):
            enough = error <= LIMIT and not wide
            if not enough and best is not None and error >= best[0]:
                continue
            op = make()  # most candidates are worse than an earlier one: making them all takes half of an import
            if op is None:
                continue
            best = error, search, op
            if enough:
                return best
    return best


def _searches(
    x: Normalized,
    tensor: Tensor,
    scale: float,
    spare: int,
    gamma: np.ndarray,
    beta: np.ndarray,
    limits: tuple[int, int],
) -> list[_Search]:
    """One for every power of two that an input without its `spare` lowest bits can be multiplied by."""
    narrow = replace(tensor, lo=tensor.lo >> spare, hi=-(-tensor.hi >> spare))
    offset = x.row**2 * x.epsilon / (scale * 2.0**spare) ** 2
    return [_Search(x.form, narrow, offset, gamma, beta, limits, spare, finer) for finer in range(MAX_FINER + 1)]


@dataclass(frozen=True)
class _Search:
    """Constants of a Norm for an input that is multiplied by 2^finer: n²·eps in input steps is `offset`.

    gamma / step gets f bits of fraction: an error of 2^-(f + 1) per unit of the normalized input, which is at most
    sqrt(n) and at most what the output's limits leave.
    """

    form: str
    tensor: Tensor
    offset: float
    gamma: np.ndarray
    beta: np.ndarray
    limits: tuple[int, int]
    spare: int
    finer: int

    def candidates(self, least: float) -> Iterator[tuple[float, Callable[[], Norm | None]]]:
        """Errors in output steps with what makes their Norms: as many guard bits as there may be room for first.

        The errors of rows that deviate by this part of the input's range at least, which has lost its lowest bits.
        """
        n, top = len(self.gamma), max(1, -self.limits[0], self.limits[1])
        tensor = replace(self.tensor, lo=self.tensor.lo << self.finer, hi=self.tensor.hi << self.finer)
        offset = self.offset * 4.0**self.finer
        if offset >= INT64_EXACT:
            return
        sizes = np.abs(self.gamma), np.abs(self.beta)
        reach = np.minimum(math.sqrt(n), (top + sizes[1]) / np.maximum(sizes[0], 1e-30))
        fraction = PRECISION + max(0, math.ceil(math.log2(max(1.0, float(reach.max())))))
        largest = float((reach * sizes[0]).max())
        for guard, cut in _attempts(top):
            root = math.isqrt((n * n * max(1, tensor.magnitude) ** 2 + round(offset)) << (2 * guard))
            numerator, bits = root.bit_length() + top.bit_length() + NUMERATOR_BITS - cut, max(0, fraction - cut)
            shift = numerator - guard + bits
            if not 0 < shift <= 60 or numerator > 62 or float(sizes[1].max()) * 2.0**shift >= INT64_EXACT:
                continue
            rounded = float(reach.max()) * 2.0 ** -(bits + 1)
            if least and self.spare:
                rounded += largest / 2 / (least * (self.tensor.hi - self.tensor.lo))
            error = largest * self._relative(offset, guard, numerator, root, least) + rounded
            yield error, partial(self._norm, tensor, guard, numerator, bits, shift, round(offset))

    def _norm(self, x: Tensor, guard: int, numerator: int, bits: int, shift: int, offset: int) -> Norm | None:
        """The Norm of these constants; None where 62-bit arithmetic has no room for it."""
        row = len(self.gamma) if len(self.gamma) < x.channels else 0
        gammas, betas = np.rint(self.gamma * 2.0**bits), np.rint(self.beta * 2.0**shift)
        op = Norm(self.form, guard, numerator, shift, *self.limits, offset, gammas, betas, row)
        return op if op.peak(x) < INT64_EXACT else None

    def _relative(self, offset: float, guard: int, numerator: int, root: int, part: float) -> float:
        """The relative error of 1 / r: c is rounded, the root and the quotient are cut.

        It is largest for the smallest v: but for 0, Σ (x_i − x_j)² over all pairs is at least n − 1, n·Σx² at least n;
        and (n · σ)² where rows deviate by σ, this part of the range, at least.
        """
        n = len(self.gamma)
        smallest = max(n - (self.form == "layer") or 1, (n * part * (self.tensor.hi - self.tensor.lo)) ** 2)
        least = smallest * 4.0**self.finer + offset
        return abs(offset - round(offset)) / (2 * least) + 2.0**-guard / math.sqrt(least) + root * 2.0**-numerator


def _attempts(top: int) -> Iterator[tuple[int, int]]:
    """Guard bits, and bits to do without elsewhere: first the latter, then guard bits below 6."""
    most = min(16, max(8, top.bit_length() + 2))
    cuts = range(NUMERATOR_BITS)
    yield from ((guard, cut) for cut in cuts for guard in range(most, 5, -1))
    yield from ((guard, cut) for guard in range(5, 0, -1) for cut in cuts)
