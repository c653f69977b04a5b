"""An operator: one integer definition, its range rule, and data for the back ends.

The definition lives in `accel/ops/<kind>/op.py`; beside it `kernel.py` (HLS), `rtl.py` (SystemVerilog)
and, where training needs a layer of its own, `qat.py`. Back ends never name an operator: they read this data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from accel.errors import GraphError
from accel.numeric import INT64_EXACT
from accel.rows import Rows, mixing

if TYPE_CHECKING:
    import torch

    from accel.tensor import Tensor


def frozen(values: Any) -> np.ndarray:
    """A read-only int64 copy. Raises GraphError when a value is not an integer of at most 62 bits."""
    array = np.asarray(values)
    if array.dtype.kind not in "iubf" or not np.array_equal(array, np.rint(array)):
        raise GraphError(f"constants are integers; got {array.dtype} with fractions, NaN or more than 64 bits")
    if (np.abs(array.astype(np.float64)) >= INT64_EXACT).any():
        raise GraphError("constants have at most 62 bits")
    array = np.array(array, dtype=np.int64)
    array.setflags(write=False)
    return array


def product_error(inputs: Sequence[Tensor], errors: Sequence[float]) -> float:
    """Bound on the error of a product of two numbers, one from each edge."""
    (a, b), (first, second) = inputs, errors
    return a.magnitude * second + b.magnitude * first + first * second


@dataclass(frozen=True, eq=False)
class Op(ABC):
    """Base of the operators: a frozen value whose fields are integers, strings and integer arrays."""

    kind: ClassVar[str]
    arity: ClassVar[int] = 1
    keeps: ClassVar[tuple[int, ...]] = ()
    """Inputs of which a row of the output reads the rows of other tokens."""

    def __post_init__(self) -> None:
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, (np.ndarray, list, tuple)):
                object.__setattr__(self, spec.name, frozen(value))
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

    def narrow(self, *inputs: Tensor) -> torch.dtype | None:
        """A smaller dtype than the carrier in which `evaluate` takes its inputs, with the same result and faster."""
        return None

    def bytes(self, *inputs: Tensor) -> str | None:
        """int8 or uint8, where the operands of products fit and sums of 32 bits hold them with x offset by 128."""
        return None

    def macs(self, inputs: tuple[Tensor, ...], output: Tensor) -> int:
        """Multiply-accumulates per sample that a matrix unit performs; 0 for everything else."""
        return 0

    def constant(self, name: str, like: torch.Tensor, dtype: torch.dtype | None = None) -> torch.Tensor:
        """Field `name` as a torch tensor on the device of `like` (and its dtype unless one is given), cached."""
        import torch

        dtype = dtype or like.dtype
        cache = self.__dict__.setdefault("_constants", {})
        key = (name, dtype, like.device)
        if key not in cache:
            cache[key] = torch.tensor(getattr(self, name), dtype=dtype, device=like.device)
        return cache[key]
