"""Cycle-accurate simulation of a design in Verilator, with or without random stalls on both ends."""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from accel.design import Design, write_atomic
from accel.errors import AccelError, UserError
from hls import verilator
from hls.rtl.plan import interval_of

HARNESS = Path(__file__).with_name("harness.cpp")
TRACE_SWITCH = ("accel_trace_switch.sv", "`define ACCEL_TRACE\n")


class SimulationError(AccelError):
    """The design stopped moving or broke its protocol."""


@dataclass(frozen=True)
class Simulation:
    """Outputs (samples, tokens, channels) and measured cycles.

    `latency`: first input beat of the first sample to its last output beat. `interval`: cycles between samples over
    the last few. `beats`: cycle of every output beat, counted from the first input beat. `seconds` is run time
    without compilation.
    """

    outputs: np.ndarray
    latency: int
    interval: float
    cycles: int
    seconds: float
    beats: np.ndarray
    edges: dict[str, np.ndarray] | None = None

    @property
    def cycles_per_second(self) -> float:
        return self.cycles / self.seconds


def run(design: Design, x: np.ndarray, *, stall: float = 0.0, seed: int = 0, trace: bool = False) -> Simulation:
    """Simulate integer samples (samples, tokens, channels).

    `stall` is the probability that the source or the sink pauses in a cycle. With `trace` the result also holds
    every edge of the graph. Raises UserError on unfit samples, SimulationError when the design hangs.
    """
    x = _checked(design, x)
    with tempfile.TemporaryDirectory(prefix="accel-") as name:
        folder = Path(name)
        design.write(folder)
        sources = design.sources
        if trace:
            write_atomic(folder / TRACE_SWITCH[0], TRACE_SWITCH[1])
            sources = [TRACE_SWITCH[0], *sources]
        executable = verilator.build(folder, sources, design.top, HARNESS)
        write_atomic(folder / "stimulus", pack(x, design.input.lanes, design.input.width).tobytes())
        arguments = [
            "stimulus", "result", design.input.beats, design.output.beats, len(x), round(100 * stall), seed,
            _patience(design, stall), *(["trace"] if trace else []),
        ]  # fmt: skip
        start = time.perf_counter()
        done = subprocess.run([executable, *map(str, arguments)], cwd=folder, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        _raise_if_failed(done, design)
        return _result(design, folder, len(x), int(done.stdout.split()[0]), seconds, trace)


def _checked(design: Design, x: np.ndarray) -> np.ndarray:
    spec = design.info["input"]
    x = np.asarray(x)
    if x.ndim != 3 or list(x.shape[1:]) != spec["shape"] or len(x) == 0:
        raise UserError(f"input shape is {x.shape}, the design takes (samples, {', '.join(map(str, spec['shape']))})")
    if x.dtype.kind not in "iu" or x.min() < spec["lo"] or x.max() > spec["hi"]:
        raise UserError(f"the design takes integers in {spec['lo']}..{spec['hi']}; got {x.dtype} {x.min()}..{x.max()}")
    return x.astype(np.int64)


def _patience(design: Design, stall: float) -> int:
    """Cycles without any movement after which a design counts as hung: far more than it ever needs for a sample."""
    return int((10_000 + 20 * design.info["predicted"]["latency"]) / (1 - min(stall, 0.95)))


def _raise_if_failed(done: subprocess.CompletedProcess[str], design: Design) -> None:
    reasons = {3: "nothing moved any more", 4: "`last` came at the wrong beat"}
    if done.returncode:
        reason = reasons.get(done.returncode, f"exit code {done.returncode}: {done.stderr.strip()[-300:]}")
        moved = f" (cycles, beats in, beats out: {done.stdout.strip()})" if done.stdout else ""
        raise SimulationError(f"simulation of {design.name}: {reason}{moved}")


def _result(design: Design, folder: Path, samples: int, cycles: int, seconds: float, trace: bool) -> Simulation:
    out = design.output
    shape = (samples, *design.info["output"]["shape"])
    words = np.fromfile(folder / "result", dtype=np.uint32)
    times = np.fromfile(folder / "result.times", dtype=np.int64)
    beats, starts = times[: samples * out.beats], times[samples * out.beats :]
    beats = beats - starts[0]
    ends = beats[out.beats - 1 :: out.beats]
    edges = _edges(design, np.fromfile(folder / "trace", dtype=np.int32), samples) if trace else None
    return Simulation(
        unpack(words, out.lanes, out.width, out.signed).reshape(shape),
        int(ends[0]),
        interval_of(tuple(ends.tolist())) if samples > 1 else float("nan"),
        cycles,
        seconds,
        beats,
        edges,
    )


def _edges(design: Design, pairs: np.ndarray, samples: int) -> dict[str, np.ndarray]:
    """Traced words → every edge of the graph."""
    ids, words = pairs.reshape(-1, 2).T
    edges = {}
    for number, tap in enumerate(design.info["taps"]):
        tokens, channels = tap["shape"]
        own = np.ascontiguousarray(words[ids == number]).view(np.uint32)
        values = unpack(own, tap["lanes"], tap["width"], tap["signed"])
        edges[tap["layer"]] = values[: samples * tokens * channels].reshape(samples, tokens, channels)
    return edges


def pack(values: np.ndarray, lanes: int, width: int) -> np.ndarray:
    """Integers → 32-bit words, a whole number per beat of `lanes` elements, lane 0 lowest."""
    elements = values.reshape(-1, lanes, 1).astype(np.int64)
    bits = (elements >> np.arange(width)) & 1
    beats = bits.reshape(len(bits), lanes * width).astype(np.uint8)
    padded = np.pad(beats, ((0, 0), (0, -beats.shape[1] % 32)))
    return np.packbits(padded, axis=1, bitorder="little").view("<u4")


def unpack(words: np.ndarray, lanes: int, width: int, signed: bool) -> np.ndarray:
    """Inverse of `pack`: a flat array of integers."""
    per_beat = -(-lanes * width // 32)
    raw = np.ascontiguousarray(words.astype("<u4").reshape(-1, per_beat)).view(np.uint8)
    bits = np.unpackbits(raw, axis=1, bitorder="little")[:, : lanes * width].reshape(-1, width)
    values = bits.astype(np.int64) @ (1 << np.arange(width, dtype=np.int64))
    if signed:
        values -= (bits[:, -1].astype(np.int64)) << width
    return values
