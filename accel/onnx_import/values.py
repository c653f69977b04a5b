"""Meanings of ONNX tensors during import, and the view that a handler has of an ONNX node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from accel import building
from accel.onnx_import.layout import Layout
from accel.spelling import printable


class Refused(Exception):
    """A handler cannot express its node: why, and what to change in the model."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.why, self.remedy = why, remedy


class Uncertain(Refused):
    """A refusal that depends on numbers, or on what made them: where these are made up it says nothing."""


@dataclass(frozen=True)
class Constant:
    """A tensor known at import. `step`, of the same shape, is the quantization step of each element, if it has one."""

    value: np.ndarray
    step: np.ndarray | None = None

    def moved(self, arrays: Callable[[np.ndarray], np.ndarray]) -> Constant:
        """A pure rearrangement of the elements."""
        return Constant(arrays(self.value), None if self.step is None else arrays(self.step))


@dataclass(frozen=True)
class Real:
    """Input `name` of the file before its quantizer, times `factor` and plus `offset`; `integer`: identifiers.

    Both constants have shape () or (tokens, channels).
    """

    name: str
    layout: Layout
    integer: bool = False
    factor: np.ndarray = field(default_factory=lambda: np.ones(()))
    offset: np.ndarray = field(default_factory=lambda: np.zeros(()))


@dataclass(frozen=True)
class Edge(building.Edge):
    """An edge of the graph whose axes in the file are those of `layout`.

    `relu` says that negative values still have to become 0: the next Rescale does it with its lower bound. `rest`,
    which broadcasts to (tokens, channels), is what constants left over between the steps: value = (integer + rest) ·
    scale. Only a sign looks at it: it moves the threshold.
    """

    layout: Layout
    relu: bool = False
    rest: np.ndarray | None = None

    def same_numbers(self, other: Edge) -> bool:
        """True when both stand for the same real numbers: the integers of one graph edge can have several meanings."""
        rests = [np.zeros(()) if edge.rest is None else edge.rest for edge in (self, other)]
        same = (self.name, self.relu) == (other.name, other.relu)
        return same and np.array_equal(self.scale, other.scale) and np.array_equal(rests[0], rests[1])


@dataclass(frozen=True)
class Shared:
    """Channels of `edge` that nothing has read yet: channel i of `layout` is its order[i], times signs[i] = ±1.

    A file repeats those that heads share, and a product of attention reads them as they are; or it takes some of them,
    and joins them again in another order. `hint` names what chooses them for anything else; `origin` is the ONNX tensor
    that holds them, with the layout that they have there.
    """

    edge: Edge
    order: np.ndarray
    layout: Layout
    hint: str
    origin: tuple[str, Layout] | None = None
    signs: np.ndarray | None = None

    @property
    def repeats(self) -> bool:
        """True when one channel is there more than once."""
        return len(set(self.order.tolist())) != len(self.order)


@dataclass(frozen=True)
class Steps:
    """Integers between QuantizeLinear and DequantizeLinear: `real`, ONNX tensor `tensor`, in steps of `scale`."""

    real: Constant | Real | Edge | Deferred
    tensor: str
    scale: np.ndarray
    zero: int
    lo: int
    hi: int


@dataclass(frozen=True)
class Unknown:
    """The output of a node that was refused, or whatever depends on one: reported once, at its origin."""


@dataclass(frozen=True)
class Function:
    """Real numbers computed from `edge` element by element: `evaluate` maps its real values to float32.

    `size` counts the operators in it. A quantizer makes a Lookup of it. For any other reader `made`, where it is known,
    makes an edge with operators of edges (see `functions.as_edge`).
    """

    edge: Edge
    evaluate: Callable[[np.ndarray], np.ndarray]
    layout: Layout
    hint: str
    size: int = 0
    made: Callable[[], Edge | None] | None = None


@dataclass(frozen=True)
class Joined:
    """Numbers that several masks, or masks and constants, decide element by element.

    `results[i]` is what they are where mask j, an edge of 0 and 1, is bit j of i. `made` makes for readers that do not
    look for masks what the node is for them.
    """

    masks: tuple[Edge, ...]
    results: tuple[np.ndarray, ...]
    made: Callable[[], Value | tuple[Value, ...]]


@dataclass(frozen=True)
class Masked:
    """Scores of which those that are `hidden`, (tokens, channels), do not count, for a softmax or a quantizer.

    Nor do those where one of the edges `shown`, of the scores' shape and layout, is 0 and not 1: masks that come in
    with the samples.
    """

    edge: Edge
    hidden: np.ndarray
    layout: Layout
    shown: tuple[Edge, ...] = ()


@dataclass(frozen=True)
class Probabilities:
    """The softmax of `edge` over the keys of a head. A quantizer makes a Softmax of it.

    `hidden`, (tokens, channels), are scores that do not count, by another mask than the `causal` one; `shown` as of
    `Masked`.
    """

    edge: Edge
    row: int
    causal: bool
    layout: Layout
    hint: str
    hidden: np.ndarray | None = None
    shown: tuple[Edge, ...] = ()


