"""An operator: one integer definition, its range rule, and data for the back ends.

The definition lives in `accel/ops/<kind>/op.py`; beside it `kernel.py` (HLS), `rtl.py` (SystemVerilog), `cost.py`
and, where training needs a layer of its own, `qat.py`. Back ends never name an operator: they read `HARDWARE` of
`hardware.py` (`accel.ops.hardware`), in which the first three are entered.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, ClassVar, TypeVar, dataclass_transform

from accel.constants import Constant, Integers
from accel.rows import Rows, mixing

if TYPE_CHECKING:
    import torch

    from accel.tensor import Tensor

T = TypeVar("T")


@dataclass_transform(eq_default=False, frozen_default=True, field_specifiers=(field,))
def frozen(operator: type[T]) -> type[T]:
    """Make a class of an operator a frozen dataclass whose fields `Integers` take any integers."""
    return dataclass(frozen=True, eq=False)(operator)


def product_error(inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
    """Bound on the error of a product of two numbers, one from each edge."""
    (a, b), (first, second) = inputs, errors
    return a.magnitude * second + b.magnitude * first + first * second


@dataclass(frozen=True, eq=False)
class Op(ABC):
    """Base of the operators: a frozen value whose fields are integers, strings and constants.

    A field that is declared as `Integers` takes anything that numpy reads as integers, and holds a `Constant`.
    """

    kind: ClassVar[str]
    arity: ClassVar[int] = 1
    keeps: ClassVar[tuple[int, ...]] = ()
    """Inputs of which a row of the output reads the rows of other tokens."""

    def __post_init__(self) -> None:
        for spec in fields(self):
            if spec.type in ("Integers", Integers):
                object.__setattr__(self, spec.name, Constant.of(getattr(self, spec.name)))
        self.check()

    def check(self) -> None:  # noqa: B027 - most operators have nothing to check
        """Raise GraphError when the attributes contradict each other."""

    @abstractmethod
    def infer(self, *inputs: Tensor) -> Tensor:
        """Shape and range of the output (scale left at 1); raises GraphError on unfit inputs."""

    @abstractmethod
    def peak(self, *inputs: Tensor) -> int:
        """Bound on the magnitude of every intermediate value: it chooses the reference's carrier."""

    @abstractmethod
    def error(self, inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
        """Bound on how far the output is off where the inputs are off by `errors`, all in steps of their own edges.

        The import asks for it between two quantizers of a file. What the operator itself rounds is not included. The
        width of the output's range is a bound where no better one is needed: the imports of softmax and norm have their
        own.
        """

    @abstractmethod
    def evaluate(self, *inputs: torch.Tensor) -> torch.Tensor:
        """The normative definition. Tensors are (samples, tokens, channels), integers in any exact carrier."""

    def by_row(self, tokens: int, *inputs: Rows) -> Rows:
        """How the output's rows are known, from how those of the inputs are, in a sequence of `tokens` tokens.

        The default is an operator that works on every token alone. Raises GraphError, saying why, when a row needs
        later tokens.
        """
        return mixing(*inputs)

    def evaluate_rows(self, first: int, tokens: int, *inputs: torch.Tensor) -> torch.Tensor:
        """Rows first, first + 1, … of `evaluate`, from the same rows of its inputs.

        Inputs in `keeps` come with all tokens: those behind the rows have any values of their range.
        """
        return self.evaluate(*inputs)

    def narrow(self, *inputs: Tensor) -> str | None:
        """A smaller dtype than the carrier in which `evaluate` takes its inputs, with the same result and faster.

        int8 and uint8 are for processors and GPUs that are fast with them.
        """
        return None

    def bytes(self, *inputs: Tensor) -> str | None:
        """int8 or uint8, where the operands of products fit and sums of 32 bits hold them with x offset by 128."""
        return None

    def compiled(self, *inputs: Tensor) -> tuple[str, object]:
        """How the compiled reference evaluates the operator: what its header's name has behind `native`, and what its
        names are read from. An operator has a second header where some of its constants have a faster form.
        """
        return "", self

    def macs(self, inputs: tuple[Tensor, ...], output: Tensor) -> int:
        """Multiply-accumulates per sample that a matrix unit performs; 0 for everything else."""
        return 0
