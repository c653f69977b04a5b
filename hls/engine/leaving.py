"""The section of an engine's top module in front of the rounding: what is rounded, chosen a cycle before."""

from __future__ import annotations

from hls.engine.build import Build
from hls.engine.fields import width

WAITING = (
    "op", "epilogue", "factor", "multiplier", "places", "even", "limits", "outer", "number", "copied", "looked_up",
    "held", "scaled",
)  # fmt: skip
"""Fields that matter where scores of heads side by side leave one after the other."""

CHOOSING = "op", "factor", "multiplier", "places", "scaled"
"""Fields that choose a multiplier: beat_NAME of a beat, sums_NAME of sums, as `early_next` is the last to be known."""


def leaving(b: Build) -> None:
    """All that enters the rounding: beats of LOAD, NORM, SHARE and BLOCK, sums, or scores of heads side by side.

    What belongs to it is chosen in the cycle before (r_NAME_next), so that registers alone choose in front of the
    multipliers.
    """
    b.title("what is rounded")
    s, d, at, sum_at = b.sizes, b.delays, b.beats.at, b.sums.at
    stages = [("fired_1", "fire"), ("fired_2", "fired_1"), ("fired_early", "fire_early")]
    b.register(*(f"{b.wire(name, 1)} <= {before} && !rst;" for name, before in stages))
    b.assign("early_next", 1, "fire_early" if d.early == 1 else "fired_early")
    b.wire("early", 1)
    waits = ""
    if s.side > 1:
        waits = " || waits"
        _side_by_side(b)
    else:
        b.assign("leaving_head", b.address_bits, f"early ? {at(d.early, 'head')} : {sum_at(d.sums, 'head')}")
    b.assign("r_valid_next", 1, f"early_next{waits} || {sum_at(d.sums - 1, 'live')} && {sum_at(d.sums - 1, 'last')}")
    for field, bits in b.beats.fields.items():
        one = at(d.early - 1, field) if d.early > 1 else field
        then = ""
        if waits and field in WAITING:
            then = f"waits ? rest_{field} : "
        late = f"{then}{sum_at(d.sums - 1, field)}"
        if field in CHOOSING:
            b.assign(f"beat_{field}", bits, one)
            one, late = f"beat_{field}", b.assign(f"sums_{field}", bits, late)
        b.assign(f"r_{field}_next", bits, f"early_next ? {one} : {late}")
    entering = [f"{b.wire(f'r_{field}_0', bits)} <= r_{field}_next;" for field, bits in b.results.fields.items()]
    b.register(*entering, "early <= early_next && !rst;", "if (rst) r_valid_0 <= 1'b0;")


def _side_by_side(b: Build) -> None:
    """Scores of heads side by side leave one after the other, in the cycles behind their sums."""
    s, at, w, sums = b.sizes, b.sums.at, b.sizes.sum_bits, b.delays.sums
    rest, left = (s.side - 1) * s.pe * w, width(s.side - 1)
    sizes = {f"rest_{field}": b.beats.fields[field] for field in WAITING}
    sizes |= {"rest_sums": rest, "rest_left": left, "rest_head": b.address_bits, "waiting": 1}
    for name, bits in sizes.items():
        b.wire(name, bits)
    before = sums - 1
    b.assign("splits_next", 1, f"{at(before, 'live')} && {at(before, 'last')} && {at(before, 'op')} == SCORE")
    more = f" || (splits ? 1'b1 : rest_left > {left}'d2)" if left > 1 else ""
    b.register(
        f"{b.wire('splits', 1)} <= splits_next && !rst;",
        f"{b.wire('waits', 1)} <= (splits_next{more}) && !rst;",
        f"if (splits) rest_left <= {left}'d{s.side - 1};",
        "else if (rest_left != '0) rest_left <= rest_left - 1'b1;",
        "if (rst) rest_left <= '0;",
        "waiting <= waits && !rst;",
        *(f"if (splits_next) rest_{field} <= {at(before, field)};" for field in WAITING),
        f"if (splits) rest_sums <= sums[{s.pe * w}+:{rest}];",
        f"else if (waiting) rest_sums <= rest_sums >> {s.pe * w};",
        f"rest_head <= (splits ? {at(sums, 'head')} : rest_head) + {b.address_bits}'d{s.queries};",
    )
    b.assign(
        "leaving_head",
        b.address_bits,
        f"waiting ? rest_head : early ? {b.beats.at(b.delays.early, 'head')} : {at(sums, 'head')}",
    )
