"""Mantissas as units: the leading bits of a number and their place, and products that such a pair scales."""

from __future__ import annotations

from accel.hardware import ALWAYS, Actor, Long, Module, Port, Rom, Unit, consume, per_row, produce
from accel.numeric import bits
from accel.tensor import Tensor


def leading_unit(
    edges: tuple[str, str, str], x_width: int, mantissa: int, step: int, places: tuple[int, int], down: bool, rows: int
) -> Unit:
    """`edges` are x, its leading `mantissa` bits, and their place among `places` in steps of `step` bits."""
    lo, hi = places
    params = {
        "XW": x_width, "MW": mantissa, "STEP": step, "LO": lo, "HI": hi, "DOWN": int(down), "EW": bits(0, hi - lo)[0],
    }  # fmt: skip
    results = Port(edges[1], 1, mantissa), Port(edges[2], 1, params["EW"])
    actor = Actor(rows, (consume(edges[0]),), tuple(produce(port.edge, ALWAYS, 3) for port in results))
    return Unit(Module("accel_leading", params), (Port(edges[0], 1, x_width),), results, (actor,))


def scaled_unit(
    x: Tensor, output: Tensor, lanes: int, factor: Port, place: Port, shift: int, factor_peak: int,
    gains: Rom | None = None, gain_peak: int = 1,
) -> Unit:  # fmt: skip
    """clip(x · gain · factor / 2^(shift + place)) for rows of the channels of x."""
    beats = x.channels // lanes
    scaled = x.magnitude * gain_peak
    params = {
        "LANES": lanes, "BEATS": beats, "XW": x.width, "X_SIGNED": int(x.signed), "RW": factor.width,
        "EW": place.width, "UW": bits(-scaled, scaled)[0],
        "PW": bits(-scaled * factor_peak, scaled * factor_peak)[0], "SHIFT": shift,
        "LO": Long(output.lo), "HI": Long(output.hi), "YW": output.width,
    }  # fmt: skip
    roms = {}
    if gains is not None:
        params |= {"GAINS": gains.depth, "GW": gains.bits}
        roms["GAMMA_FILE"] = gains
    actor = Actor(
        x.tokens * beats,
        (consume("in0"), per_row(beats, factor.edge), per_row(beats, place.edge)),
        (produce("out", ALWAYS, 6 if gains is None else 8),),
    )
    return Unit(
        Module("accel_scaled", params, roms),
        (Port("in0", lanes, x.width), factor, place),
        (Port("out", lanes, output.width),),
        (actor,),
    )
