"""Serial division and square root as units (`accel_divide.sv`, `accel_isqrt.sv`): one result every few cycles."""

from __future__ import annotations

from accel.hardware import Actor, Module, Port, Unit, consume, every, produce


def divide_unit(
    edge_in: str, edge_out: str, x_width: int, quotient_peak: int, numerator: int, floor: int, rows: int
) -> Unit:
    """floor(2^numerator / max(x, 2^floor)) for `rows` values per sequence, one bit of the quotient per cycle.

    `quotient_peak` is the largest quotient: it sets the number of steps.
    """
    steps = quotient_peak.bit_length()
    params = {"XW": x_width, "QBITS": steps, "NUMERATOR": numerator, "FLOOR": floor}
    return _serial(Module("accel_divide", params), Port(edge_in, 1, x_width), Port(edge_out, 1, steps), rows, steps)


def isqrt_unit(edge_in: str, edge_out: str, x_width: int, shift: int, root_peak: int, rows: int) -> Unit:
    """floor(sqrt(x << shift)) for `rows` values per sequence, one bit of the root per cycle."""
    steps = root_peak.bit_length()
    params = {"XW": x_width, "SHIFT": shift, "RBITS": steps}
    return _serial(Module("accel_isqrt", params), Port(edge_in, 1, x_width), Port(edge_out, 1, steps), rows, steps)


def _serial(module: Module, source: Port, result: Port, rows: int, steps: int) -> Unit:
    always = every(rows)
    actor = Actor(rows, (consume(source.edge, always),), (produce(result.edge, always, steps + 1),), interval=steps + 1)
    return Unit(module, (source,), (result,), (actor,))
