"""Cycle-accurate simulation of a design in Verilator, with or without random stalls on both ends."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from accel import scratch
from accel.arrays import Arrays, count, each, named, plain
from accel.dataflow.prediction import interval_of, sample_ends
from accel.design import Design
from accel.errors import AccelError, UserError
from accel.files import is_full, no_space, write_atomic, writing
from accel.stream import Stream
from accel.tensor import Tensor
from hls.simulation import deadlock, verilator
from hls.simulation.deadlock import BufferUse

HARNESS = Path(__file__).with_name("harness.cpp")
UNWRITTEN, HUNG, MISPLACED = 2, 3, 4  # exit codes of the harness
SHORT_RUN = (
    300_000  # cycles up to which an optimized simulation is not worth its compile time; 20 times that break even
)
WAVES = "waves.vcd"
_AGAIN = "write it again with `accel lower`"
TRACE_SWITCH = ("accel_trace_switch.sv", "`define ACCEL_TRACE\n")


class SimulationError(AccelError):
    """The design stopped moving or broke its protocol."""


@dataclass(frozen=True)
class Simulation:
    """Outputs (samples, tokens, channels) and measured cycles.

    `outputs` is a dict by name where there are several. `latency`: first beat of the first sample on any input to its
    last beat on all outputs. `interval`: cycles between samples over the last few. `given`: by output the cycle of
    every beat, counted from the first input beat. `seconds` is run time without compilation. `edges` of the graph when
    traced, `buffers` by name when watched.
    """

    outputs: np.ndarray | Any
    latency: int
    interval: float
    cycles: int
    seconds: float
    given: dict[str, np.ndarray]
    edges: dict[str, np.ndarray] | None = None
    buffers: dict[str, BufferUse] | None = None

    @property
    def beats(self) -> np.ndarray:
        """The cycles of the beats of the only output."""
        (beats,) = self.given.values()
        return beats

    @property
    def cycles_per_second(self) -> float:
        return self.cycles / self.seconds


def run(
    design: Design,
    x: Arrays,
    *,
    stall: float | Mapping[str, float] = 0.0,
    seed: int = 0,
    pace: int = 0,
    trace: bool = False,
    watch: bool = False,
    waves: Path | None = None,
) -> Simulation:
    """Simulate integer samples (samples, tokens, channels); a dict by name where there are several inputs.

    `stall` is the probability that a source or a sink pauses in a cycle, or such probabilities by the names of streams:
    the other ones do not pause. A source spreads a sample over `pace` cycles. With `trace` the result also holds every
    edge of the graph, with `watch` the use of every buffer. `waves` is a VCD file to write: the streams between all
    units, those of unit n by the names i<n>_*, of buffer n by f<n>_*; cycle n is at times 2n and 2n + 1. Raises
    UserError on unfit samples, an unknown stream or a file that cannot be written,
    SimulationError when the design hangs: it names the units that wait for each other, and the waves are written.
    """
    inputs, stalls = _tensors(design.inputs), _stalls(design, stall)
    given = each(named(inputs, x), lambda name, array: _checked(inputs[name], array))
    samples, most = count(given), max(stalls.values())
    with scratch.folder() as folder:
        design.write(folder)
        for number, stream in enumerate(design.inputs):
            write_atomic(folder / f"stimulus{number}", pack(given[stream.name], stream.lanes, stream.width).tobytes())
        arguments = [samples, seed, _patience(design, most, pace), pace, int(trace)]
        for stream in (*design.inputs, *design.outputs):
            arguments += [stream.beats, round(100 * stalls[stream.name])]
        quick = _cycles(design, samples, most, pace) <= SHORT_RUN
        done, seconds = _execute(design, folder, arguments, trace or watch, quick, waves is not None)
        if waves:
            _keep(folder / WAVES, waves)
        if done.returncode == HUNG and not (trace or watch):
            done, seconds = _execute(design, folder, arguments, True, quick, False)
        _raise_if_failed(done, design, folder)
        return _result(design, folder, samples, int(done.stdout.split()[0]), seconds, trace)


def _execute(
    design: Design, folder: Path, arguments: list[int], watched: bool, quick: bool, waves: bool
) -> tuple[subprocess.CompletedProcess[str], float]:
    """The finished process and its run time; `watched` compiles the design with its taps and counters."""
    sources = design.sources
    if watched:
        write_atomic(folder / TRACE_SWITCH[0], TRACE_SWITCH[1])
        sources = [TRACE_SWITCH[0], *sources]
    macros = zip(("ACCEL_INPUTS", "ACCEL_OUTPUTS"), design.ports, strict=True)
    defines = [f"{name}(X)={' '.join(f'X({port})' for port in ports)}" for name, ports in macros]
    defines += ["ACCEL_WAVES"] if waves else []
    executable = verilator.build(folder, sources, design.top, HARNESS, defines=defines, quick=quick, waves=waves)
    start = time.perf_counter()
    done = subprocess.run(
        [executable, *map(str, arguments)], cwd=folder, capture_output=True, encoding="utf-8", errors="replace"
    )
    return done, time.perf_counter() - start


def _keep(recorded: Path, waves: Path) -> None:
    with writing(waves, "choose another file for the waves"):
        shutil.move(recorded, waves)


def _tensors(streams: tuple[Stream, ...]) -> dict[str, Tensor]:
    return {stream.name: stream.tensor for stream in streams}


def _stalls(design: Design, stall: float | Mapping[str, float]) -> dict[str, float]:
    """The probability of every stream. Raises UserError on a name that no stream has."""
    names = [stream.name for stream in (*design.inputs, *design.outputs)]
    if not isinstance(stall, Mapping):
        return dict.fromkeys(names, stall)
    if unknown := [name for name in stall if name not in names]:
        raise UserError(f"the design has no stream {unknown[0]!r} to pause; there are {', '.join(map(repr, names))}")
    return dict.fromkeys(names, 0.0) | dict(stall)


def _checked(tensor: Tensor, x: np.ndarray) -> np.ndarray:
    if x.shape[1:] != tensor.shape or len(x) == 0:
        raise UserError(f"input shape is {x.shape}, the design takes (samples, {tensor.tokens}, {tensor.channels})")
    if x.dtype.kind not in "iu" or x.min() < tensor.lo or x.max() > tensor.hi:
        raise UserError(f"the design takes integers in {tensor.lo}..{tensor.hi}; got {x.dtype} {x.min()}..{x.max()}")
    return x.astype(np.int64)


def _cycles(design: Design, samples: int, stall: float, pace: int) -> float:
    """About how many cycles a run takes."""
    predicted = design.predicted
    return (predicted.latency + samples * max(predicted.interval, pace)) / (1 - min(stall, 0.95))


def _patience(design: Design, stall: float, pace: int) -> int:
    """Cycles without any movement after which a design counts as hung: far more than it ever needs for a sample."""
    return int((10_000 + 20 * design.predicted.latency + pace) / (1 - min(stall, 0.95)))


def _raise_if_failed(done: subprocess.CompletedProcess[str], design: Design, folder: Path) -> None:
    if not done.returncode:
        return
    if done.returncode == UNWRITTEN and is_full(done.stderr, folder):
        raise no_space(folder)
    reason = f"exit code {done.returncode}: {done.stderr.strip()[-300:]}"
    if done.returncode == HUNG:
        reason = f"nothing moved any more: {deadlock.explain(_buffers(design, folder))}"
    elif done.returncode == MISPLACED:
        reason = "`last` came at the wrong beat"
    moved = f" (cycles, beats in, beats out: {done.stdout.strip()})" if done.stdout else ""
    raise SimulationError(f"simulation of {design.name}: {reason}{moved}")


def _buffers(design: Design, folder: Path) -> dict[str, BufferUse]:
    """Reports of a watched design; empty when it was not watched."""
    rows = np.fromfile(folder / "buffers", dtype=np.int32).reshape(-1, 3)
    names = design.schedule.depths if len(rows) else {}
    if len(names) != len(rows):
        raise UserError(f"design {design.name} has {len(rows)} buffers, {len(names)} in its schedule; {_AGAIN}")
    return {
        name: BufferUse(int(most), bool(beat), bool(room)) for name, (most, beat, room) in zip(names, rows, strict=True)
    }


def _result(design: Design, folder: Path, samples: int, cycles: int, seconds: float, trace: bool) -> Simulation:
    numbered = range(len(design.inputs))
    start = min(int(np.fromfile(folder / f"stimulus{n}.times", dtype=np.int64)[0]) for n in numbered)
    outputs, given = {}, {}
    for n, out in enumerate(design.outputs):
        words = np.fromfile(folder / f"result{n}", dtype=np.uint32)
        values = unpack(words, out.lanes, out.width, out.signed)
        outputs[out.name] = values.reshape(samples, *out.tensor.shape)
        given[out.name] = np.fromfile(folder / f"result{n}.times", dtype=np.int64) - start
    ends = sample_ends(given, samples)
    edges = _edges(design, np.fromfile(folder / "trace", dtype=np.int32), samples) if trace else None
    return Simulation(
        plain(_tensors(design.outputs), outputs),
        ends[0],
        interval_of(ends) if samples > 1 else float("nan"),
        cycles,
        seconds,
        given,
        edges,
        _buffers(design, folder) or None,
    )


def _edges(design: Design, pairs: np.ndarray, samples: int) -> dict[str, np.ndarray]:
    """Traced words → every edge of the graph."""
    ids, words = pairs.reshape(-1, 2).T
    edges = {}
    for number, tap in enumerate(design.taps):
        own, needed = words[ids == number], samples * tap.beats * -(-tap.bits // 32)
        if own.size < needed:
            raise UserError(f"design {design.name} does not trace {tap.name!r} as its taps say; {_AGAIN}")
        values = unpack(np.ascontiguousarray(own[:needed]).view(np.uint32), tap.lanes, tap.width, tap.signed)
        edges[tap.name] = values.reshape(samples, *tap.tensor.shape)
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
