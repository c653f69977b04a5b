"""Instructions of the decode engine, and what a program says beside them: sizes, memories, tape and tables.

Memories. P = `pe`, S = `simd`, S a multiple of P, both powers of two. A *block* is P lanes, a *word* S lanes.

    X    residual stream                     width / P blocks
    A    vectors that matrices read          words, written block by block
    H    words that wait for an exponent          blocks
    C    scores                              heads · context / P blocks
    E    shares of attention                 banks · words, written block by block
    K    keys     [layer][k word][key block] P keys × S channels
    V    values   [layer][v block][key word] P channels × S keys

Every instruction issues beats, one per cycle, in nested loops; the innermost comes first in this table:

    LOAD    block of X                                     X ← rounded(by_token + by_place)
    NORM    block of X                                     A (or X) ← rounded(x · R)
    MATRIX  plane, word, row block                         epilogue(Σ words · weights)
    SCORE   plane, word of a head, query of a group, key block, kv group
    SOFT    key block, head                                E ← table[max − score], sum per head
    SHARE   key block, head                                E ← rounded(E · F of the head): a Softmax' own division
    VALUE   plane, key word, channel block, query of a group, kv group
    BLOCK   block of H                                     A ← mantissas of H, e ← their exponent
    END     one beat                                       the token is known

Small heads. If a head is smaller than a word, Z = min(S / head size, kv heads) heads lie side by side in a word of
queries and of keys, and every row of the array has Z sums; a step of SCORE takes max(planes, Z) cycles, in which its
Z score blocks leave. If a head is smaller than a block, B = min(P / head size, kv heads) heads lie side by side in a
block of values; the rows of each read the shares of their own head, from their own bank of E.

    query word   (j · G + g) · hw + w   lane z · size + c   ↔ head (j · Z + z) · G + g, channel w · S + c
    key word     j · hw + w             lane z · size + c   ↔ kv head j · Z + z
    score block  head · context / P + b
    share bank   kv head % B,  word ((kv head / B) · G + g) · context / S + key / S
    value block  i · cb + n             lane y · size + c   ↔ kv head i · B + y, channel n · P + c
    mixed block  (i · G + g) · cb + n   lane y · size + c   ↔ head (i · B + y) · G + g

with G = heads / kv heads, hw = max(1, size / S) words and cb = max(1, size / P) blocks per head.

Planes. A weight, key or value of more than 4 bits is n digits of 4 bits, two's complement: the highest is signed, the
others are not. Digit d of a beat counts 16^d.

Sums. acc ← [first beat: bias, or aligned · x] + Σ (factor of the group) · (Σ over lanes of activation · digit) · 16^d.

Rounding. y = clip(round(acc · m / 2^s), lo, hi), in a NORM with x · gain in place of acc. m is the instruction's
multiplier, the row's (from the tape), R of the norm times the instruction's multiplier, or 1/sum of a head. s is
`shift`, plus a of the norm's root, less j of a Divide, less e where the words of A are mantissas.

Exponents. A vector with one exponent per token (a BlockFloat) is `held` first: its blocks go to H, and their largest
magnitude is kept. BLOCK makes mantissas of `shift` bits of them. e is that of the last BLOCK.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from accel.engine.macros import MacroGraph
    from accel.engine.sampling import GumbelNoise


class Opcode(IntEnum):
    LOAD = 0
    NORM = 1
    MATRIX = 2
    SCORE = 3
    SOFT = 4
    SHARE = 5
    VALUE = 6
    END = 7
    BLOCK = 8


class Epilogue(IntEnum):
    """Where results go."""

    VECTOR = 0
    """A, at `target`."""
    RESIDUAL = 1
    """X ← clip(x + y), or y itself where sums began with the residual stream."""
    QUERY = 2
    """A, turned by the position where the network has rotary positions."""
    KEY = 3
    VALUE = 4
    SCORES = 5
    GATE = 6
    """Even row blocks are gates, odd ones what they open; A gets a block for every two."""
    LOGITS = 7


class MultiplierSource(IntEnum):
    """m of the rounding."""

    CONSTANT = 0
    ROW = 1
    ROOT = 2
    HEAD = 3


@dataclass(frozen=True)
class Instruction:
    """One instruction. `gap` is the number of cycles from the last issue of the one before to the first of this.

    source: first word of A that is read. target: first block of A that is written. rows: row blocks of a MATRIX, blocks
    of LOAD and NORM, heads of SOFT and SHARE. words: words of A per row block. planes: digits of weights, keys, values.
    limits: index of (lo, hi) in `Sizes.limits`. aligned: sums begin with x · 2^(aligned − 1), 0: with the bias.
    late_shift and late_limits: of the rounding behind a turn (QUERY and KEY that are `turned`), behind gate · up
    (GATE), or behind x + y (RESIDUAL). looked_up: a VECTOR is the table "gate" of the rounded sums.
    copied: the residual stream that is written is also a vector, at `target`. held: results go to H instead of A.
    scaled: the words of A are mantissas.
    gains: row of the table "gains", one more than it, 0: the norm has one gain. layer: of the cache, and of tables that
    differ by layer. `edges` are the graph's edges that are made here: the last one is what is written.
    """

    op: Opcode
    epilogue: Epilogue = Epilogue.VECTOR
    gap: int = 1
    rows: int = 1
    words: int = 1
    planes: int = 1
    source: int = 0
    target: int = 0
    factor: MultiplierSource = MultiplierSource.CONSTANT
    multiplier: int = 1
    shift: int = 0
    even: bool = False
    """Halves go to the even neighbour, not up."""
    limits: int = 0
    aligned: int = 0
    late_shift: int = 0
    late_limits: int = 0
    turned: bool = False
    looked_up: bool = False
    copied: bool = False
    held: bool = False
    scaled: bool = False
    gains: int = 0
    layer: int = 0
    edges: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sizes:
    """Everything that the hardware is built for: parameters of the SystemVerilog."""

    pe: int
    simd: int
    width: int
    vocabulary: int
    context: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    activation_bits: int
    residual_bits: int
    sum_bits: int
    multiplier_bits: int
    result_bits: int
    """Of what leaves the rounding."""
    score_bits: int
    share_bits: int
    key_planes: int
    value_planes: int
    words: int
    """Words of A."""
    held_blocks: int
    """Blocks of H."""
    limits: tuple[tuple[int, int], ...]

    @property
    def side(self) -> int:
        """Z, heads side by side in a word."""
        return max(1, min(self.simd // self.head_size, self.kv_heads))

    @property
    def banks(self) -> int:
        """B, heads side by side in a block."""
        return max(1, min(self.pe // self.head_size, self.kv_heads))

    @property
    def queries(self) -> int:
        """G, heads that share a kv head."""
        return self.heads // self.kv_heads

    @property
    def head_words(self) -> int:
        return max(1, self.head_size // self.simd)

    @property
    def head_blocks(self) -> int:
        return max(1, self.head_size // self.pe)


@dataclass(frozen=True)
class Tape:
    """Constants that a token reads, in the order of use.

    weights: (beats, pe, simd), digits of 4 bits. factors: (beats, pe), of the beat's group, or None. rows: multiplier
    and bias of every row block, (blocks, pe), or None.
    """

    weights: np.ndarray
    factors: np.ndarray | None = None
    multipliers: np.ndarray | None = None
    biases: np.ndarray | None = None


@dataclass(frozen=True)
class EngineProgram:
    """A network for an engine of some size. `tables` are the contents of its ROMs by name."""

    network: MacroGraph
    sizes: Sizes
    instructions: tuple[Instruction, ...]
    tape: Tape
    tables: dict[str, np.ndarray] = field(default_factory=dict)
    noise: GumbelNoise | None = None
    """Of an engine that draws tokens; others choose the largest logit."""

    def choose(self, logits: np.ndarray, position: int, seed: int = 0) -> int:
        """The token behind the one at `position`, from its logits (vocabulary,)."""
        if self.noise:
            return self.noise.choose(logits, position, self.sizes.pe, seed)
        return int(logits.argmax())
