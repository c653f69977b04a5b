"""Cycles that the parts of an engine take, from the sizes and the operators of its program.

The hardware is emitted with the same choices: which units exist, and whether they look up what they compute.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from accel.engine import latency
from accel.engine.isa import EngineProgram, Epilogue, Instruction, MultiplierSource, Opcode
from accel.engine.macros import Attend, Multiply, Normalize, ToVector
from accel.errors import UserError
from accel.ops.divide.op import Divide
from accel.ops.norm.op import Norm
from accel.ops.rescale.op import Rescale
from accel.ops.softmax.op import Softmax
from accel.tensor import Tensor

TABLE_BITS = 12
"""A root or a reciprocal of no more bits is looked up."""


@dataclass(frozen=True)
class Delays:
    """Cycles from a beat, or from what the name says before, to a result.

    early: a block of LOAD, NORM or SHARE is at the rounding. sums: of a MATRIX are there. result: they are rounded.
    cache: by which those of SCORE and VALUE come later, whose operands are read from memories.
    squares: of the residual stream behind its last block. root: the factor of a norm behind them. largest: the maximum
    of a head behind its last scores. shares, factor: of a head behind its last scores as they are read. rotary, gate:
    behind the rounding. token: behind the last sums of logits.
    """

    early: int
    sums: int
    result: int
    cache: int
    squares: int
    root: int
    largest: int
    shares: int
    factor: int
    rotary: int
    gate: int
    token: int
    load_rounded: bool


def delays_of(program: EngineProgram) -> Delays:
    """The delays of a program's engine."""
    sizes = program.sizes
    tree = (max(1, (sizes.simd - 1).bit_length()) + 1) // 2
    sums = 3 + tree + (program.tape.factors is not None)
    norm = norm_of(program)
    logits = next(each for each in program.instructions if each.epilogue is Epilogue.LOGITS)
    return Delays(
        early=1 + (gain_of(program) is None),
        sums=sums,
        result=sums + 2,
        cache=1,
        squares=2 + latency.levels(sizes.pe) + _variance(program, norm),
        root=_root(program, norm),
        largest=latency.levels(sizes.pe),
        shares=latency.shares(True),
        factor=latency.factor(sizes.pe, True, _division(program)),
        rotary=latency.rotary(False) if any(each.turned for each in program.instructions) else 0,
        gate=_gate(program),
        token=_product(logits) + latency.NOISE * bool(program.noise) + latency.argmax(sizes.pe),
        load_rounded=load_is_rounded(program),
    )


def _product(logits: Instruction) -> bool:
    """Are logits sums times a multiplier?"""
    return logits.factor is not MultiplierSource.CONSTANT or logits.multiplier != 1


def _variance(program: EngineProgram, norm: Norm) -> int:
    """Cycles that v takes behind the sums over the channels."""
    if mean_of(program):
        return latency.CENTRED
    return {"l2": 0, "rms": 1, "layer": 3}[norm.form]


def mean_of(program: EngineProgram) -> Rescale | None:
    """The rounding of the mean that norms subtract, if they do. Raises UserError where they differ, or it clips."""
    graph = program.network.graph
    norms = [macro for macro in program.network.macros if isinstance(macro, Normalize)]
    means = [(macro.mean.rescale, graph.tensors[macro.source]) for macro in norms if macro.mean]
    if not means:
        return None
    first = means[0][0]
    kinds = {(int(each.multiplier[0]), each.shift, each.rounding) for each, _ in means}
    clips = any(each.lo > x.lo or each.hi < x.hi for each, x in means)
    if clips or len(kinds) > 1 or len(means) < len(norms):
        raise UserError(f"{graph.name}: the norms of an engine subtract means of one kind that is not clipped, or none")
    return replace(first, lo=min(each.lo for each, _ in means), hi=max(each.hi for each, _ in means))


def normed_of(program: EngineProgram) -> list[tuple[Norm, Tensor]]:
    """Norms and what they normalize: the residual stream, less its mean where it is subtracted."""
    graph = program.network.graph
    nodes = {node.name: node for node in graph}
    found = []
    for macro in program.network.macros:
        if isinstance(macro, Normalize):
            node = nodes[macro.edge]
            while node.op.kind != "norm":  # a BlockFloat behind it that changes nothing
                node = nodes[node.inputs[0]]
            found.append((macro.norm, graph.tensors[node.inputs[0]]))
    return found


