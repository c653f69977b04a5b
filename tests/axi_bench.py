"""What cocotb runs on `accel_axi` inside the simulator; started by tests/cosim/test_axi.py.

$AXI_BENCH is a folder with the design and `samples.npz`: inputs `x` and the reference's results `y`.
"""

from __future__ import annotations

import itertools
import os
import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

from accel.design import Design
from boards import axi, protocol

FOLDER = Path(os.environ["AXI_BENCH"])
DESIGN = Design.load(FOLDER)
X, Y = (np.load(FOLDER / "samples.npz")[name] for name in "xy")
REG = axi.REGISTERS


class Bench:
    """The peripheral between a source, a sink and a register master, after its reset."""

    def __init__(self, dut):
        self.dut = dut
        cocotb.start_soon(Clock(dut.aclk, 10, "ns").start())
        reset = {"clock": dut.aclk, "reset": dut.aresetn, "reset_active_level": False}
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), **reset)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), **reset)
        self.lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), **reset)

    async def start(self):
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 4)
        self.dut.aresetn.value = 1
        await self.reset_done()
        return self

    async def reset_done(self):
        while await self.read("control"):
            await RisingEdge(self.dut.aclk)

    async def soft_reset(self):
        """Both stream ends are reset together with the core, as a DMA is."""
        for end in (self.source, self.sink):
            end.assert_reset(True)
            end.clear()
        await self.write("control", 1)
        await self.reset_done()
        for end in (self.source, self.sink):
            end.assert_reset(False)

    async def read(self, name, size=4):
        """A register of 4 or 8 bytes."""
        return int.from_bytes((await self.lite.read(REG[name], size)).data, "little")

    async def write(self, name, value):
        await self.lite.write_dword(REG[name], value)

    async def result(self):
        """Results of the next packet: int64 (samples, elements)."""
        data = bytes((await with_timeout(self.sink.recv(), 200, "us")).tdata)
        size = protocol.payload_bytes(DESIGN.output)
        assert len(data) % size == 0
        return np.array(
            [protocol.unpack(data[i : i + size], DESIGN.output).reshape(-1) for i in range(0, len(data), size)]
        )

    def stall(self, seed):
        """Random pauses on both streams."""
        for number, end in enumerate((self.source, self.sink)):
            rng = random.Random(2 * seed + number)
            end.set_pause_generator(rng.random() < 0.4 for _ in itertools.count())


def payload(x):
    return b"".join(protocol.pack(sample, DESIGN.input) for sample in x)


def expected(y):
    return y.reshape(len(y), -1)


@cocotb.test()
async def registers(dut):
    bench = await Bench(dut).start()
    assert await bench.read("version") == axi.VERSION
    assert await bench.read("identity", 8) == axi.identity(DESIGN)
    assert (await bench.lite.read(REG["identity"], 8)).data == bytes.fromhex(DESIGN.hash)[:8]
    assert await bench.read("packet") == 1
    await bench.write("packet", 0x01020304)
    await bench.lite.write(REG["packet"] + 1, b"\xaa\xbb")
    assert await bench.read("packet") == 0x01BBAA04
    await bench.soft_reset()
    assert await bench.read("packet") == 1
    for name in ("status", "samples_in", "samples_out"):
        assert await bench.read(name) == 0
    for address in (0x28, 0x3C):
        assert (await bench.lite.read(address, 4)).resp == AxiResp.SLVERR
    for address in (REG["version"], REG["identity"], REG["status"], 0x3C):
        assert (await bench.lite.write(address, b"\xff" * 4)).resp == AxiResp.SLVERR
    assert await bench.read("identity", 8) == axi.identity(DESIGN)


@cocotb.test()
async def samples_with_back_pressure(dut):
    bench = await Bench(dut).start()
    bench.stall(1)
    for sample in X:
        await bench.source.send(payload([sample]))  # a packet, and its TLAST, per sample
    for count, y in enumerate(expected(Y)):
        assert np.array_equal(await bench.result(), [y])
        assert await bench.read("version") == axi.VERSION  # registers answer meanwhile
        assert await bench.read("samples_out") >= count + 1
    assert await bench.read("samples_in") == await bench.read("samples_out") == len(X)
    assert await bench.read("status") == 0
    cycles = await bench.read("cycles", 8)
    assert DESIGN.predicted.latency < cycles < 10_000
    assert await bench.read("cycles", 8) == cycles  # stands still when nothing is inside
    assert bench.sink.empty()


@cocotb.test()
async def samples_back_to_back(dut):
    """Without pauses the wrapper keeps the core's own interval."""
    bench = await Bench(dut).start()
    await bench.write("packet", len(X))
    bench.source.send_nowait(payload(X))
    assert np.array_equal(await bench.result(), expected(Y))
    predicted = DESIGN.predicted
    assert await bench.read("cycles", 8) <= predicted.latency + (len(X) - 1) * predicted.interval + 1


@cocotb.test()
async def packets(dut):
    bench = await Bench(dut).start()
    bench.stall(2)
    await bench.write("packet", 3)
    bench.source.send_nowait(payload(X[:9]))  # one TLAST for nine samples
    for first in (0, 3, 6):
        assert np.array_equal(await bench.result(), expected(Y[first : first + 3]))
    await bench.write("packet", 2)
    bench.source.send_nowait(payload(X[:2]))
    assert np.array_equal(await bench.result(), expected(Y[:2]))


@cocotb.test()
async def reset_in_the_middle_of_a_sample(dut):
    bench = await Bench(dut).start()
    beat = axi.data_bytes(DESIGN.input)
    for seed in range(8):
        bench.sink.pause = seed % 2 == 0  # results wait inside
        cut = beat * (1 + seed % (DESIGN.input.beats - 1))
        await bench.write("packet", 3)  # the first sample opens a packet
        bench.source.send_nowait(payload(X[:2]) + payload(X[2:3])[:cut])
        await ClockCycles(dut.aclk, 3 + 12 * seed)
        await bench.soft_reset()
        bench.sink.pause = False
        assert [await bench.read(name) for name in ("status", "samples_in", "samples_out")] == [0, 0, 0]
        assert await bench.read("cycles", 8) == 0
        await bench.write("packet", 2)
        bench.source.send_nowait(payload(X[3:5]))
        assert np.array_equal(await bench.result(), expected(Y[3:5])), seed
        await ClockCycles(dut.aclk, 60)
        assert bench.sink.empty(), seed


@cocotb.test()
async def last_in_the_wrong_place(dut):
    bench = await Bench(dut).start()
    beat = axi.data_bytes(DESIGN.input)
    for early in range(1, DESIGN.input.beats):
        bench.source.send_nowait(payload(X[:1]))
        bench.source.send_nowait(AxiStreamFrame(payload(X[1:2])[: early * beat]))
        bench.source.send_nowait(payload(X[2:3]))
        assert np.array_equal(await bench.result(), expected(Y[:1]))  # what was whole before comes out
        await ClockCycles(dut.aclk, 200)
        assert bench.sink.empty()  # and nothing else
        assert await bench.read("status") == axi.BROKEN | axi.BUSY
        assert (await bench.read("samples_in"), await bench.read("samples_out")) == (1, 1)
        await bench.soft_reset()
        bench.source.send_nowait(payload(X[3:4]))
        assert np.array_equal(await bench.result(), expected(Y[3:4]))
        assert await bench.read("status") == 0
        await bench.soft_reset()
