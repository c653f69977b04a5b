"""A design on a PYNQ board: its bitstream loaded as an overlay, samples through the DMA.

`pynq` exists only on such boards; it is imported when an overlay is opened. In the bitstream are one AXI DMA (simple
mode, both channels) and one `accel_axi` (boards/axi.py), found by their types.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import numpy as np

from accel.design import Design
from accel.errors import ToolError, UserError
from boards import axi, protocol

_DMA, _CORE = "axi_dma", axi.TOP
_CHUNK_BYTES = 1 << 20  # of one transfer, if the DMA's length counter allows that much
_SEND, _RECEIVE = 0x00, 0x30  # register blocks of the DMA's channels (Xilinx PG021)
_CONTROL, _STATUS, _LENGTH = 0x00, 0x04, 0x28
_DMA_RESET, _DMA_IDLE = 0x4, 0x2
_DMA_ERRORS = {0x10: "internal error", 0x20: "slave error", 0x40: "address decode error"}


class Overlay:
    """The board's programmable logic with `design` in it; a context manager.

    `run` takes integer samples in stream order; `boards.connect(design, overlay=bitfile)` puts `predict` and `raw`
    on top. Raises UserError when pynq is missing, the bitstream has other parts or holds another design.
    """

    def __init__(self, design: Design | Path | str, bitfile: Path | str, timeout: float = 5.0) -> None:
        self._design = design if isinstance(design, Design) else Design.load(Path(design))
        self._timeout = timeout
        self._pynq = _pynq()
        if not Path(bitfile).exists():
            raise UserError(f"{bitfile}: no such bitstream; it comes from the Vivado build of the board")
        overlay = self._pynq.Overlay(str(bitfile))
        name, entry = _part(overlay, _CORE, bitfile)
        self._registers = self._pynq.MMIO(entry["phys_addr"], entry["addr_range"])
        name, entry = _part(overlay, _DMA, bitfile)
        self._dma = overlay
        for step in name.split("/"):  # a part inside a hierarchy
            self._dma = getattr(self._dma, step)
        self._most = min(_CHUNK_BYTES, (1 << int(entry["parameters"]["c_sg_length_width"])) - 1)
        self.check()
        self.reset()

    def check(self) -> None:
        """Raise UserError when the bitstream holds another design."""
        if self._read("version") != axi.VERSION:
            raise UserError(f"{_CORE} on the board has version {self._read('version'):#010x}, not {axi.VERSION:#010x}")
        low, high = self._registers.read(axi.REGISTERS["identity"]), self._registers.read(axi.REGISTERS["identity"] + 4)
        found = (high << 32 | low).to_bytes(axi.IDENTITY_BYTES, "little").hex()
        expected = self._design.hash[: 2 * axi.IDENTITY_BYTES]
        if found != expected:
            raise UserError(f"the board holds design {found}, not {expected}; load its bitstream")

    def run(self, samples: np.ndarray) -> np.ndarray:
        """Integer samples (N, elements of the input stream in any shape) → int64 (N, beats, lanes) of the output.

        Raises UserError on samples that do not fit the input, ToolError when the DMA fails or nothing comes back.
        """
        sizes = [protocol.payload_bytes(stream) for stream in (self._design.input, self._design.output)]
        count = max(1, self._most // max(sizes))
        stream = self._design.output
        results = [np.empty((0, stream.beats, stream.lanes), np.int64)]
        for first in range(0, len(samples), count):
            chunk = samples[first : first + count]
            data = b"".join(protocol.pack(sample, self._design.input) for sample in chunk)
            answer = self._exchange(data, len(chunk) * sizes[1], len(chunk))
            parts = (answer[i : i + sizes[1]] for i in range(0, len(answer), sizes[1]))
            results.append(np.stack([protocol.unpack(part, stream) for part in parts]))
        return np.concatenate(results)

    def reset(self) -> None:
        """Bring DMA and core to the state after loading; what was on its way is lost."""
        self._dma.mmio.write(_SEND + _CONTROL, _DMA_RESET)  # resets both channels
        self._registers.write(axi.REGISTERS["control"], 1)
        self._wait(lambda: not self._dma.mmio.read(_SEND + _CONTROL) & _DMA_RESET, "the DMA stays in reset")
        self._wait(lambda: not self._read("control"), f"{_CORE} stays in reset")
        self._dma.sendchannel.start()
        self._dma.recvchannel.start()

    def close(self) -> None:
        """Leave core and DMA idle."""
        self.reset()

    def __enter__(self) -> Overlay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _exchange(self, data: bytes, expected: int, samples: int) -> bytes:
        """One transfer each way; the results of all samples are one packet."""
        send = self._pynq.allocate(shape=(len(data),), dtype=np.uint8)
        receive = self._pynq.allocate(shape=(expected,), dtype=np.uint8)
        try:
            send[:] = np.frombuffer(data, np.uint8)
            self._registers.write(axi.REGISTERS["packet"], samples)
            self._dma.recvchannel.transfer(receive)
            self._dma.sendchannel.transfer(send)
            self._wait(self._finished, "no answer from the design")
            self._dma.recvchannel.wait()  # done already: this makes the processor see what the DMA wrote
            got = self._dma.mmio.read(_RECEIVE + _LENGTH)
            if got != expected:
                raise ToolError(f"the design gave {got} bytes instead of {expected}")
            return bytes(receive)
        except ToolError:
            self.reset()
            raise
        finally:
            send.freebuffer()
            receive.freebuffer()

    def _finished(self) -> bool:
        """Are both channels done? Raises ToolError on an error of the DMA or a sample that it broke."""
        states = [self._dma.mmio.read(block + _STATUS) for block in (_SEND, _RECEIVE)]
        for state, channel in zip(states, ("send", "receive"), strict=True):
            for bit, text in _DMA_ERRORS.items():
                if state & bit:
                    raise ToolError(f"DMA: {text} of the {channel} channel")
        if self._read("status") & axi.BROKEN:
            raise ToolError("DMA: a sample ended before its last beat")
        return all(state & _DMA_IDLE for state in states)

    def _wait(self, done: Callable[[], bool], problem: str) -> None:
        end = time.monotonic() + self._timeout
        while not done():
            if time.monotonic() > end:
                raise ToolError(f"board: {problem} within {self._timeout:g} s")

    def _read(self, name: str) -> int:
        return int(self._registers.read(axi.REGISTERS[name]))


def _pynq() -> ModuleType:
    try:
        return import_module("pynq")
    except ImportError as error:
        raise UserError(
            f"overlays run on a PYNQ board, and pynq is missing there ({error}): pip install pynq"
        ) from None


def _part(overlay: Any, kind: str, bitfile: Path | str) -> tuple[str, dict[str, Any]]:
    """Name and description of the one IP of type vendor:library:`kind`:version."""
    found = [
        (name, entry) for name, entry in overlay.ip_dict.items() if entry.get("type", "").split(":")[2:3] == [kind]
    ]
    if len(found) != 1:
        raise UserError(f"{bitfile} has {len(found)} parts of type {kind}, one is needed; build it with accel")
    return found[0]
