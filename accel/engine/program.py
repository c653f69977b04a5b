"""A network for an engine of some size: its instructions, where everything lies, the tape and the tables.

program = build(match(graph), pe=16, simd=16)

Instructions come in the order of the network's macro operations, each with gap 1: `accel.engine.timing` sets the gaps.
"""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatchmethod
from typing import Any

import numpy as np

from accel.engine import layout
from accel.engine.isa import EngineProgram, Epilogue, Instruction, MultiplierSource, Opcode
from accel.engine.macros import (
    Attend,
    Destination,
    Load,
    Macro,
    MacroGraph,
    Multiply,
    Normalize,
    ToKeys,
    ToLogits,
    ToQueries,
    ToResidual,
    ToValues,
    ToVector,
)
from accel.engine.rounding import rounding_of
from accel.engine.sampling import GumbelNoise
from accel.engine.tables import tables_of
from accel.engine.tape import TapeWriter
from accel.engine.widths import widths_of
from accel.errors import UserError
from accel.ops.dense.op import Dense
from accel.ops.rescale.op import Rescale
from accel.ops.softmax.op import Softmax

EPILOGUES = {
    ToVector: Epilogue.VECTOR,
    ToQueries: Epilogue.QUERY,
    ToKeys: Epilogue.KEY,
    ToValues: Epilogue.VALUE,
    ToResidual: Epilogue.RESIDUAL,
    ToLogits: Epilogue.LOGITS,
}


Vector = Normalize | ToVector | ToQueries | Attend
"""What writes a vector."""


MOST_PRODUCTS = 1 << 16
"""Products per cycle, beyond those of any board."""


def build(network: MacroGraph, pe: int, simd: int) -> EngineProgram:
    """The program of a network for `pe` rows of `simd` products.

    Raises UserError for sizes that do not suit the network, GraphError for weights, keys or values that are too wide.
    """
    require_sizes(network, pe, simd)
    builder = _Assembler(network, pe, simd)
    for macro in network.macros:
        builder.add(macro)
    return builder.program()


def drawing(program: EngineProgram, temperature: float) -> EngineProgram:
    """The program with noise for its logits. Raises UserError where these have no common step."""
    graph = program.network.graph
    steps = set(np.atleast_1d(graph.output_tensor.scale).tolist())
    if len(steps) > 1:
        raise UserError(f"{graph.name}: its logits have a scale per row; tokens are drawn from logits of one scale")
    return replace(program, noise=GumbelNoise.of(temperature, steps.pop()))


def require_sizes(network: MacroGraph, pe: int, simd: int) -> None:
    """Raise UserError where rows and products do not suit a network, saying what does."""
    size, together = network.head_size, network.kv_heads
    rules = {
        "both must be powers of two": _power_of_two(pe) and _power_of_two(simd),
        f"an array has at most {MOST_PRODUCTS:,} products": pe * simd <= MOST_PRODUCTS,
        "simd must be a multiple of pe": simd % pe == 0,
        f"pe must divide the {network.width} channels of the residual stream": network.width % pe == 0,
        f"simd and heads of {size} channels must divide each other": simd % size == 0 or size % simd == 0,
        f"pe and heads of {size} channels must divide each other": pe % size == 0 or size % pe == 0,
        f"whole words must hold all of the {together} kv heads": together % _together(simd, network) == 0,
        f"whole blocks must hold all of the {together} kv heads": together % _together(pe, network) == 0,
    }
    for rule, holds in rules.items():
        if not holds:
            raise UserError(f"an engine of {pe} x {simd} products does not suit {network.graph.name!r}: {rule}")


