"""Macro operations in numpy, token by token: what `accel.engine.match` found has to mean what the graph says."""

from __future__ import annotations

import numpy as np
import torch

from accel.engine.macros import (
    Attend,
    Destination,
    Load,
    MacroGraph,
    Multiply,
    Normalize,
    ToKeys,
    ToLogits,
    ToQueries,
    ToResidual,
    ToValues,
    ToVector,
    Turn,
)
from accel.op import Op
from accel.ops.softmax.op import Softmax

Edges = dict[str, np.ndarray]


class Sequence:
    """Tokens of one sequence, and the keys and values of those that came."""

    def __init__(self, macros: MacroGraph) -> None:
        self.macros, self.place = macros, 0
        self._kept: dict[str, list[np.ndarray]] = {}
        self.edges: Edges = {}
        """Rows of the last token, by the names that macro operations give."""

    def step(self, identifier: int) -> Edges:
        """The next token's rows of every edge that a macro operation names."""
        self.edges = {}
        self._x = np.zeros(self.macros.width, np.int64)
        for macro in self.macros.macros:
            if isinstance(macro, Load):
                self._load(macro, identifier)
            elif isinstance(macro, Normalize):
                self._normalize(macro)
            elif isinstance(macro, Multiply):
                self._multiply(macro)
            else:
                self._attend(macro)
        self.place += 1
        return self.edges

    def _stream(self, edge: str, x: np.ndarray) -> None:
        self._x = self.edges[edge] = x

    def _load(self, macro: Load, identifier: int) -> None:
        if macro.by_both is not None:
            self._stream(macro.edge, macro.by_both[identifier, self.place])
            return
        assert macro.by_token is not None
        x = macro.by_token[identifier]
        if macro.by_place is not None:
            x = x + macro.by_place[self.place]
        self._stream(macro.edge, x if macro.rescale is None else evaluated(macro.rescale, x))

    def _normalize(self, macro: Normalize) -> None:
        x = self._x
        if macro.mean:
            x = x - evaluated(macro.mean.rescale, x.sum(keepdims=True))
        y = evaluated(macro.norm, x)
        self.edges[macro.edge] = y
        if macro.in_place:
            self._x = y

    def _multiply(self, macro: Multiply) -> None:
        x = self.edges[macro.source]
        if block := self.macros.blocks.get(macro.source):
            x = evaluated(block, x)
        sums = self.edges[macro.sums] = macro.dense.weight.wide() @ x + macro.dense.bias.wide()
        if macro.gate:
            assert isinstance(macro.to, ToVector)
            dense, gate = macro.gate
            first = evaluated(gate.rescale, dense.weight.wide() @ x + dense.bias.wide())
            opening = evaluated(gate.lookup, evaluated(gate.narrowed, first))
            opened = evaluated(gate.opened, first * opening)
            self.edges[macro.to.edge] = evaluated(macro.hidden, opened * evaluated(macro.to.rescale, sums))
        else:
            self._written(macro.to, sums)

    def _written(self, to: Destination, sums: np.ndarray) -> None:
        if isinstance(to, ToResidual):
            self._stream(to.edge, self._residual(to, sums))
            return
        y = sums if to.rescale is None else evaluated(to.rescale, sums)
        if isinstance(to, ToVector) and to.lookup:
            y = evaluated(to.lookup, y)
        if isinstance(to, ToQueries | ToKeys) and to.turn:
            y = self._turned(to.turn, y)
        if isinstance(to, ToKeys | ToValues):
            self._kept.setdefault(to.edge, []).append(y)
        self.edges[to.edge] = y
        if isinstance(to, ToLogits):
            self.edges["chosen"] = np.array([y.argmax()])

    def _residual(self, to: ToResidual, sums: np.ndarray) -> np.ndarray:
        if to.aligned:
            return evaluated(to.kept, to.aligned * self._x + sums)
        assert to.rescale
        return evaluated(to.kept, self._x + evaluated(to.rescale, sums))

    def _turned(self, turn: Turn, x: np.ndarray) -> np.ndarray:
        cos, sin = (c.wide()[self.place] for c in (turn.rotary.cos, turn.rotary.sin))
        heads = x.reshape(-1, len(cos))
        partners = heads.reshape(len(heads), -1, 2)[..., ::-1].reshape(heads.shape)
        return evaluated(turn.rescale, (heads * cos + partners * sin).reshape(-1))

    def _attend(self, macro: Attend) -> None:
        """Scores and shares have a row per head and a column per key; the graph has columns of later keys as well."""
        group = macro.heads // macro.kv_heads
        q = self.edges[macro.queries].reshape(macro.heads, -1)
        k, v = (
            np.stack(self._kept[edge]).reshape(self.place + 1, macro.kv_heads, -1)
            for edge in (macro.keys, macro.values)
        )
        k, v = k.repeat(group, axis=1), v.repeat(group, axis=1)
        raw = np.einsum("hc,khc->hk", q, k)
        scores = evaluated(macro.scores, raw.reshape(-1)).reshape(raw.shape)
        rom = macro.shares.rom.wide()
        shares = rom[np.minimum(scores.max(1, keepdims=True) - scores, len(rom) - 1)]
        totals = shares.sum(1)
        if isinstance(macro.shares, Softmax):
            op = macro.shares
            product = shares * ((1 << op.numerator_bits) // totals)[:, None]
            shares = ((product + (1 << (op.shift - 1))) >> op.shift).clip(max=(1 << op.out_bits) - 1)
        values = np.einsum("hk,khc->hc", shares, v).reshape(-1)
        found = evaluated(macro.divide, values, totals) if macro.divide else evaluated(macro.rescale, values)
        for edge, rows in zip((*macro.edges, macro.edge), (scores, shares, values, found), strict=True):
            self.edges[edge] = rows


def evaluated(op: Op | None, *rows: np.ndarray) -> np.ndarray:
    """An operator of single tokens on one of them."""
    assert op is not None
    found: np.ndarray = op.evaluate(*(torch.from_numpy(row.reshape(1, 1, -1)) for row in rows)).numpy().reshape(-1)
    return found