def load_is_rounded(program: EngineProgram) -> bool:
    """Is the residual stream of a new token more than what the tables hold?"""
    load = next(each for each in program.instructions if each.op is Opcode.LOAD)
    tables = [program.tables[name] for name in ("by_token", "by_place", "by_both") if name in program.tables]
    lo, hi = program.sizes.limits[load.limits]
    fits = sum(int(each.min()) for each in tables) >= lo and sum(int(each.max()) for each in tables) <= hi
    return (load.multiplier, load.shift) != (1, 0) or not fits


def norm_of(program: EngineProgram) -> Norm:
    """The norm that all norms of a program are, but for gains and roundings. Raises UserError where they differ."""
    norms = [macro.norm for macro in program.network.macros if isinstance(macro, Normalize)]
    fields = ("form", "guard", "fraction", "numerator_bits", "offset")
    if len({tuple(getattr(norm, name) for name in fields) for norm in norms}) > 1:
        raise UserError(
            f"{program.network.graph.name}: the norms of an engine share form, guard bits and offset; give them one"
        )
    return norms[0]


def gain_of(program: EngineProgram) -> int | None:
    """The number that R of every norm is multiplied with; None where norms or channels differ in it."""
    gains = {each.multiplier for each in program.instructions if each.op is Opcode.NORM}
    return gains.pop() if len(gains) == 1 and "gains" not in program.tables else None


def attention_of(program: EngineProgram) -> Attend:
    """The attention of the first layer; the others divide alike. Raises UserError where they do not."""
    attends = [macro for macro in program.network.macros if isinstance(macro, Attend)]
    if len({_division_of(attend) for attend in attends}) > 1:
        raise UserError(f"{program.network.graph.name}: all layers of an engine divide alike; give them one softmax")
    return attends[0]


def _division_of(attend: Attend) -> tuple[int, ...]:
    if isinstance(attend.shares, Softmax):
        return attend.shares.numerator_bits, attend.shares.exp_bits
    assert attend.divide is not None, "exponentials are divided"
    return attend.divide.numerator_bits, attend.divide.least, kept(attend.divide), -1


def root_is_table(norm: Norm) -> bool:
    """Does the definition see so few bits that its factor is looked up?"""
    return norm.form == "l2" and 2 * norm.guard <= TABLE_BITS


def kept(divide: Divide) -> int:
    """Leading bits of the divisor that the definition sees, 0: all."""
    return divide.kept


def reciprocal_is_table(attend: Attend) -> bool:
    """Does the division see so few bits of the divisor that its factor is looked up?"""
    return attend.divide is not None and 0 < kept(attend.divide) <= TABLE_BITS


def variance_bits(program: EngineProgram) -> int:
    """Bits of v of the norms."""
    return max(norm.variance_peak(x).bit_length() for norm, x in normed_of(program))


def inverse_bits(attend: Attend) -> int:
    """Bits of the largest reciprocal."""
    if isinstance(attend.shares, Softmax):
        return ((1 << attend.shares.numerator_bits) // int(attend.shares.rom[0])).bit_length()
    assert attend.divide is not None, "exponentials are divided"
    return attend.divide.inverse_peak.bit_length()


def _root(program: EngineProgram, norm: Norm) -> int:
    if root_is_table(norm):
        return latency.ROOT_TABLE
    gain = gain_of(program) or 1
    l2, fraction = norm.form == "l2", norm.fraction
    bits = norm.guard, fraction, norm.numerator_bits, norm.least
    return latency.root(variance_bits(program), *bits, l2=l2, gain=gain)


def _division(program: EngineProgram) -> int:
    attend = attention_of(program)
    if reciprocal_is_table(attend):
        return latency.RECIPROCAL_TABLE
    significant = attend.divide.significant if attend.divide else 0
    return latency.reciprocal(inverse_bits(attend), significant)


def _gate(program: EngineProgram) -> int:
    """Cycles of a gate, or of a table behind a vector."""
    multiplies = [macro for macro in program.network.macros if isinstance(macro, Multiply)]
    if any(macro.gate for macro in multiplies):
        return latency.gate(2, False)
    return latency.gate(0, False) if any(isinstance(m.to, ToVector) and m.to.lookup for m in multiplies) else 0
