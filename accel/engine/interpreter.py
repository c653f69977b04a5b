"""The definition of the instruction set: an engine's memories, and what every instruction does to them.

engine = Interpreter(program)
engine.step(token, position)  # → Evaluated: the chosen token and all logits; with trace=True also all results

Memories have the layouts of `accel.engine.isa`. All integers are int64, which none of the graph's ranges leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from accel import arguments
from accel.engine import rounding
from accel.engine.digits import DIGIT
from accel.engine.isa import EngineProgram, Epilogue, Instruction, MultiplierSource, Opcode
from accel.engine.macros import Attend, Multiply, Normalize, ToVector
from accel.engine.sampling import SEED_BITS
from accel.errors import UserError


@dataclass(frozen=True)
class Evaluated:
    """The token that was chosen, all logits, and by instruction its results, where asked for.

    Results are (blocks, pe), in the order in which they come.
    """

    token: int
    logits: np.ndarray
    results: dict[int, np.ndarray] = field(default_factory=dict)


class Interpreter:
    """Executes a program token by token. Memories begin with zeros, which no result depends on."""

    def __init__(self, program: EngineProgram) -> None:
        self.program, sizes = program, program.sizes
        pe, simd, layers = sizes.pe, sizes.simd, sizes.layers
        channels = sizes.kv_heads * sizes.head_size
        words, blocks = -(-channels // simd), -(-channels // pe)
        keys = -(-sizes.context // simd) * simd
        self._x = np.zeros((sizes.width // pe, pe), np.int64)
        self._a = np.zeros((sizes.words * simd // pe, pe), np.int64)
        self._held = np.zeros((sizes.held_blocks, pe), np.int64)
        self._exponent = 0
        self._scores = np.zeros((sizes.heads, keys), np.int64)
        self._shares = np.zeros((sizes.heads, keys), np.int64)
        self._sums = np.zeros(sizes.heads, np.int64)
        self._keys = np.zeros((layers, keys, words * simd), np.int64)
        self._values = np.zeros((layers, keys, blocks * pe), np.int64)
        self._macros = _by_edge(program)
        self._results: dict[int, np.ndarray] = {}
        self._beat = self._row = 0

    def step(self, token: int, position: int, seed: int = 0, *, trace: bool = False) -> Evaluated:
        """Evaluate a token at a position, whose predecessors were evaluated at theirs.

        `seed` is that of the noise of a program that draws tokens; others take 0 alone. Raises UserError on a token,
        position or seed that the program does not have.
        """
        sizes = self.program.sizes
        seeds = 1 << SEED_BITS if self.program.noise else 1
        token = _below("token", token, sizes.vocabulary)
        position = _below("position", position, sizes.context)
        seed = _below("seed", seed, seeds)
        self._token, self._position = token, position
        self._beat = self._row = 0
        results = {}
        for number, instruction in enumerate(self.program.instructions):
            found = self._execute(instruction)
            if trace:
                results[number] = found
        return Evaluated(self.program.choose(self._logits, position, seed), self._logits, results)

    def _execute(self, i: Instruction) -> np.ndarray:
        match i.op:
            case Opcode.LOAD:
                return self._load(i)
            case Opcode.NORM:
                return self._norm(i)
            case Opcode.MATRIX:
                return self._matrix(i)
            case Opcode.SCORE:
                return self._score(i)
            case Opcode.SOFT:
                return self._soft(i)
            case Opcode.SHARE:
                return self._share(i)
            case Opcode.VALUE:
                return self._value(i)
            case Opcode.BLOCK:
                return self._block(i)
        return np.empty((0, self.program.sizes.pe), np.int64)

    # ---- the residual stream

    def _load(self, i: Instruction) -> np.ndarray:
        tables, sizes = self.program.tables, self.program.sizes
        if "by_both" in tables:
            row = tables["by_both"][self._token * sizes.context + self._position]
        else:
            row = tables["by_token"][self._token] + (tables["by_place"][self._position] if "by_place" in tables else 0)
        y = self._rounded(i, row.reshape(-1, sizes.pe))
        self._stream(i, y)
        return y

    def _norm(self, i: Instruction) -> np.ndarray:
        macro = self._macros[i.edges[-1]]
        assert isinstance(macro, Normalize)
        factor, more, centred = rounding.root(macro.norm, macro.mean, self._x.ravel())
        if i.gains:
            centred = centred * self.program.tables["gains"][i.gains - 1]
        y = self._rounded(i, centred.reshape(self._x.shape), factor * i.multiplier, more)
        if i.epilogue is Epilogue.RESIDUAL:
            self._stream(i, y)
        else:
            self._vector(i, y)
        return y

    def _stream(self, i: Instruction, x: np.ndarray) -> None:
        self._x = x
        if i.copied:
            self._write(i.target, x)

    # ---- matrices

    def _matrix(self, i: Instruction) -> np.ndarray:
        sums = self._products(i)
        multiplier, exponent = self._multipliers(i), self._exponent if i.scaled else 0
        if i.aligned:
            sums = sums + (self._x << (i.aligned - 1))
        if i.epilogue is Epilogue.LOGITS:
            logits = (sums * multiplier) << exponent
            self._logits = logits.ravel()[: self.program.sizes.vocabulary]
            return logits
        y = self._rounded(i, sums, multiplier, -exponent)
        if i.epilogue is Epilogue.GATE:
            y = self._opened(i, y[0::2], y[1::2])
        elif i.looked_up:
            macro = self._macros[i.edges[-1]]
            assert isinstance(macro, Multiply)
            assert isinstance(macro.to, ToVector)
            assert macro.to.lookup
            y = self._table("gate", i)[y - macro.to.lookup.base]
        elif i.turned:
            y = self._turned(i, y)
        elif i.epilogue is Epilogue.RESIDUAL and not i.aligned:
            y = self._late(i, self._x + y)
        self._keep(i, y)
        return y

    def _products(self, i: Instruction) -> np.ndarray:
        """Sums of all row blocks, (rows, pe), with their biases."""
        sizes, tape = self.program.sizes, self.program.tape
        beats = i.rows * i.words * i.planes
        digits = tape.weights[self._beat : self._beat + beats].astype(np.int64)
        blocks = sizes.simd // sizes.pe
        a = self._a[i.source * blocks : (i.source + i.words) * blocks].reshape(i.words, sizes.simd)
        each = digits.reshape(i.rows, i.words, i.planes, sizes.pe, sizes.simd)
        sums = np.einsum("rwdps,ws->rwdp", each, a)
        if tape.factors is not None:
            sums = sums * tape.factors[self._beat : self._beat + beats].reshape(sums.shape)
        found = (sums << (DIGIT * np.arange(i.planes))[:, None]).sum((1, 2))
        if tape.biases is not None:
            found = found + tape.biases[self._row : self._row + i.rows]
        self._beat += beats
        return found

    def _multipliers(self, i: Instruction) -> np.ndarray | int:
        rows = slice(self._row, self._row + i.rows)
        self._row += i.rows
        multipliers = self.program.tape.multipliers
        if i.factor is MultiplierSource.ROW and multipliers is not None:
            return multipliers[rows]
        return i.multiplier

    def _opened(self, i: Instruction, gate: np.ndarray, up: np.ndarray) -> np.ndarray:
        macro = self._macros[i.edges[-1]]
        assert isinstance(macro, Multiply)
        assert macro.gate
        form = macro.gate[1]
        narrow = rounding.rescale(form.narrowed, gate)
        opened = rounding.rescale(form.opened, gate * self._table("gate", i)[narrow - form.lookup.base])
        return self._late(i, opened * up)

    def _turned(self, i: Instruction, y: np.ndarray) -> np.ndarray:
        size, pe = self.program.sizes.head_size, self.program.sizes.pe
        cos, sin = (self.program.tables[name][self._position] for name in ("cos", "sin"))
        flat = y.reshape(-1, 2)
        places = np.arange(y.size) % size
        turned = cos[places] * flat.ravel() + sin[places] * flat[:, ::-1].ravel()
        return self._late(i, turned.reshape(-1, pe))

    def _keep(self, i: Instruction, y: np.ndarray) -> None:
        match i.epilogue:
            case Epilogue.RESIDUAL:
                self._stream(i, y)
            case Epilogue.KEY:
                self._cache(self._keys, i, y)
            case Epilogue.VALUE:
                self._cache(self._values, i, y)
            case _:
                self._vector(i, y)

    def _cache(self, memory: np.ndarray, i: Instruction, y: np.ndarray) -> None:
        memory[i.layer, self._position, : y.size] = y.ravel()

    # ---- attention

    def _score(self, i: Instruction) -> np.ndarray:
        """Score blocks in the order of steps; within a step, one per head of the word."""
        sizes, count = self.program.sizes, self._keys_in_blocks
        side, group, size = sizes.side, sizes.queries, sizes.head_size
        blocks = []
        lanes = side * size if sizes.head_words == 1 else size
        for j in range(sizes.kv_heads // side):
            keys = self._keys[i.layer, :count, j * lanes : (j + 1) * lanes].reshape(count, side, -1)
            for b in range(count // sizes.pe):
                for g in range(group):
                    q = self._queries(i, (j * group + g) * sizes.head_words, lanes).reshape(side, -1)
                    sums = np.einsum("kzc,zc->zk", keys[b * sizes.pe : (b + 1) * sizes.pe], q)
                    y = self._rounded(i, sums)
                    for z in range(side):
                        self._scores[(j * side + z) * group + g, b * sizes.pe : (b + 1) * sizes.pe] = y[z]
                    blocks.append(y)
        return np.concatenate(blocks)

    @property
    def _keys_in_blocks(self) -> int:
        return (self._position // self.program.sizes.pe + 1) * self.program.sizes.pe

    @property
    def _keys_in_words(self) -> int:
        return (self._position // self.program.sizes.simd + 1) * self.program.sizes.simd

    def _queries(self, i: Instruction, word: int, lanes: int) -> np.ndarray:
        blocks = self.program.sizes.simd // self.program.sizes.pe
        first = (i.source + word) * blocks
        return self._a[first:].ravel()[:lanes]

    def _soft(self, i: Instruction) -> np.ndarray:
        """Exponentials of all heads, one after the other; keys behind the position have 0."""
        sizes, last = self.program.sizes, self._position + 1
        table, count = self._table("exponentials", i), self._keys_in_words
        for head in range(sizes.heads):
            seen = self._scores[head, :last]
            self._shares[head, :count] = 0
            self._shares[head, :last] = table[np.minimum(seen.max() - seen, len(table) - 1)]
            self._sums[head] = self._shares[head, :last].sum()
        return self._shares[:, :count].copy().reshape(-1, sizes.pe)

    def _share(self, i: Instruction) -> np.ndarray:
        count = self._keys_in_words
        factors, _ = self._inverse(i)
        y = self._rounded(i, self._shares[:, :count], factors[:, None])
        self._shares[:, :count] = y
        return y.reshape(-1, self.program.sizes.pe)

    def _inverse(self, i: Instruction) -> tuple[np.ndarray, np.ndarray]:
        """The factor of every head, and what the shift is less by."""
        macro = self._macros[i.edges[-1]]
        assert isinstance(macro, Attend)
        return rounding.inverse(macro, self._sums)

    def _value(self, i: Instruction) -> np.ndarray:
        """np.ndarray of what attention returns, in the order of the mixed vector."""
        sizes, count = self.program.sizes, self._keys_in_words
        factors, less = self._inverse(i) if i.factor is MultiplierSource.HEAD else (None, None)
        group, size = sizes.queries, sizes.head_size
        blocks = []
        for base in range(0, sizes.kv_heads, sizes.banks):
            for g in range(group):
                lanes = np.zeros((sizes.head_blocks, sizes.pe), np.int64)
                for y in range(sizes.banks):
                    kv, head = base + y, (base + y) * group + g
                    v = self._values[i.layer, :count, kv * size : (kv + 1) * size]
                    sums = self._shares[head, :count] @ v
                    if factors is None or less is None:
                        found = self._rounded(i, sums, i.multiplier)
                    else:
                        found = self._rounded(i, sums, int(factors[head]), -int(less[head]))
                    lanes.ravel()[y * size : (y + 1) * size] = found
                blocks.append(lanes)
        result = np.concatenate(blocks)
        self._vector(i, result)
        return result

    # ---- what instructions share

    def _rounded(
        self, i: Instruction, sums: np.ndarray, multiplier: np.ndarray | int | None = None, more: int = 0
    ) -> np.ndarray:
        lo, hi = self.program.sizes.limits[i.limits]
        product = sums * (i.multiplier if multiplier is None else multiplier)
        return rounding.shifted(product, i.shift + more, "half_even" if i.even else "half_up", lo, hi)

    def _late(self, i: Instruction, y: np.ndarray) -> np.ndarray:
        lo, hi = self.program.sizes.limits[i.late_limits]
        return rounding.shifted(y, i.late_shift, "half_up", lo, hi)

    def _vector(self, i: Instruction, y: np.ndarray) -> None:
        if i.held:
            self._held[: len(y)] = y
        else:
            self._write(i.target, y)

    def _block(self, i: Instruction) -> np.ndarray:
        """Mantissas of the vector that waits in H, with one exponent."""
        words, (lo, hi) = self._held[: i.rows], self.program.sizes.limits[i.limits]
        self._exponent = max(0, int(np.abs(words).max()).bit_length() - (i.shift - 1))
        y = rounding.shifted(words, self._exponent, "half_up", lo, hi)
        self._write(i.target, y)
        return y

    def _write(self, block: int, y: np.ndarray) -> None:
        self._a[block : block + len(y)] = y

    def _table(self, name: str, i: Instruction) -> np.ndarray:
        rows = self.program.tables[name]
        return rows[i.layer if len(rows) > 1 else 0]


def _below(name: str, value: int, count: int) -> int:
    """A whole number of 0..count - 1. Raises UserError for anything else."""
    found = arguments.whole(name, value)
    if not 0 <= found < count:
        raise UserError(f"{name} {found} is not one of 0..{count - 1}")
    return found


def _by_edge(program: EngineProgram) -> dict[str, object]:
    """Macro operations by the edge that they write."""
    found: dict[str, object] = {}
    for macro in program.network.macros:
        found[macro.to.edge if isinstance(macro, Multiply) else macro.edge] = macro
        if isinstance(macro, Attend):
            found[macro.edges[1]] = macro
    return found
