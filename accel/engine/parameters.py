"""Parameters of the engine's units that follow from the operators of a program."""

from __future__ import annotations

from accel.engine.delays import attention_of, gain_of, inverse_bits, kept, norm_of, variance_bits
from accel.engine.isa import EngineProgram
from accel.engine.macros import Gate, Multiply, ToVector
from accel.errors import UserError
from accel.hardware import Long
from accel.numeric import ROUNDINGS, bits
from accel.ops.lookup.op import Lookup
from accel.ops.rescale.op import Rescale
from accel.ops.softmax.op import Softmax

Parameters = dict[str, int | str]


def root(program: EngineProgram) -> Parameters:
    """Parameters of `accel_engine_root`: the factor of all norms."""
    norm = norm_of(program)
    return {
        "L2": int(norm.form == "l2"), "GUARD": norm.guard, "FRACTION": norm.fraction, "NUMERATOR": norm.numerator_bits,
        "LEAST": norm.least, "VW": variance_bits(program), "GAIN": Long(gain_of(program) or 1),
    }  # fmt: skip


def division(program: EngineProgram) -> Parameters:
    """Parameters of `accel_engine_softmax`: what divides by the sum of a head."""
    attend = attention_of(program)
    found: Parameters = {"QBITS": inverse_bits(attend)}
    if isinstance(attend.shares, Softmax):
        shares = attend.shares
        return found | {
            "NUMERATOR": shares.numerator_bits, "LEAST": shares.exp_bits - 1, "SIGNIFICANT": 0, "KEPT": 0,
        }  # fmt: skip
    divide = attend.divide
    assert divide is not None, "exponentials are divided"
    return found | {
        "NUMERATOR": divide.numerator_bits, "LEAST": divide.least, "SIGNIFICANT": divide.significant,
        "KEPT": kept(divide),
    }  # fmt: skip


def activation(program: EngineProgram) -> Parameters:
    """Parameters of `accel_engine_gate`: the table of activations, alone or with the roundings of a gate."""
    lookup, form = _lookup(program)
    last = lookup.base + len(program.tables["gate"][0]) - 1
    found: Parameters = {"FORM": 2 if form else 0, "BASE": lookup.base}
    found |= rounding("NARROW", form.narrowed if form else Rescale([1], 0, "half_up", lookup.base, last))
    if form:
        found |= {**rounding("OPENED", form.opened), "OW": bits(min(form.opened.lo, -1), form.opened.hi)[0]}
    return found


def rounding(name: str, op: Rescale) -> Parameters:
    """A rounding of one multiplier as parameters that begin with a name."""
    return {
        f"{name}_MULTIPLIER": Long(int(op.multiplier[0])), f"{name}_SHIFT": op.shift,
        f"{name}_MODE": ROUNDINGS.index(op.rounding), f"{name}_LO": Long(op.lo), f"{name}_HI": Long(op.hi),
    }  # fmt: skip


def _lookup(program: EngineProgram) -> tuple[Lookup, Gate | None]:
    """The table, and the gate that it belongs to. Raises UserError where layers need units of their own."""
    multiplies = [macro for macro in program.network.macros if isinstance(macro, Multiply)]
    forms = [macro.gate[1] for macro in multiplies if macro.gate]
    alone = [m.to.lookup for m in multiplies if isinstance(m.to, ToVector) and m.to.lookup]
    lookups = [form.lookup for form in forms] + alone
    same = {str(rounding("", form.narrowed) | rounding("_", form.opened)) for form in forms}
    if (forms and alone) or len(same) > 1 or len({each.base for each in lookups}) > 1:
        raise UserError(
            f"{program.network.graph.name}: all layers of an engine share the roundings of their activations; give "
            "them one format"
        )
    return lookups[0], forms[0] if forms else None
