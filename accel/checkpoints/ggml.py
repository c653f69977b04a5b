"""The block formats of ggml, read as integers: blocks of 32 or 256 neighbouring inputs with their scales.

Layouts are those of ggml's `ggml-common.h` and `ggml-quants.c`. Blocks are (blocks, bytes) of uint8; a decoder gives
the quantized integers, and per group a scale and an offset in units of 2^-24, the smallest float16.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from accel.checkpoints.groups import GroupQuantized, common_exponent

UNIT = -24
"""Exponent of the smallest float16: every finite one is an integer times 2^-24."""


@dataclass(frozen=True)
class Parts:
    """Contents of blocks: q (blocks, block) and per group scale and offset (blocks, groups), in units of 2^UNIT."""

    q: np.ndarray
    scale: np.ndarray
    offset: np.ndarray | None = None


@dataclass(frozen=True)
class BlockFormat:
    """A format: weights and bytes of a block, weights of a group, bounds of q, and the decoder of blocks."""

    block: int
    size: int
    group: int
    lowest: int
    highest: int
    decode: Callable[[np.ndarray], Parts]

    def read(self, raw: np.ndarray) -> GroupQuantized:
        """The matrix in rows of bytes, (outputs, bytes) of uint8. Raises ValueError on a scale that is not finite."""
        rows, width = raw.shape
        blocks = width // self.size
        parts = self.decode(raw.reshape(rows * blocks, self.size))
        q = parts.q.reshape(rows, blocks * self.block)
        scale = parts.scale.reshape(rows, -1)
        offset = None if parts.offset is None else parts.offset.reshape(rows, -1)
        zeros, exponent = common_exponent(scale, offset, UNIT)
        return GroupQuantized(
            q,
            scale >> zeros,
            None if offset is None else offset >> zeros,
            exponent,
            self.group,
            self.lowest,
            self.highest,
        )


def half(pairs: np.ndarray) -> np.ndarray:
    """Float16 in bytes (blocks, 2), in units of 2^-24: (blocks, 1) int64. Raises ValueError if not finite."""
    bits = np.ascontiguousarray(pairs).view("<u2").astype(np.int64)
    exponent, fraction = bits >> 10 & 31, bits & 1023
    if (exponent == 31).any():
        raise ValueError("a scale is infinite or no number")
    value = np.where(exponent == 0, fraction, (fraction | 1024) << np.maximum(exponent - 1, 0))
    return np.where(bits >> 15, -value, value)


def nibbles(packed: np.ndarray) -> np.ndarray:
    """The low halves of all bytes, then the high ones: twice as long."""
    return np.concatenate([packed & 15, packed >> 4], axis=-1)


def fifth_bits(packed: np.ndarray) -> np.ndarray:
    """Bit j of 4 bytes, at place 4 of weight j."""
    return np.unpackbits(packed, axis=-1, bitorder="little") << 4


def signed(q: np.ndarray, offset: int) -> np.ndarray:
    return (q.astype(np.int16) - offset).astype(np.int8)


def q4_0(b: np.ndarray) -> Parts:
    return Parts(signed(nibbles(b[:, 2:]), 8), half(b[:, :2]))


def q4_1(b: np.ndarray) -> Parts:
    return Parts(nibbles(b[:, 4:]), half(b[:, :2]), half(b[:, 2:4]))


def q5_0(b: np.ndarray) -> Parts:
    return Parts(signed(nibbles(b[:, 6:]) | fifth_bits(b[:, 2:6]), 16), half(b[:, :2]))


def q5_1(b: np.ndarray) -> Parts:
    return Parts(nibbles(b[:, 8:]) | fifth_bits(b[:, 4:8]), half(b[:, :2]), half(b[:, 2:4]))


def q8_0(b: np.ndarray) -> Parts:
    return Parts(np.ascontiguousarray(b[:, 2:]).view(np.int8), half(b[:, :2]))


def six_bits(packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eight scales and eight offsets of 6 bits in 12 bytes: (blocks, 8) each."""
    low, middle, high = packed[:, :4], packed[:, 4:8], packed[:, 8:]
    scale = np.concatenate([low & 63, high & 15 | low >> 6 << 4], axis=-1)
    offset = np.concatenate([middle & 63, high >> 4 | middle >> 6 << 4], axis=-1)
    return scale.astype(np.int64), offset.astype(np.int64)


def k_parts(b: np.ndarray, q: np.ndarray) -> Parts:
    """Scales of Q4_K and Q5_K: a float16 times 6 bits, and the offset subtracted."""
    scale, offset = six_bits(b[:, 4:16])
    return Parts(q, half(b[:, :2]) * scale, -half(b[:, 2:4]) * offset)


def q4_k(b: np.ndarray) -> Parts:
    return k_parts(b, nibbles(b[:, 16:].reshape(-1, 4, 32)).reshape(-1, 256))


def q5_k(b: np.ndarray) -> Parts:
    fifth = b[:, None, 16:48] >> np.arange(8, dtype=np.uint8)[:, None] & 1
    low = nibbles(b[:, 48:].reshape(-1, 4, 32)).reshape(-1, 8, 32)
    return k_parts(b, (low | fifth << 4).reshape(-1, 256))


def q6_k(b: np.ndarray) -> Parts:
    low = nibbles(b[:, :128].reshape(-1, 2, 64)).reshape(-1, 2, 4, 32)
    high = b[:, 128:192].reshape(-1, 2, 1, 32) >> np.arange(0, 8, 2, dtype=np.uint8)[:, None] & 3
    scale = np.ascontiguousarray(b[:, 192:208]).view(np.int8).astype(np.int64)
    return Parts(signed((low | high << 4).reshape(-1, 256), 32), half(b[:, 208:]) * scale)


def tq1_0(b: np.ndarray) -> Parts:
    """Five ternary digits in a byte: its products with powers of three, modulo 256, hold one digit each on top."""
    powers = np.array([1, 3, 9, 27, 81], np.uint8)[:, None]
    parts = [(b[:, :32], 5), (b[:, 32:48], 5), (b[:, 48:52], 4)]
    products = [(packed[:, None, :] * powers[:count]).reshape(len(b), -1) for packed, count in parts]
    digits = np.concatenate(products, axis=-1).astype(np.uint16) * 3 >> 8
    return Parts(signed(digits, 1), half(b[:, 52:]))


def tq2_0(b: np.ndarray) -> Parts:
    digits = b[:, :64].reshape(-1, 2, 1, 32) >> np.arange(0, 8, 2, dtype=np.uint8)[:, None] & 3
    return Parts(signed(digits.reshape(-1, 256), 1), half(b[:, 64:]))


BLOCKS = {
    "Q4_0": BlockFormat(32, 18, 32, -8, 7, q4_0),
    "Q4_1": BlockFormat(32, 20, 32, 0, 15, q4_1),
    "Q5_0": BlockFormat(32, 22, 32, -16, 15, q5_0),
    "Q5_1": BlockFormat(32, 24, 32, 0, 31, q5_1),
    "Q8_0": BlockFormat(32, 34, 32, -128, 127, q8_0),
    "Q4_K": BlockFormat(256, 144, 32, 0, 15, q4_k),
    "Q5_K": BlockFormat(256, 176, 32, 0, 31, q5_k),
    "Q6_K": BlockFormat(256, 210, 16, -32, 31, q6_k),
    "TQ1_0": BlockFormat(256, 54, 256, -1, 1, tq1_0),
    "TQ2_0": BlockFormat(256, 66, 256, -1, 2, tq2_0),
}
"""Name of a format in GGUF → how to read it."""
