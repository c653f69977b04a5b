"""The host's side of the protocol: samples to a board, results back, over any serial link."""

from __future__ import annotations

import secrets
from typing import Protocol

import numpy as np

from accel.design import Design
from accel.errors import ToolError, UserError
from boards import protocol
from boards.protocol import Frame, Reason, Type


class Link(Protocol):
    """Interface of a serial line (`boards.serial_line`, or a simulated board)."""

    def write(self, data: bytes, /) -> object:
        """Send bytes."""

    def read(self, count: int, /) -> bytes:
        """Wait for `count` bytes; fewer when the line stays silent."""


class Host:
    """Runs samples on a board that holds `design`; sends a request again when it or its answer was damaged."""

    def __init__(self, link: Link, design: Design, attempts: int = 3) -> None:
        self._link = link
        self._design = design
        self._attempts = attempts

    def check(self) -> None:
        """Raise UserError when the board holds another design."""
        expected = bytes.fromhex(self._design.hash)[: protocol.IDENTITY_BYTES]
        found = self._request(Type.IDENTIFY, b"", Type.IDENTITY, protocol.IDENTITY_BYTES)
        if found != expected:
            raise UserError(f"the board holds design {found.hex()}, not {expected.hex()}; load its bitstream")

    def run(self, samples: np.ndarray) -> np.ndarray:
        """Integer samples (N, elements of the input stream in any shape) → int64 (N, beats, lanes) of the output.

        Raises UserError on samples that do not fit the input, ToolError when the board does not answer.
        """
        stream = self._design.output
        results = np.empty((len(samples), stream.beats, stream.lanes), np.int64)
        for index, sample in enumerate(samples):
            payload = protocol.pack(sample, self._design.input)
            answer = self._request(Type.SAMPLE, payload, Type.RESULT, protocol.payload_bytes(stream))
            results[index] = protocol.unpack(answer, stream)
        return results

    def _request(self, kind: Type, payload: bytes, wanted: Type, size: int) -> bytes:
        # All attempts have one tag: a late answer to the first is right for the second.
        request = Frame(kind, secrets.randbits(32), payload)
        problem = ""
        for _ in range(self._attempts):
            self._link.write(request.encode())
            answer = self._answer(request.tag, size)
            if answer is None:
                problem = "no answer"
            elif answer.type == Type.ERROR:
                known = len(answer.payload) == 1 and answer.payload[0] in set(Reason)
                problem = f"refusal ({Reason(answer.payload[0]).name if known else 'unknown reason'})"
            elif answer.type != wanted or len(answer.payload) != size:
                problem = f"answer of type {answer.type:#04x} with {len(answer.payload)} bytes"
            else:
                return answer.payload
        times = f"{self._attempts} attempt{'s' if self._attempts > 1 else ''}"
        raise ToolError(f"board: {problem} to {kind.name} after {times}")

    def _answer(self, tag: int, size: int) -> Frame | None:
        """The frame with our tag; None when the line falls silent before it came."""
        decoder = protocol.FrameDecoder(limit=size)
        wanted = protocol.OVERHEAD + 1  # an error, the shortest answer
        silent = False
        while not silent:
            data = self._link.read(wanted)
            silent = len(data) < wanted
            frames = decoder.feed(data) + (decoder.flush() if silent else [])
            for frame in frames:
                if frame.tag == tag:
                    return frame
            wanted = decoder.missing()
        return None
