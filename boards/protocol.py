"""The framed protocol between a host and a board: pure Python, shared by the driver and the simulation.

A frame is MAGIC (2 bytes), type, tag (4 bytes), payload length (2 bytes), payload, CRC-32 (4 bytes) over
everything before it; numbers are little-endian. The host sends one request and waits for its answer:

    SAMPLE    elements of one sample            → RESULT, elements of the output
    IDENTIFY  empty                             → IDENTITY, the first 8 bytes of the design's hash
    anything the board cannot accept            → ERROR, one byte of `Reason`

An answer repeats the request's tag, which the host draws at random: an answer to anybody else's request (an
earlier host that died, an answer that came too late) is not taken for its own. An element travels as a two's
complement integer in the smallest whole number of bytes.
"""

from __future__ import annotations

import enum
import struct
import zlib
from dataclasses import dataclass

import numpy as np

from accel.errors import UserError
from accel.stream import Stream

MAGIC = b"\xac\xce"
IDENTITY_BYTES = 8
MAX_PAYLOAD = 0xFFFF
_HEADER = struct.Struct("<2sBIH")
_CRC = struct.Struct("<I")
OVERHEAD = _HEADER.size + _CRC.size

#: Register contents of the CRC after the magic, and after any whole intact frame (the residue).
CRC_AFTER_MAGIC = zlib.crc32(MAGIC) ^ 0xFFFFFFFF
CRC_RESIDUE = 0xDEBB20E3


class Type(enum.IntEnum):
    """Type of a frame; answers have the top bit set."""

    SAMPLE = 0x01
    IDENTIFY = 0x02
    RESULT = 0x81
    IDENTITY = 0x82
    ERROR = 0xFF


class Reason(enum.IntEnum):
    """Why a board refuses a frame."""

    CRC = 1
    LENGTH = 2
    TYPE = 3
    TRUNCATED = 4


@dataclass(frozen=True)
class Frame:
    """One frame; `tag` has 32 bits."""

    type: int
    tag: int
    payload: bytes = b""

    def encode(self) -> bytes:
        """The bytes on the wire."""
        body = _HEADER.pack(MAGIC, self.type, self.tag, len(self.payload)) + self.payload
        return body + _CRC.pack(zlib.crc32(body))


class FrameDecoder:
    """Frames out of a byte stream that may hold garbage, broken and truncated frames.

    A candidate that turns out broken costs only its first byte: what follows is searched again, so an
    intact frame is found wherever it lies. `limit` bounds the payload that is waited for.
    """

    def __init__(self, limit: int = MAX_PAYLOAD) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Every frame that is complete once `data` has arrived."""
        self._buffer += data
        return self._frames(at_end=False)

    def flush(self) -> list[Frame]:
        """The line is silent: whatever is incomplete is garbage; returns frames that it hid."""
        return self._frames(at_end=True)

    def missing(self) -> int:
        """How many bytes the next frame still needs at least."""
        return max(1, self._size() - len(self._buffer)) if self._buffer else OVERHEAD

    def _frames(self, at_end: bool) -> list[Frame]:
        found: list[Frame] = []
        buffer = self._buffer
        while True:
            start = buffer.find(MAGIC)
            if start < 0:
                keep = 1 if buffer[-1:] == MAGIC[:1] and not at_end else 0
                del buffer[: len(buffer) - keep]
                return found
            del buffer[:start]
            size = self._size()
            if len(buffer) < size and not at_end:
                return found
            frame = self._intact(size)
            if frame:
                found.append(frame)
            del buffer[: size if frame else 1]

    def _size(self) -> int:
        """Bytes that decide the candidate at the start of the buffer."""
        if len(self._buffer) < _HEADER.size:
            return _HEADER.size
        length: int = _HEADER.unpack_from(self._buffer)[3]
        return OVERHEAD + length if length <= self._limit else _HEADER.size

    def _intact(self, size: int) -> Frame | None:
        raw = bytes(self._buffer[:size])
        if len(raw) < size or size < OVERHEAD or zlib.crc32(raw[:-4]) != _CRC.unpack(raw[-4:])[0]:
            return None
        _, kind, tag, _ = _HEADER.unpack_from(raw)
        return Frame(kind, tag, raw[_HEADER.size : -4])


def element_bytes(stream: Stream) -> int:
    """Bytes of one element on the wire."""
    return -(-stream.width // 8)


def payload_bytes(stream: Stream) -> int:
    """Payload bytes of one sample."""
    return stream.beats * stream.lanes * element_bytes(stream)


def pack(values: np.ndarray, stream: Stream) -> bytes:
    """Elements of one sample (beats·lanes integers, in stream order) → payload.

    Raises UserError on a wrong number of elements or a value that the stream's width cannot hold.
    """
    flat = np.asarray(values).reshape(-1)
    if flat.dtype.kind not in "iu":
        raise UserError(f"a sample has integer elements, got {flat.dtype}; quantize it first")
    if flat.size != stream.beats * stream.lanes:
        raise UserError(f"a sample has {stream.beats * stream.lanes} elements, got {flat.size}")
    lo, hi = (-(1 << stream.width - 1), (1 << stream.width - 1) - 1) if stream.signed else (0, (1 << stream.width) - 1)
    wrong = np.flatnonzero((flat < lo) | (flat > hi))
    if wrong.size:
        raise UserError(f"element {wrong[0]} is {flat[wrong[0]]}, outside {lo}..{hi} that the input port holds")
    size = element_bytes(stream)
    return flat.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :size].tobytes()


def unpack(payload: bytes, stream: Stream) -> np.ndarray:
    """Payload → int64 array (beats, lanes). Raises ValueError on a wrong length."""
    size = element_bytes(stream)
    if len(payload) != payload_bytes(stream):
        raise ValueError(f"a result has {payload_bytes(stream)} bytes, got {len(payload)}")
    raw = np.frombuffer(payload, np.uint8).reshape(-1, size)
    fill = np.where(raw[:, -1:] >= 128, 0xFF, 0) if stream.signed else np.zeros((len(raw), 1))
    wide = np.concatenate([raw, np.repeat(fill, 8 - size, axis=1)], axis=1).astype(np.uint8)
    return wide.view("<i8").astype(np.int64).reshape(stream.beats, stream.lanes)
