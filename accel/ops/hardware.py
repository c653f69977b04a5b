"""The hardware of an operator as one value: `HARDWARE` in `accel/ops/<kind>/hardware.py`, for all back ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Generic, TypeVar, cast

from accel.errors import UserError
from accel.fold import Fold, UnitFold
from accel.hardware import Stage, Unit
from accel.kernel import Kernel
from accel.logic.tally import Features
from accel.op import Op
from accel.target import Target
from accel.tensor import Tensor

OpT = TypeVar("OpT", bound=Op)
FoldT = TypeVar("FoldT", bound=UnitFold)
PartT = TypeVar("PartT")
Inputs = tuple[Tensor, ...]


def _in_one_way(op: Op, inputs: Inputs, output: Tensor) -> Sequence[Fold]:
    return ()


@dataclass(frozen=True)
class Hardware(Generic[OpT, FoldT]):
    """Functions that describe nodes of one operator to the back ends. What an operator does not have is None.

    All take the operator, the tensors of its inputs and the one of its output. An operator has `units`, or is made of
    `stages` behind the unit in front of it.
    """

    folds: Callable[[OpT, Inputs, Tensor], Sequence[Fold]] = _in_one_way
    """All folds of a node: `StageFold`s of a stage, none where it is made in one way only."""
    units: Callable[[OpT, Inputs, Tensor, FoldT, Target], tuple[Unit, ...]] | None = None
    """Modules of the RTL with streams, and their timing."""
    stages: Callable[[OpT, Inputs, Tensor, FoldT, Target], tuple[Stage, ...]] | None = None
    """Pipelines that cannot stall, in order."""
    kernel: Callable[[OpT, Inputs, Tensor, FoldT], Kernel] | None = None
    """One call of an HLS project."""
    features: Features = field(default_factory=dict)
    """Module of the RTL → what it is made of; a module without an entry has a guessed price."""
    refusal: Callable[[OpT, Fold], str | None] | None = None
    """Why a fold that is not among `folds` is none, if there is more to say than what is possible."""


@cache
def of_kind(kind: str) -> Hardware[Op, UnitFold] | None:
    """The hardware of an operator; None where only its definition is known."""
    name = f"accel.ops.{kind}.hardware"
    return cast("Hardware[Op, UnitFold]", import_module(name).HARDWARE) if find_spec(name) else None


def hardware_of(op: Op) -> Hardware[Op, UnitFold]:
    """The hardware of a node's operator. Raises UserError where only its definition is known."""
    return required(of_kind(op.kind), op, "HARDWARE")


def required(part: PartT | None, op: Op, what: str) -> PartT:
    """Give what a back end cannot do without. Raises UserError where the operator lacks it."""
    if part is None:
        raise UserError(f"operator {op.kind!r} has no {what}: describe it in accel/ops/{op.kind}/hardware.py")
    return part
