"""Division and square root as units: serial ones with a result every few cycles, or pipelines with one every cycle.

`unrolled` 0 means serial (`accel_divide.sv`, `accel_isqrt.sv`), otherwise how many bits of the result are found
between two registers (`accel_divide_pipe.sv`, `accel_isqrt_pipe.sv`).
"""

from __future__ import annotations

from dataclasses import replace

from accel.fold import LaneFold
from accel.hardware import ALWAYS, Actor, Module, Port, Unit, consume, produce


def serial_folds(folds: list[LaneFold]) -> list[LaneFold]:
    """The folds with serial units, then the same unrolled, which only schedules that name them get."""
    return folds + [replace(fold, unrolled=steps) for steps in (1, 2) for fold in folds]


def divide_unit(
    edge_in: str, edge_out: str, x_width: int, quotient_peak: int, numerator: int, floor: int, rows: int, unrolled: int
) -> Unit:
    """floor(2^numerator / max(x, 2^floor)) for `rows` values per sequence.

    `quotient_peak` is the largest quotient: it sets the number of steps.
    """
    steps = quotient_peak.bit_length()
    params = {"XW": x_width, "QBITS": steps, "NUMERATOR": numerator, "FLOOR": floor}
    ends = Port(edge_in, 1, x_width), Port(edge_out, 1, steps)
    if unrolled:
        return _unit(
            Module("accel_divide_pipe", params | {"STEPS": unrolled}), *ends, rows, 1 - (-steps // unrolled), 1
        )
    return _unit(Module("accel_divide", params), *ends, rows, steps + 1, steps + 1)


def isqrt_unit(edge_in: str, edge_out: str, x_width: int, shift: int, root_peak: int, rows: int, unrolled: int) -> Unit:
    """floor(sqrt(x << shift)) for `rows` values per sequence."""
    steps = root_peak.bit_length()
    params = {"XW": x_width, "SHIFT": shift, "RBITS": steps}
    ends = Port(edge_in, 1, x_width), Port(edge_out, 1, steps)
    if unrolled:
        return _unit(Module("accel_isqrt_pipe", params | {"STEPS": unrolled}), *ends, rows, -(-steps // unrolled), 1)
    return _unit(Module("accel_isqrt", params), *ends, rows, steps + 1, steps + 1)


def _unit(module: Module, source: Port, result: Port, rows: int, latency: int, interval: int) -> Unit:
    actor = Actor(rows, (consume(source.edge),), (produce(result.edge, ALWAYS, latency),), interval)
    return Unit(module, (source,), (result,), (actor,))
