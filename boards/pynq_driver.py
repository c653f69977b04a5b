"""Run samples through this design on a Zynq board: the board's own Python with pynq and numpy is enough.

    sudo -E python3 driver.py x.txt y.txt [board.bit]

x.txt has one sample per line: its integers, tokens times channels, separated by blanks. An .npy file is read as well.
Real numbers become such integers as round(x / scale), clipped to lo..hi; scale, lo and hi are in design.json.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from boards.host_samples import described, pack, read, stream_bytes, unpack, words, write

VERSION, IDENTITY_BYTES, BROKEN = 0xACCE_0001, 8, 2
CORE = {"version": 0x00, "control": 0x04, "status": 0x08, "packet": 0x0C, "identity": 0x10}
SEND, RECEIVE = 0x00, 0x30  # register blocks of the DMA's channels (Xilinx PG021)
CONTROL, STATUS, LENGTH, RESET, IDLE, ERRORS = 0x00, 0x04, 0x28, 0x4, 0x2, 0x70
CHUNK_BYTES = 1 << 20


class Accelerator:
    """The design on the board. `run` takes integers (samples, elements), gives integers (samples, elements)."""

    def __init__(self, bitfile: Path, design: dict[str, Any], timeout: float = 5.0) -> None:
        import pynq  # type: ignore[import-not-found, unused-ignore]

        self._pynq, self._design, self._timeout = pynq, design, timeout
        overlay = pynq.Overlay(str(bitfile))
        name, core = self._part(overlay, "accel_axi")
        self._core = pynq.MMIO(core["phys_addr"], core["addr_range"])
        name, dma = self._part(overlay, "axi_dma")
        self._dma = getattr(overlay, name)
        self._most = min(CHUNK_BYTES, (1 << int(dma["parameters"]["c_sg_length_width"])) - 1)
        low, high = (self._core.read(CORE["identity"] + offset) for offset in (0, 4))
        found = (high << 32 | low).to_bytes(IDENTITY_BYTES, "little").hex()
        if self._core.read(CORE["version"]) != VERSION or found != design["hash"][: 2 * IDENTITY_BYTES]:
            raise SystemExit(f"{bitfile} holds design {found}, design.json is of {design['hash'][:16]}")
        self._reset()

    def run(self, samples: np.ndarray) -> np.ndarray:
        """One transfer per megabyte; the answer of all its samples is one packet."""
        into, out = self._design["input"], self._design["output"]
        count = max(1, self._most // max(stream_bytes(into), stream_bytes(out)))
        parts = [samples[first : first + count] for first in range(0, len(samples), count)]
        return np.concatenate([unpack(self._exchange(pack(part, into), len(part)), out) for part in parts])

    def _exchange(self, data: np.ndarray, samples: int) -> np.ndarray:
        send = self._pynq.allocate(shape=data.shape, dtype=np.uint8)
        receive = self._pynq.allocate(shape=(samples * stream_bytes(self._design["output"]),), dtype=np.uint8)
        try:
            send[:] = data
            self._core.write(CORE["packet"], samples)
            self._dma.recvchannel.transfer(receive)
            self._dma.sendchannel.transfer(send)
            self._wait(self._finished, "no answer from the design")
            self._dma.recvchannel.wait()  # done already: this makes the processor see what the DMA wrote
            return np.array(receive)
        finally:
            send.freebuffer()
            receive.freebuffer()

    def _finished(self) -> bool:
        states = [self._dma.mmio.read(block + STATUS) for block in (SEND, RECEIVE)]
        if any(state & ERRORS for state in states) or self._core.read(CORE["status"]) & BROKEN:
            raise SystemExit(f"the transfer failed: DMA status {states[0]:#x}, {states[1]:#x}")
        return all(state & IDLE for state in states)

    def _reset(self) -> None:
        self._dma.mmio.write(SEND + CONTROL, RESET)  # resets both channels
        self._core.write(CORE["control"], 1)
        self._wait(lambda: not self._dma.mmio.read(SEND + CONTROL) & RESET, "the DMA stays in reset")
        self._wait(lambda: not self._core.read(CORE["control"]), "the core stays in reset")
        self._dma.sendchannel.start()
        self._dma.recvchannel.start()

    def _wait(self, done: Callable[[], bool], problem: str) -> None:
        end = time.monotonic() + self._timeout
        while not done():
            if time.monotonic() > end:
                raise SystemExit(f"{problem} within {self._timeout:g} s")

    @staticmethod
    def _part(overlay: Any, kind: str) -> tuple[str, dict[str, Any]]:
        return next((n, e) for n, e in overlay.ip_dict.items() if e.get("type", "").split(":")[2:3] == [kind])


def main(arguments: list[str]) -> None:
    """The command line: samples, results and, if it lies elsewhere, the bitstream."""
    source, target, bitfile = words(arguments, __doc__, "board.bit")
    design = described()
    rows = read(source, design["input"])
    start = time.monotonic()
    results = Accelerator(bitfile, design).run(rows)
    print(f"{len(rows)} samples in {time.monotonic() - start:.2f} s")
    write(target, results)


if __name__ == "__main__":
    main(sys.argv[1:])