@dataclass(frozen=True)
class Normalized:
    """gamma · norm(edge) + beta over `row` channels of a token or head, gamma and beta one number per channel.

    A quantizer makes a Norm of it.
    """

    edge: Edge
    form: str
    epsilon: float
    gamma: np.ndarray
    beta: np.ndarray
    layout: Layout
    hint: str
    row: int


#: Real numbers that become integers only in the next quantizer, which chooses the operator's constants.
Deferred = Function | Masked | Probabilities | Normalized
Value = Constant | Real | Edge | Shared | Steps | Deferred | Joined | Unknown

IDENTIFIERS = Refused(
    "computes with identifiers",
    "export with position_ids and attention_mask given as constants, so that ids are looked up",
)
QUANTIZE_INPUT = (
    "put a QuantIdentity at the model's input, or say which numbers come in: --input-scale STEP --input-bits BITS "
    "(accel.load: input_scale, input_bits)"
)
STATISTICS_REMEDY = "where samples are normalized by their own statistics, cut the model behind that"
NORM_REMEDY = "of a norm or softmax that is written out, leave its own operators out of the quantization"
ISLAND_REMEDY = "put a QuantIdentity behind the operator that makes these numbers"


def island(value: Deferred | Steps) -> Refused:
    """The refusal of an operator that would have to compute with real numbers."""
    if isinstance(value, Steps):
        return Refused("computes with the integers of a QuantizeLinear", "put the DequantizeLinear in front of it")
    return Refused(f"is a float island: no quantizer stands between {maker(value)} and it", ISLAND_REMEDY)


def maker(value: Deferred) -> str:
    """The node that gave real numbers, in quotes."""
    if isinstance(value, Masked):
        return "a mask"
    return repr(printable(value.hint, 40))


@dataclass(frozen=True)
class Call:
    """One ONNX node with its input values. `uses[i]` counts the readers of the tensor behind input i."""

    name: str
    op_type: str
    inputs: tuple[Value | None, ...]
    tensors: tuple[str, ...]
    uses: tuple[int, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    opset: int = 13

    @property
    def output(self) -> str:
        """The first output's tensor."""
        return self.outputs[0] if self.outputs else ""

    def take(self, least: int, most: int | None = None) -> tuple[Value | None, ...]:
        """The inputs, filled up with None to `most` (or `least`). Refuses another number of them."""
        most = most or least
        given = self.inputs
        if not least <= len(given) <= most or None in given[:least]:
            raise Refused(f"has {len(given)} inputs", "export the model again: the node is malformed")
        return given + (None,) * (most - len(given))

    def only_reader(self, index: int) -> str | None:
        """The tensor behind an input when this node is all that reads it."""
        return self.tensors[index] if self.uses[index] == 1 else None

    def integer(self, name: str, default: int | None = None) -> int:
        value = self._attribute(name, default, int)
        assert isinstance(value, int)
        return value

    def flag(self, name: str, default: int | None = None) -> bool:
        value = self.integer(name, default)
        if value not in (0, 1):
            raise Refused(f"attribute {name!r} is {value}", "export the model again: it is 0 or 1")
        return bool(value)

    def number(self, name: str, default: float | None = None) -> float:
        value = self._attribute(name, default, float, int)
        assert isinstance(value, float | int)
        return float(value)

    def text(self, name: str, default: str | None = None) -> str:
        value = self._attribute(name, default, str, bytes)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def integers(self, name: str) -> tuple[int, ...] | None:
        """A list attribute, or None when it is absent."""
        if name not in self.attributes:
            return None
        values = self.attributes[name]
        if not isinstance(values, list) or not all(isinstance(v, int) for v in values):
            raise Refused(f"attribute {name!r} is no list of integers", "export the model again")
        return tuple(values)

    def _attribute(self, name: str, default: object, *kinds: type) -> object:
        value = self.attributes.get(name, default)
        if not isinstance(value, kinds):
            problem = "missing" if value is None else "of the wrong type"
            raise Refused(f"attribute {name!r} is {problem}", "export the model again")
        return value


def rows_of(layout: Layout, values: np.ndarray) -> np.ndarray:
    """Constants that broadcast to a layout, as float64 (tokens, channels)."""
    if not np.isfinite(values).all():
        raise Refused("its constant holds NaN or infinity", "train or export the model again")
    try:
        rows = layout.to_edge(values.astype(np.float64))
    except ValueError:
        raise Refused(
            f"adds shape {values.shape} to {layout.shape}", "add a constant of the activation's shape"
        ) from None
    if (rows != rows[:1]).any():
        raise Refused("its constant differs between samples", "export with a constant that is the same for all samples")
    return rows[0]
