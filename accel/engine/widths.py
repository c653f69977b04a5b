"""Bits of everything that an engine holds, from the ranges of a network's edges."""

from __future__ import annotations

from collections.abc import Iterable

from accel.engine.digits import planes_of
from accel.engine.isa import Sizes
from accel.engine.macros import Attend, Load, MacroGraph, Multiply, Normalize, ToResidual, ToVector
from accel.engine.rounding import rounding_of
from accel.numeric import bits
from accel.ops.rescale.op import Rescale
from accel.ops.softmax.op import Softmax
from accel.tensor import Tensor


def widths_of(network: MacroGraph, pe: int, simd: int) -> Sizes:
    """Sizes of an engine of `pe` rows of `simd` products; `words` and `limits` are still to be counted.

    Raises GraphError for keys or values of more digits than there are.
    """
    tensors = network.graph.tensors
    multiplies = [macro for macro in network.macros if isinstance(macro, Multiply)]
    attends = [macro for macro in network.macros if isinstance(macro, Attend)]
    keys, values = (_all(tensors[getattr(each, end)] for each in attends) for end in ("keys", "values"))
    vectors = _all(
        [
            *(network.vector(each.source) for each in multiplies),
            *(tensors[each.queries] for each in attends),
            _shares(attends),
        ]
    )
    stream = _all(tensors[name] for name in _stream(network))
    scores = [each.scores for each in attends]
    return Sizes(
        pe=pe,
        simd=simd,
        width=network.width,
        vocabulary=network.vocabulary,
        context=network.context,
        layers=len(attends),
        heads=network.heads,
        kv_heads=network.kv_heads,
        head_size=network.head_size,
        activation_bits=signed(vectors),
        residual_bits=signed(stream),
        sum_bits=max(_sum(macro, network) for macro in network.macros),
        multiplier_bits=max(_multiplier(macro, network) for macro in network.macros).bit_length(),
        result_bits=max(signed(tensors[name]) for name in _results(network)),
        score_bits=max(bits(min(each.lo, -1), each.hi)[0] for each in scores),
        share_bits=max(each.shares.exp_bits for each in attends),
        key_planes=planes_of(keys.lo, keys.hi),
        value_planes=planes_of(values.lo, values.hi),
        words=0,
        held_blocks=0,
        limits=(),
    )


def signed(tensor: Tensor) -> int:
    """Bits of the integers of an edge, with a sign."""
    return bits(min(tensor.lo, -1), tensor.hi)[0]


def _all(tensors: Iterable[Tensor]) -> Tensor:
    """A tensor whose range has all of theirs."""
    each = list(tensors)
    return Tensor((1, 1), min(tensor.lo for tensor in each), max(tensor.hi for tensor in each))


def _shares(attends: list[Attend]) -> Tensor:
    """The range of what values are weighted with."""
    tops = [
        (1 << each.shares.out_bits) - 1 if isinstance(each.shares, Softmax) else each.shares.rom.hi for each in attends
    ]
    return Tensor((1, 1), 0, max(tops))


def _stream(network: MacroGraph) -> list[str]:
    """Edges of the residual stream."""
    found = []
    for macro in network.macros:
        if isinstance(macro, Load) or (isinstance(macro, Normalize) and macro.in_place):
            found.append(macro.edge)
        elif isinstance(macro, Multiply) and isinstance(macro.to, ToResidual):
            found.append(macro.to.edge)
    return found


def _results(network: MacroGraph) -> list[str]:
    """Edges that leave the rounding: all but sums."""
    found = _stream(network)
    for macro in network.macros:
        if isinstance(macro, Attend):
            found += [macro.edges[0], macro.edge]
        elif isinstance(macro, Normalize | ToVector):
            found.append(macro.edge)
    return [name for name in found if name in network.graph.tensors]


def _sum(macro: object, network: MacroGraph) -> int:
    """Bits of the sums of a macro operation, and of what else enters the rounding."""
    tensors = network.graph.tensors
    if isinstance(macro, Multiply):
        source = network.vector(macro.source)
        reach = max(dense.peak(source) for dense in (macro.dense, *(macro.gate or ())[:1]))
        if isinstance(macro.to, ToResidual) and macro.to.aligned:
            reach += macro.to.aligned * signed_peak(network)
        return reach.bit_length() + 1
    if isinstance(macro, Attend):
        q, k, v = (tensors[name] for name in (macro.queries, macro.keys, macro.values))
        scores = network.head_size * q.magnitude * k.magnitude
        values = network.context * _shares([macro]).hi * v.magnitude
        return max(scores, values).bit_length() + 1
    if isinstance(macro, Normalize):
        return macro.norm.centred_bits(tensors[macro.source])
    return 1


def signed_peak(network: MacroGraph) -> int:
    """The largest magnitude in the residual stream."""
    return max(network.graph.tensors[name].magnitude for name in _stream(network))


def _head_factor(attend: Attend) -> int:
    """The largest number that a head's sum becomes."""
    if attend.divide:
        return attend.divide.factor_peak
    assert isinstance(attend.shares, Softmax)
    return (1 << attend.shares.numerator_bits) // int(attend.shares.rom[0])


def _multiplier(macro: object, network: MacroGraph) -> int:
    """The largest number that sums of a macro operation are multiplied with."""
    if isinstance(macro, Normalize):
        return macro.norm.inverse_peak() * rounding_of(macro.norm).multiplier.hi
    if isinstance(macro, Attend):
        roundings = [each.multiplier.hi for each in (macro.scores, macro.rescale) if each]
        return max(*roundings, _head_factor(macro))
    if isinstance(macro, Multiply):
        each = [getattr(macro.to, "rescale", None), macro.gate[1].rescale if macro.gate else None]
        return _raised([rescale for rescale in each if rescale])
    return 1


def _raised(each: list[Rescale]) -> int:
    """The largest multiplier of roundings that are given the largest of their shifts."""
    shift = max((rescale.shift for rescale in each), default=0)
    return max((rescale.multiplier.hi << (shift - rescale.shift) for rescale in each), default=1)
