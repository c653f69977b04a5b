"""Macro operations: work of the engine for one token, each made of one or more nodes of the graph.

`accel.engine.match` finds them and `accel.engine.program` makes instructions of them. Every macro operation holds the
operators of its nodes as they are, and the names of the edges that it computes, so whatever runs it can be compared
with the graph edge by edge.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accel.constants import Constant
    from accel.graph import Graph
    from accel.ops.blockfloat.op import BlockFloat
    from accel.ops.dense.op import Dense
    from accel.ops.divide.op import Divide
    from accel.ops.exponential.op import Exponential
    from accel.ops.lookup.op import Lookup
    from accel.ops.norm.op import Norm
    from accel.ops.rescale.op import Rescale
    from accel.ops.rotary.op import Rotary
    from accel.ops.softmax.op import Softmax
    from accel.tensor import Tensor


@dataclass(frozen=True)
class Load:
    """The residual stream of a new token, rounded(by_token[identifier] + by_place[position]).

    `by_token` is (vocabulary, channels) and `by_place` (tokens, channels). Whatever the graph computes of identifier
    and position alone may be folded into a table of one row for every pair: then `by_token` is None, `by_both` is
    (vocabulary, tokens, channels).
    """

    edge: str
    by_token: Constant | None
    by_place: Constant | None = None
    by_both: Constant | None = None
    rescale: Rescale | None = None
    copied: bool = False
    """A matrix reads the residual stream itself: it becomes a vector, too."""


@dataclass(frozen=True)
class Mean:
    """The mean that a LayerNorm subtracts: the sum of the channels, rounded to a step of the residual stream."""

    rescale: Rescale


@dataclass(frozen=True)
class Normalize:
    """The residual stream, normalized, becomes a vector (or the residual stream itself, if `in_place`)."""

    source: str
    edge: str
    norm: Norm
    mean: Mean | None = None
    block: BlockFloat | None = None
    in_place: bool = False
    copied: bool = False
    """As of Load, where the norm is in place."""


@dataclass(frozen=True)
class Turn:
    """Rotary positions of queries or keys, and the rounding behind them."""

    rotary: Rotary
    rescale: Rescale


@dataclass(frozen=True)
class ToVector:
    """Sums → a vector: rounded, then through a table if there is one (`lookup` of the rounded sum itself)."""

    edge: str
    rescale: Rescale
    lookup: Lookup | None = None
    block: BlockFloat | None = None


@dataclass(frozen=True)
class ToQueries:
    """Sums → queries in the activation memory."""

    edge: str
    rescale: Rescale
    turn: Turn | None = None


@dataclass(frozen=True)
class ToKeys:
    """Sums → keys of this position in the cache."""

    edge: str
    rescale: Rescale
    turn: Turn | None = None


@dataclass(frozen=True)
class ToValues:
    """Sums → values of this position in the cache."""

    edge: str
    rescale: Rescale


@dataclass(frozen=True)
class Gate:
    """The first half of a gated feed-forward: rounded(x · table[narrowed x]), x the rounded sum.

    It is followed by the rows of `up`: the hidden vector is rounded(gate · up).
    """

    rescale: Rescale
    narrowed: Rescale
    lookup: Lookup
    opened: Rescale


@dataclass(frozen=True)
class ToResidual:
    """Sums → the residual stream.

    aligned = 0: x ← kept(x + rounded sum). Otherwise x ← kept(aligned · x + sum): one rounding for both, and `rescale`
    is None.
    """

    edge: str
    rescale: Rescale | None
    kept: Rescale
    aligned: int = 0
    copied: bool = False
    """As of Load."""


@dataclass(frozen=True)
class ToLogits:
    """Sums are logits, or logits after one multiplier per row; the largest one, the first of equal ones, is chosen."""

    edge: str
    rescale: Rescale | None = None


Destination = ToVector | ToQueries | ToKeys | ToValues | ToResidual | ToLogits


@dataclass(frozen=True)
class Multiply:
    """A matrix times a vector. With `gate`, its rows and those of `dense` alternate, block by block."""

    source: str
    sums: str
    dense: Dense
    to: Destination
    gate: tuple[Dense, Gate] | None = None
    hidden: Rescale | None = None
    """The rounding of gate · up."""


@dataclass(frozen=True)
class Attend:
    """Attention of one layer over the cached keys and values; it makes a vector.

    shares is a Softmax, whose result is weighted and rounded by `rescale`, or an Exponential, whose weighted values are
    divided by the sums (`divide`).
    """

    queries: str
    keys: str
    values: str
    edge: str
    heads: int
    kv_heads: int
    scores: Rescale
    shares: Softmax | Exponential
    rescale: Rescale | None = None
    divide: Divide | None = None
    edges: tuple[str, ...] = ()
    """Edges of rounded scores, shares and values, in this order."""
    block: BlockFloat | None = None


Macro = Load | Normalize | Multiply | Attend


@dataclass(frozen=True)
class MacroGraph:
    """A causal graph as macro operations in order. `width` is that of the residual stream."""

    graph: Graph
    macros: tuple[Macro, ...]
    width: int
    vocabulary: int
    context: int
    heads: int
    kv_heads: int
    head_size: int

    @cached_property
    def blocks(self) -> dict[str, BlockFloat]:
        """Edge of a vector that has an exponent → the BlockFloat that makes its mantissas."""
        made = [macro.to if isinstance(macro, Multiply) else macro for macro in self.macros]
        return {to.edge: to.block for to in made if isinstance(to, Normalize | ToVector | Attend) and to.block}

    def vector(self, edge: str) -> Tensor:
        """A vector as matrices read it: its integers, or its mantissas."""
        if edge not in self.blocks:
            return self.graph.tensors[edge]
        block = self.blocks[edge]
        return replace(self.graph.tensors[edge], lo=-block.top, hi=block.top)
