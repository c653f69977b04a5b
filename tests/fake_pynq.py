"""A stand-in for the `pynq` package: an overlay of AXI DMA and `accel_axi`, with the faults that a test asks for.

Modelled: the DMA's registers and their order of use (PG021), caches (a buffer is seen by the other side only after
flush or invalidate), `accel_axi`'s registers, and packets that end a receive transfer.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import numpy as np

from boards import axi, protocol


def module(design, compute, *, identity=None, fault="", length_width=26, kinds=("axi_dma", "accel_axi")) -> ModuleType:
    """`pynq` on a board that holds `design`; `compute` maps a sample (beats, lanes) to its result.

    Faults: "hang", "dma error", "short", "broken".
    """
    board = Board(design, compute, axi.identity(design) if identity is None else identity, fault)
    made = ModuleType("pynq")
    made.board = board
    made.Overlay = lambda path: SimpleNamespace(
        ip_dict={
            f"part{i}": {
                "type": f"vendor:library:{kind}:1.0",
                "phys_addr": i << 16,
                "addr_range": 1 << 16,
                "parameters": {"c_sg_length_width": str(length_width)},
            }
            for i, kind in enumerate(kinds)
        },
        part0=board.dma,
    )
    made.MMIO = lambda address, size: board.core
    made.allocate = board.allocate
    return made


class Buffer(np.ndarray):
    """Processor's view; `memory` is what the DMA sees."""

    def flush(self):
        self.memory[:] = self

    def invalidate(self):
        self[:] = self.memory

    def freebuffer(self):
        self.board.allocated.remove(self.physical_address)


class Board:
    def __init__(self, design, compute, identity, fault):
        self.design, self.compute, self.fault = design, compute, fault
        self.core = Core(self, identity)
        self.dma = SimpleNamespace(mmio=DmaRegisters(self))
        self.dma.sendchannel = Channel(self.dma.mmio, 0x00, True)
        self.dma.recvchannel = Channel(self.dma.mmio, 0x30, False)
        self.allocated, self.memories = [], {}
        self.sizes = []

    def allocate(self, shape, dtype):
        made = np.zeros(shape, dtype).view(Buffer)
        made[:] = 0xEE
        made.board, made.memory = self, np.full(shape, 0xDD, dtype)
        made.physical_address = 0x1000 * (1 + len(self.memories))
        self.memories[made.physical_address] = made.memory
        self.allocated.append(made.physical_address)
        return made

    def stream(self, data: bytes) -> bytes:
        """What comes out of `accel_axi` until TLAST."""
        size = protocol.payload_bytes(self.design.input)
        assert len(data) % size == 0, "the transfer breaks a sample"
        samples = [protocol.unpack(data[i : i + size], self.design.input) for i in range(0, len(data), size)]
        packet = max(1, self.core.packet)
        assert len(samples) % packet == 0, "the last packet stays open"
        self.sizes.append(len(samples))
        results = [protocol.pack(self.compute(sample), self.design.output) for sample in samples]
        return b"".join(results[:packet])


class Core:
    """Registers of `accel_axi`."""

    def __init__(self, board, identity):
        self.board, self.identity, self.packet, self.resets = board, identity, 1, 0
        self.version, self.broken, self.in_reset = axi.VERSION, 0, 0

    def write(self, offset, value):
        if offset == axi.REGISTERS["control"] and value & 1:
            self.packet, self.broken, self.in_reset = 1, 0, 3
            self.resets += 1
        elif offset == axi.REGISTERS["packet"]:
            self.packet = value

    def read(self, offset):
        if offset == axi.REGISTERS["control"]:
            self.in_reset = max(0, self.in_reset - 1)
            return int(self.in_reset > 0)
        words = {
            axi.REGISTERS["version"]: self.version,
            axi.REGISTERS["status"]: axi.BROKEN * self.broken,
            axi.REGISTERS["identity"]: self.identity & 0xFFFFFFFF,
            axi.REGISTERS["identity"] + 4: self.identity >> 32,
        }
        return words[offset]


class DmaRegisters:
    """Halted until started; a transfer runs when both channels have a length."""

    def __init__(self, board):
        self.board = board
        self.values = {}
        self.write(0x00, 4)

    def write(self, offset, value):
        if offset in (0x00, 0x30) and value & 4:
            self.values = {0x00: 4, 0x04: 1, 0x30: 4, 0x34: 1}
        elif offset in (0x00, 0x30):
            self.values[offset] = value
            self.values[offset + 4] = 0 if value & 1 else 1
        else:
            self.values[offset] = value
            if offset in (0x28, 0x58):
                self.values[offset - 0x24] = 0
                self._go()

    def read(self, offset):
        value = self.values[offset]
        if offset in (0x00, 0x30):
            self.values[offset] &= ~4
        return value

    def _go(self):
        if not (self.values.get(0x28) and self.values.get(0x58)):
            return
        fault = self.board.fault
        if fault == "dma error":
            self.values[0x34] |= 0x41
        elif fault == "broken":
            self.board.core.broken = 1
        elif fault != "hang":
            data = self.board.memories[self.values[0x18]][: self.values[0x28]].tobytes()
            result = self.board.stream(data)[: 1 if fault == "short" else None]
            self.board.memories[self.values[0x48]][: len(result)] = np.frombuffer(result, np.uint8)
            self.values |= {0x58: len(result), 0x28: 0, 0x04: 2, 0x34: 2}


class Channel:
    """pynq's own driver of one channel."""

    def __init__(self, registers, offset, flush):
        self.registers, self.offset, self.flush_before = registers, offset, flush

    def start(self):
        self.registers.write(self.offset, 1)

    def transfer(self, array):
        if self.registers.read(self.offset + 4) & 1:
            raise RuntimeError("DMA channel not started")
        if self.flush_before:
            array.flush()
        self.registers.values.pop(self.offset + 0x28, None)
        self.registers.write(self.offset + 0x18, array.physical_address)
        self.array = array
        self.registers.write(self.offset + 0x28, array.nbytes)

    def wait(self):
        assert self.registers.read(self.offset + 4) & 2, "would wait for ever"
        if not self.flush_before:
            self.array.invalidate()