def _power_of_two(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0


def _together(lanes: int, network: MacroGraph) -> int:
    return max(1, min(lanes // network.head_size, network.kv_heads))


class _Assembler:
    """Instructions, tape and memory of vectors while they grow."""

    def __init__(self, network: MacroGraph, pe: int, simd: int) -> None:
        self._network, self._sizes = network, widths_of(network, pe, simd)
        self._tape, self._instructions = TapeWriter(pe, simd), list[Instruction]()
        self._orders: dict[str, np.ndarray] = {}
        """Edge of a vector → the channels of its lanes."""
        self._places: dict[str, int] = {}
        """Edge of a vector → its first word of A."""
        self._regions: dict[tuple[type, int], int] = {}
        """What a vector is, and how many words it has → its first word of A: all layers use the same."""
        self._words, self._layer, self._attended, self._norms = 0, -1, True, 0
        self._limits: list[tuple[int, int]] = []
        self._held = 0

    def program(self) -> EngineProgram:
        """All that was added."""
        self._instructions.append(Instruction(Opcode.END))
        sizes = replace(self._sizes, words=self._words, held_blocks=self._held, limits=tuple(self._limits))
        tables = tables_of(self._network)
        return EngineProgram(self._network, sizes, tuple(self._instructions), self._tape.tape(), tables)

    @singledispatchmethod
    def add(self, macro: Macro) -> None:
        """Append the instructions of a macro operation."""
        raise TypeError(macro)

    @add.register
    def _load(self, macro: Load) -> None:
        rescale = macro.rescale or self._exact(macro.edge)
        place = self._copy(macro.edge, macro.copied)
        self._put(Opcode.LOAD, rescale, (macro.edge,), Epilogue.RESIDUAL, rows=self._width_blocks, **place)

    @add.register
    def _normalize(self, macro: Normalize) -> None:
        to, place = Epilogue.RESIDUAL, self._copy(macro.edge, macro.copied)
        if not macro.in_place:
            to, place = Epilogue.VECTOR, self._target(macro, self._width_order)
        rescale, gains = rounding_of(macro.norm), 0
        if macro.norm.gamma.lo != macro.norm.gamma.hi:
            self._norms, gains = self._norms + 1, self._norms + 1
        self._put(
            Opcode.NORM,
            rescale,
            (macro.edge,),
            to,
            factor=MultiplierSource.ROOT,
            rows=self._width_blocks,
            gains=gains,
            **place,
        )
        self._finish(macro)

    @add.register
    def _multiply(self, macro: Multiply) -> None:
        columns, to = self._orders[macro.source], macro.to
        if isinstance(to, ToQueries | ToKeys | ToValues) and self._attended:
            self._layer, self._attended = self._layer + 1, False
        rescale = getattr(to, "rescale", None) or self._exact(macro.sums)
        order = self._row_order(macro)
        rows = _arranged(macro.dense, rescale, order, columns)
        if macro.gate:
            dense, gate = macro.gate
            rescale, other = _alike(rescale, gate.rescale, macro.sums)
            gates, rows = _arranged(dense, other, order, columns), _arranged(macro.dense, rescale, order, columns)
            weights, biases, multipliers = (
                layout.alternating(*pair, self._sizes.pe) for pair in zip(gates, rows, strict=True)
            )
            rows = weights, biases, multipliers
        planes = self._tape.append(*rows)
        aligned = to.aligned if isinstance(to, ToResidual) else 0
        by_row = rescale.multiplier.size > 1
        self._put(
            Opcode.MATRIX,
            to.kept if isinstance(to, ToResidual) and aligned else rescale,
            (macro.sums, to.edge),
            Epilogue.GATE if macro.gate else EPILOGUES[type(to)],
            late=self._late(macro),
            factor=MultiplierSource.ROW if by_row else MultiplierSource.CONSTANT,
            rows=len(rows[0]) // self._sizes.pe,
            words=len(columns) // self._sizes.simd,
            planes=planes,
            source=self._places[macro.source],
            scaled=macro.source in self._network.blocks,
            aligned=aligned.bit_length(),
            **self._written(to, order),
            looked_up=isinstance(to, ToVector) and to.lookup is not None,
            turned=isinstance(to, ToQueries | ToKeys) and to.turn is not None,
        )
        if isinstance(to, ToVector):
            self._finish(to)

    @add.register
    def _attend(self, macro: Attend) -> None:
        sizes, (scores, shares, values) = self._sizes, macro.edges
        self._put(
            Opcode.SCORE,
            macro.scores,
            (scores,),
            Epilogue.SCORES,
            words=sizes.head_words,
            planes=sizes.key_planes,
            source=self._places[macro.queries],
        )
        self._put(Opcode.SOFT, self._exact(shares), (shares,), rows=sizes.heads)
        head = MultiplierSource.HEAD
        last = macro.rescale
        if isinstance(macro.shares, Softmax):
            top = (1 << macro.shares.out_bits) - 1
            rounding = Rescale([1], macro.shares.shift, "half_up", 0, top)
            self._put(Opcode.SHARE, rounding, (shares,), factor=head, rows=sizes.heads)
        elif macro.divide:
            divide = macro.divide
            last = Rescale([1], divide.numerator_bits - divide.fraction, "half_up", divide.lo, divide.hi)
        assert last is not None, "a macro operation divides or rounds"
        self._put(
            Opcode.VALUE,
            last,
            (values, macro.edge),
            factor=head if macro.divide else MultiplierSource.CONSTANT,
            planes=sizes.value_planes,
            **self._target(macro, layout.mixed(sizes)),
        )
        self._finish(macro)
        self._attended = True

    def _written(self, to: Destination, order: np.ndarray) -> dict[str, Any]:
        """Where the results of a matrix lie in A, if they do."""
        if isinstance(to, ToVector | ToQueries):
            return self._target(to, order)
        return self._copy(to.edge, isinstance(to, ToResidual) and to.copied)

    def _target(self, to: Vector, order: np.ndarray) -> dict[str, Any]:
        """Where a vector is written: to A, or to H where it waits for its exponent."""
        place = self._vector(to.edge, type(to), order)
        block = None if isinstance(to, ToQueries) else to.block
        self._held = max(self._held, len(order) // self._sizes.pe if block else 0)
        return {"held": True} if block else {"target": place}

    def _finish(self, to: Normalize | ToVector | Attend) -> None:
        """Append the BLOCK of a vector that has an exponent."""
        if to.block:
            blocks = int(np.flatnonzero(self._orders[to.edge] >= 0)[-1]) // self._sizes.pe + 1
            target = self._places[to.edge] * (self._sizes.simd // self._sizes.pe)
            mantissas = Rescale([1], to.block.bits, "half_up", -to.block.top, to.block.top)
            edges = tuple(node.name for node in self._network.graph.consumers[to.edge])
            self._put(Opcode.BLOCK, mantissas, edges, rows=blocks, target=target)

    def _copy(self, edge: str, copied: bool) -> dict[str, Any]:
        """Where the residual stream becomes a vector, if it does."""
        return {"target": self._vector(edge, Load, self._width_order), "copied": True} if copied else {}

    @property
    def _width_order(self) -> np.ndarray:
        return layout.natural(self._network.width, self._sizes.simd)

    @property
    def _width_blocks(self) -> int:
        return self._network.width // self._sizes.pe

    def _row_order(self, macro: Multiply) -> np.ndarray:
        """The channels that a matrix makes, lane by lane."""
        if isinstance(macro.to, ToQueries):
            return layout.queries(self._sizes)
        return layout.natural(macro.dense.weight.shape[0], self._sizes.pe)

    def _exact(self, edge: str) -> Rescale:
        """No rounding: the edge has the integers as they come."""
        tensor = self._network.graph.tensors[edge]
        return Rescale([1], 0, "half_up", tensor.lo, tensor.hi)

    def _vector(self, edge: str, kind: type, order: np.ndarray) -> int:
        """The first block of a vector that is made now."""
        order = layout.padded(order, self._sizes.simd)
        key = kind, len(order) // self._sizes.simd
        if key not in self._regions:
            self._regions[key] = self._words
            self._words += key[1]
        self._orders[edge], self._places[edge] = order, self._regions[key]
        return self._regions[key] * (self._sizes.simd // self._sizes.pe)

    def _put(
        self,
        op: Opcode,
        rescale: Rescale,
        edges: tuple[str, ...],
        epilogue: Epilogue = Epilogue.VECTOR,
        *,
        late: Rescale | None = None,
        **fields: Any,
    ) -> None:
        """Append an instruction whose results are rounded as a Rescale says."""
        fields |= {"multiplier": int(rescale.multiplier[0])} if rescale.multiplier.size == 1 else {}
        fields |= {"late_shift": late.shift, "late_limits": self._index(late)} if late else {}
        even, limits = rescale.rounding == "half_even", self._index(rescale)
        self._instructions.append(
            Instruction(
                op,
                epilogue,
                shift=rescale.shift,
                even=even,
                limits=limits,
                layer=max(0, self._layer),
                edges=edges,
                **fields,
            )
        )

    def _late(self, macro: Multiply) -> Rescale | None:
        """The second rounding of a matrix: behind a turn, a gate, or a sum with the residual stream."""
        to = macro.to
        if isinstance(to, ToQueries | ToKeys):
            return to.turn.rescale if to.turn else None
        if isinstance(to, ToResidual):
            return None if to.aligned else to.kept
        if macro.hidden is None:
            return None
        hidden = self._network.graph.tensors[to.edge]  # gates have as many bits as it, which limits may exceed
        return replace(macro.hidden, lo=hidden.lo, hi=hidden.hi)

    def _index(self, rescale: Rescale) -> int:
        """The place of a Rescale's limits among those of the design."""
        pair = rescale.lo, rescale.hi
        if pair not in self._limits:
            self._limits.append(pair)
        return self._limits.index(pair)


def _alike(one: Rescale, other: Rescale, edge: str) -> tuple[Rescale, Rescale]:
    """Two roundings with the same shift, whose larger one the multipliers of the other make up for."""
    if (one.lo, one.hi, one.rounding) != (other.lo, other.hi, other.rounding):
        raise UserError(f"node {edge!r}: an engine rounds gates and what they open to one format")
    shift = max(one.shift, other.shift)
    raised = (
        Rescale(each.multiplier.wide() << (shift - each.shift), shift, each.rounding, each.lo, each.hi)
        for each in (one, other)
    )
    return next(raised), next(raised)


def _arranged(
    dense: Dense, rescale: Rescale, rows: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, biases and multipliers of a Dense, rows in the order of lanes; those of no channel are 0."""

    def of_rows(values: np.ndarray) -> np.ndarray:
        return np.where(rows >= 0, np.broadcast_to(values, dense.bias.shape)[rows], 0)

    matrix = layout.arranged(dense.weight.wide(), rows, columns)
    return matrix, of_rows(dense.bias.wide()), of_rows(rescale.multiplier.wide())
