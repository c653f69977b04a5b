"""Results of instructions beside the edges of the graph: the channel of every lane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from accel.engine import layout
from accel.engine.isa import EngineProgram, Epilogue, Instruction, Opcode, Sizes


@dataclass(frozen=True)
class LaneDifference:
    """The first result of a token that is not the graph's: of an instruction, for a channel of the edge it writes."""

    number: int
    instruction: Instruction
    channel: int
    expected: int
    got: int

    def __str__(self) -> str:
        i = self.instruction
        return (
            f"layer {i.layer}, instruction {self.number} ({i.op.name} {i.edges[-1]!r}), channel {self.channel}: "
            f"expected {self.expected}, got {self.got}"
        )


def first_difference(
    program: EngineProgram, position: int, edges: Mapping[str, np.ndarray], results: Mapping[int, np.ndarray]
) -> LaneDifference | None:
    """Compare the results of a token's instructions with the rows of the edges that they write, in order.

    `edges` are rows of the graph by name, `results` blocks (blocks, pe) by the number of the instruction.
    """
    for number, instruction in enumerate(program.instructions):
        edge = instruction.edges[-1] if instruction.edges else ""
        if number not in results or edge not in edges or not _is_whole(program, instruction):
            continue
        writer = program.instructions[number - 1] if instruction.op is Opcode.BLOCK else instruction  # of the words
        order = channels(program.sizes, writer, position, edges[edge].size)
        exponent = _exponent(program, edge, edges) if instruction.op is Opcode.BLOCK else 0
        got = results[number].reshape(-1)[: order.size] << exponent
        wrong = np.flatnonzero((order >= 0) & (edges[edge].reshape(-1)[order] != got))
        if wrong.size:
            channel = int(order[wrong[0]])
            expected = int(edges[edge].reshape(-1)[channel])
            return LaneDifference(number, instruction, channel, expected, int(got[wrong[0]]))
    return None


def _exponent(program: EngineProgram, edge: str, edges: Mapping[str, np.ndarray]) -> int:
    """The exponent of a token's vector: its edge is mantissas times two to the power of it."""
    node = next(node for node in program.network.graph if node.name == edge)
    block, words = program.network.blocks[node.inputs[0]], edges[node.inputs[0]]
    return max(0, int(np.abs(words).max()).bit_length() - (block.bits - 1))


def channels(sizes: Sizes, instruction: Instruction, position: int, count: int) -> np.ndarray:
    """The channel of every lane of an instruction's results, -1 where there is none; the edge has `count` channels."""
    if instruction.op is Opcode.SCORE:
        return _scores(sizes, position, count)
    if instruction.op in (Opcode.SOFT, Opcode.SHARE):
        keys = (position // sizes.simd + 1) * sizes.simd
        return _known(
            np.arange(sizes.heads).repeat(keys), np.tile(np.arange(keys), sizes.heads), position, sizes, count
        )
    if instruction.op is Opcode.VALUE:
        return layout.mixed(sizes)[: sizes.heads // sizes.banks * sizes.head_blocks * sizes.pe]
    if instruction.epilogue is Epilogue.QUERY:
        return layout.queries(sizes)
    return layout.natural(count, sizes.pe)


def _is_whole(program: EngineProgram, instruction: Instruction) -> bool:
    """Whether an instruction makes its edge alone: exponentials of a Softmax are divided before they are one."""
    shared = {other.edges[-1] for other in program.instructions if other.op is Opcode.SHARE}
    return instruction.op is not Opcode.SOFT or instruction.edges[-1] not in shared


def _scores(sizes: Sizes, position: int, count: int) -> np.ndarray:
    """Score blocks in the order of steps: kv group, key block, query, head of the word."""
    shape = sizes.kv_heads // sizes.side, position // sizes.pe + 1, sizes.queries, sizes.side, sizes.pe
    group, block, query, side, lane = np.indices(shape)
    head = (group * sizes.side + side) * sizes.queries + query
    return _known(head.ravel(), (block * sizes.pe + lane).ravel(), position, sizes, count)


def _known(heads: np.ndarray, keys: np.ndarray, position: int, sizes: Sizes, count: int) -> np.ndarray:
    """Channels of scores or shares; keys behind the position have none."""
    return np.where(keys <= position, heads * (count // sizes.heads) + keys, -1)
