"""Predicted cycles of a netlist and the depth of its buffers, both from `accel.dataflow.timing`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from accel.dataflow.netlist import Netlist, Tap
from accel.dataflow.timing import VISIBLE, Network, Process, Run
from accel.hardware import Actor, consume

SEQUENCES = 12
"""Sequences that are timed at least."""
TAIL = 4
"""Steady intervals that are averaged."""


@dataclass(frozen=True)
class Prediction:
    """Cycles from the first beat taken of any input to the last one given of all outputs, and between samples.

    `given` holds by output the cycles of every beat of the first SEQUENCES samples, counted from the first input beat.
    """

    latency: int
    interval: float
    given: dict[str, tuple[int, ...]]

    @property
    def beats(self) -> tuple[int, ...]:
        """The cycles of the beats of the only output."""
        (beats,) = self.given.values()
        return beats


def predict(netlist: Netlist, depths: dict[str, int]) -> Prediction:
    """Timing with inputs that always offer a beat and outputs that always take one."""
    sequences = _sequences(netlist)
    made = _at_once(netlist, depths, sequences)
    given = {name: beats - _start(made) for name, beats in zip(netlist.outputs, made.given, strict=True)}
    ends = sample_ends(given, sequences)
    first = {name: tuple(beats[: len(beats) // sequences * SEQUENCES].tolist()) for name, beats in given.items()}
    return Prediction(ends[0], interval_of(ends), first)


def sample_ends(given: dict[str, np.ndarray], samples: int) -> tuple[int, ...]:
    """The cycle of the last beat of every sample, over all outputs; `given` are those of all beats, by output."""
    return tuple(np.max([beats.reshape(samples, -1)[:, -1] for beats in given.values()], axis=0).tolist())


def _start(made: Run) -> int:
    """The cycle of the first input beat."""
    return int(made.first_reads[: len(made.released), 0].min())


def activity(netlist: Netlist, depths: dict[str, int], samples: int) -> dict[str, list[tuple[int, int]]]:
    """Per unit and sample, the cycles of the first beat that it takes and of the last that it writes.

    Cycles and conditions as in `predict`: 0 is the first input beat, VISIBLE cycles after its last write the output
    has a sample.
    """
    made = _at_once(netlist, depths, samples)
    start, count = _start(made), len(netlist.inputs) + len(netlist.buffers)
    found: dict[str, list[tuple[int, int]]] = {}
    for instance in netlist.instances:
        own = [process for process in made.network.processes if process.name == instance.name]
        taken = [i for process in own for i in process.inputs if i < count]
        written = [i for process in own for among in process.outputs for i in among if i < count]
        first, last = made.first_reads[taken].min(0) - start, made.last_writes[written].max(0) - start
        found[instance.name] = list(zip(first.tolist(), last.tolist(), strict=True))
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
    interval, sequences = slowest(netlist), _sequences(netlist)
    released = [np.arange(beats) * interval // beats - VISIBLE for beats in _input_beats(netlist)]
    made = Run(network(netlist), _places(netlist, {}), sequences, released, interval, most=True).run()
    names = [buffer.name for buffer in netlist.buffers]
    return dict(zip(names, made.most[len(released) :].tolist(), strict=False))


def slowest(netlist: Netlist) -> int:
    """Cycles per sample of the slowest unit: the interval of the design, given the buffers for it."""
    return max(instance.unit.cycles for instance in netlist.instances)


@lru_cache(maxsize=4)
def _sequences(netlist: Netlist) -> int:
    """How many sequences are timed: all that are in the pipeline at once, then enough to see a few steady intervals."""
    made = _at_once(netlist, {}, 1)
    latency = max(int(beats[-1]) for beats in made.given) - _start(made)
    return max(SEQUENCES, latency // slowest(netlist) + 2 * TAIL)


def _at_once(netlist: Netlist, depths: dict[str, int], sequences: int) -> Run:
    """A run whose input beats are all written before the first cycle, and show in it."""
    released = [np.full(beats, -VISIBLE) for beats in _input_beats(netlist)]
    results = [len(released) + number for number in netlist.exits.values()]
    return Run(network(netlist), _places(netlist, depths), sequences, released, results=results).run()


def _input_beats(netlist: Netlist) -> list[int]:
    return [entry.unit.actors[0].firings for entry in netlist.entries]


def _places(netlist: Netlist, depths: dict[str, int]) -> np.ndarray:
    """Places of every edge of `network`, -1 where there is no limit."""
    inside = [places for instance in netlist.instances for places in instance.unit.places.values()]
    outside = [-1 for _ in netlist.inputs]
    return np.array([*outside, *(depths.get(buffer.name, -1) for buffer in netlist.buffers), *inside])


@lru_cache(maxsize=4)
def network(netlist: Netlist) -> Network:
    """The first edges are the design's inputs, then there is one per buffer, then those inside units."""
    first = len(netlist.inputs)
    names = [f"input {name}" for name in netlist.inputs] + [buffer.name for buffer in netlist.buffers]
    into = {(b.reader.instance, b.reader.port): i for i, b in enumerate(netlist.buffers, first) if b.reader}
    into |= {(number, 0): number for number in range(first)}
    out_of: dict[tuple[int, int], list[int]] = {}
    for i, buffer in enumerate(netlist.buffers, first):
        out_of.setdefault((buffer.source.instance, buffer.source.port), []).append(i)
    processes = []
    for number, instance in enumerate(netlist.instances):
        unit = instance.unit
        inside = {name: len(names) + i for i, name in enumerate(unit.places)}
        names += [f"{instance.name}.{name}" for name in unit.places]
        reads = {port.edge: into[number, i] for i, port in enumerate(unit.inputs)} | inside
        gives = {port.edge: tuple(out_of[number, i]) for i, port in enumerate(unit.outputs)}
        gives |= {name: (edge,) for name, edge in inside.items()}
        delay = {unit.outputs[instance.result_index].edge: sum(stage.latency for stage in instance.stages)}
        for actor in unit.actors:
            inputs = tuple(reads[use.edge] for use in actor.inputs)
            outputs = tuple(gives[use.edge] for use in actor.outputs)
            late = tuple(delay.get(use.edge, 0) for use in actor.outputs)
            processes.append(Process(instance.name, actor, inputs, outputs, late))
    for number in netlist.exits.values():
        actor = Actor(_beats(netlist, netlist.buffers[number].source), (consume("in0"),), ())
        processes.append(Process("output", actor, (first + number,), (), ()))
    return Network(names, processes)


def _beats(netlist: Netlist, source: Tap) -> int:
    """Beats of one sequence at an output of an instance."""
    unit = netlist.instances[source.instance].unit
    edge = unit.outputs[source.port].edge
    return sum(use.done.number(a.firings) for a in unit.actors for use in a.outputs if use.edge == edge)
