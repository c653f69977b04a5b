"""The cocotb side of benchmarks/speed.py: a beat per cycle in, every beat out, as its users write it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge


@cocotb.test()
async def stream(dut) -> None:
    """Feed the beats of a file, collect as many as are asked for, write them with cycles per second."""
    job = json.loads(Path(os.environ["STREAM_JOB"]).read_text(encoding="utf-8"))
    Clock(dut.clk, 10, unit="ns").start()
    dut.rst.value, dut.s_valid.value, dut.m_ready.value = 1, 0, 1
    for _ in range(4):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    beats, results, cycles = iter(job["beats"]), [], 0
    last = job["beats_per_sample"]
    dut.s_data.value, dut.s_last.value, dut.s_valid.value = next(beats), int(last == 1), 1
    fed, start = 1, time.perf_counter()
    while len(results) < job["wanted"]:
        await RisingEdge(dut.clk)
        cycles += 1
        if dut.m_valid.value == 1:
            results.append(int(dut.m_data.value))
        if dut.s_valid.value == 1 and dut.s_ready.value == 1:
            if fed == len(job["beats"]):
                dut.s_valid.value = 0
            else:
                fed += 1
                dut.s_data.value, dut.s_last.value = next(beats), int(fed % last == 0)
    seconds = time.perf_counter() - start
    Path(job["out"]).write_text(
        json.dumps({"cycles_per_second": cycles / seconds, "results": results}), encoding="utf-8"
    )
