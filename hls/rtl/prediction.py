"""Predicted cycles of a netlist and the depth of its buffers, both from `accel.dataflow.timing`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel.dataflow.timing import VISIBLE, Edge, Process, run
from accel.hardware import Actor, Use, consume, every
from hls.rtl.netlist import Netlist

SEQUENCES = 12
"""Sequences that are timed at least."""
TAIL = 4
"""Steady intervals that are averaged."""


@dataclass(frozen=True)
class Prediction:
    """Cycles from the first input beat taken to the last output beat given (`latency`), and between samples.

    `beats` holds the cycle of every output beat of the first SEQUENCES samples, counted from the first input beat.
    """

    latency: int
    interval: float
    beats: tuple[int, ...]


def predict(netlist: Netlist, depths: dict[str, int]) -> Prediction:
    """Timing with an input that always offers a beat and an output that always takes one."""
    sequences = _sequences(netlist)
    edges, processes = _network(netlist, depths, _at_once(netlist, sequences))
    run(edges, processes, sequences)
    given = edges[len(netlist.buffers)].reads
    times = tuple((given - edges[0].reads[0]).tolist())
    per_sequence = len(times) // sequences
    ends = times[per_sequence - 1 :: per_sequence]
    return Prediction(ends[0], interval_of(ends), times[: per_sequence * SEQUENCES])


def activity(netlist: Netlist, depths: dict[str, int], samples: int) -> dict[str, list[tuple[int, int]]]:
    """Per unit and sample, the cycles of the first beat that it takes and of the last that it writes.

    Cycles and conditions as in `predict`: 0 is the first input beat, VISIBLE cycles after its last write the output
    has a sample.
    """
    edges, processes = _network(netlist, depths, _at_once(netlist, samples))
    run(edges, processes, samples)
    start, count = int(edges[0].reads[0]), len(netlist.buffers)
    found: dict[str, list[tuple[int, int]]] = {}
    for instance in netlist.instances:
        own = [process for process in processes if process.name == instance.name]
        taken = [edges[i].reads for process in own for i in process.inputs if i <= count]
        written = [edges[i].writes for process in own for i in process.outputs if i <= count]
        found[instance.name] = [
            (
                min(int(times[sample * len(times) // samples]) for times in taken) - start,
                max(int(times[(sample + 1) * len(times) // samples - 1]) for times in written) - start,
            )
            for sample in range(samples)
        ]
    return found


def interval_of(ends: tuple[int, ...]) -> float:
    """Cycles per sample over the last TAIL of a run's sequences; `ends` are the cycles of their last beats."""
    tail = min(TAIL, len(ends) - 1)
    span = (ends[-1] - ends[-1 - tail]) / tail
    return int(span) if span == int(span) else span


def buffer_depths(netlist: Netlist) -> dict[str, int]:
    """For every buffer the next power of two that holds what it holds at the full rate.

    With these depths the run of `high_water` is possible, so a design fed faster cannot be slower.
    """
    return {name: max(2, 1 << (most - 1).bit_length()) for name, most in high_water(netlist).items()}


def high_water(netlist: Netlist) -> dict[str, int]:
    """The most places that are ever taken of every buffer at the full rate.

    Found by timing the design with unlimited buffers and samples spread evenly at the interval of the slowest unit.
    """
    interval, beats, sequences = slowest(netlist), _input_beats(netlist), _sequences(netlist)
    released = (np.arange(sequences)[:, None] * interval + np.arange(beats) * interval // beats - VISIBLE).ravel()
    edges, processes = _network(netlist, {}, released)
    run(edges, processes, sequences)
    return {buffer.name: edge.most_taken() for buffer, edge in zip(netlist.buffers, edges[1:], strict=False)}


def slowest(netlist: Netlist) -> int:
    """Cycles per sample of the slowest unit: the interval of the design, given the buffers for it."""
    return max(instance.unit.cycles for instance in netlist.instances)


def _sequences(netlist: Netlist) -> int:
    """How many sequences are timed: all that are in the pipeline at once, then enough to see a few steady intervals."""
    edges, processes = _network(netlist, {}, _at_once(netlist, 1))
    run(edges, processes, 1)
    latency = int(edges[len(netlist.buffers)].reads[-1] - edges[0].reads[0])
    return max(SEQUENCES, latency // slowest(netlist) + 2 * TAIL)


def _at_once(netlist: Netlist, sequences: int) -> np.ndarray:
    """When the input's beats are written so that all of them show in the first cycle."""
    return np.full(_input_beats(netlist) * sequences, -VISIBLE)


def _input_beats(netlist: Netlist) -> int:
    return netlist.instances[0].unit.actors[0].firings


def _network(netlist: Netlist, depths: dict[str, int], released: np.ndarray) -> tuple[list[Edge], list[Process]]:
    """Edge 0 is the design's input, then one edge per buffer (the output's is the last), then edges inside units."""
    source = Edge("input", writes=released)
    edges = [source, *(Edge(buffer.name, depths.get(buffer.name)) for buffer in netlist.buffers)]
    into = {(b.reader.instance, b.reader.port): i + 1 for i, b in enumerate(netlist.buffers) if b.reader}
    into[0, 0] = 0
    out_of: dict[tuple[int, int], list[int]] = {}
    for i, buffer in enumerate(netlist.buffers):
        out_of.setdefault((buffer.source.instance, buffer.source.port), []).append(i + 1)
    processes = []
    for number, instance in enumerate(netlist.instances):
        unit = instance.unit
        inside = {}
        for name, places in unit.places.items():
            inside[name] = len(edges)
            edges.append(Edge(f"{instance.name}.{name}", places))
        reads = {port.edge: into[number, i] for i, port in enumerate(unit.inputs)} | inside
        gives = {port.edge: out_of[number, i] for i, port in enumerate(unit.outputs)}
        delay = {unit.outputs[instance.result_index].edge: sum(stage.latency for stage in instance.stages)}
        for actor in unit.actors:
            outputs: list[tuple[Use, int]] = []
            for use in actor.outputs:
                late = use._replace(latency=use.latency + delay.get(use.edge, 0))
                outputs += [(late, edge) for edge in gives.get(use.edge, [inside.get(use.edge, -1)])]
            processes.append(
                Process(
                    instance.name,
                    Actor(actor.firings, actor.inputs, tuple(use for use, _ in outputs), actor.interval),
                    tuple(reads[use.edge] for use in actor.inputs),
                    tuple(edge for _, edge in outputs),
                )
            )
    last = len(netlist.buffers)
    beats = _output_beats(netlist)
    processes.append(Process("output", Actor(beats, (consume("in0", every(beats)),), ()), (last,), ()))
    return edges, processes


def _output_beats(netlist: Netlist) -> int:
    """Beats of one sequence on the design's output."""
    source = netlist.buffers[-1].source
    edge = netlist.instances[source.instance].unit.outputs[source.port].edge
    return sum(
        int(use.done.sum())
        for a in netlist.instances[source.instance].unit.actors
        for use in a.outputs
        if use.edge == edge
    )
