"""Sections of an engine's top module: the residual stream, its tables and its norm."""

from __future__ import annotations

from accel.engine import contents, parameters
from accel.engine.delays import gain_of, mean_of, root_is_table, variance_bits
from accel.engine.isa import Epilogue
from accel.errors import UserError
from accel.hardware import Long
from accel.image import Image
from accel.numeric import ROUNDINGS, signed_width
from hls.engine.build import DEEP, Build, cast
from hls.engine.core import load_bits
from hls.engine.fields import width
from hls.engine.top import lane, times


def stream(b: Build) -> None:
    """The residual stream, its tables, and the root of its squares."""
    b.title("residual stream")
    s, d, at, r = b.sizes, b.delays, b.beats.at, b.results.at
    _tables(b)
    blocks, y = s.width // s.pe, b.result_bits
    iw = width(blocks - 1)
    writes, adds = b.wire("stream_writes", 1), b.wire("stream_adds", 1)
    b.register(f"{writes} <= {r(1, 'valid')} && {r(1, 'epilogue')} == TO_RESIDUAL && !rst;",
               f"{adds} <= {r(1, 'op')} == MATRIX && {r(1, 'aligned')} == '0 && {r(1, 'valid')};")  # fmt: skip
    valid, index, one = writes, r(2, "outer"), lane("result", y, s.residual_bits)
    if not d.load_rounded:
        load = b.wire("stream_loads", 1)
        b.register(f"{load} <= fire && op == LOAD && !rst;")
        valid, index = f"{load} || {writes}", f"({load} ? {at(1, 'outer')} : {r(2, 'outer')})"
        one = f"{load} ? {lane('loaded', load_bits(b), s.residual_bits)} : {one}"
        adds = f"!({load}) && {adds}"
    data = b.wire("stream_data", s.pe * s.residual_bits)
    b.add(f"for (genvar lane = 0; lane < {s.pe}; lane++) begin : stream_lane",
          f"    assign {data}[lane*{s.residual_bits}+:{s.residual_bits}] = {one};", "end")  # fmt: skip
    read = cast(iw, "outer")
    if any(i.aligned for i in b.chosen(Epilogue.RESIDUAL)):
        first = d.sums - 2
        ahead = b.sums.at
        begins = f"{ahead(first, 'live')} && {ahead(first, 'first')} && {ahead(first, 'aligned')} != '0"
        read = f"{begins} ? {cast(iw, ahead(first, 'outer'))} : {read}"
    if any(not i.aligned for i in b.chosen(Epilogue.RESIDUAL)):
        behind = f"{r(1, 'valid')} && {r(1, 'epilogue')} == TO_RESIDUAL && {r(1, 'op')} == MATRIX"
        read = f"{behind} && {r(1, 'aligned')} == '0 ? {cast(iw, r(1, 'outer'))} : {read}"
    lo, hi = _kept(b)
    vw = variance_bits(b.program)
    wide = max(vw, 2 * s.residual_bits + (s.pe - 1).bit_length())
    params: dict[str, int | str] = {
        "LANES": s.pe, "BLOCKS": blocks, "CHANNELS": s.width, "WIDTH": s.residual_bits, "YW": y,
        "FORM": 3 if mean_of(b.program) else ("l2", "rms", "layer").index(b.norm.form),
        "OFFSET": Long(b.norm.offset), "LO": Long(lo), "HI": Long(hi), "VW": wide, "UW": b.centred_bits,
        "BLOCK_RAM": int(blocks > DEEP),
        **_mean(b),
    }  # fmt: skip
    x = s.pe * s.residual_bits
    pins = {"x": ("stream_word", x), "u": ("centred", s.pe * b.centred_bits), "summed": ("summed", 1)}
    pins |= {"v": ("variance", wide), "kept": ("stream_kept", x)}
    wires = {pin: b.wire(name, bits) for pin, (name, bits) in pins.items()}
    b.unit("accel_engine_stream", "stream", params, rst="", valid=valid, add=adds, index=cast(iw, index), data=data,
           more="result", read=read, **wires)  # fmt: skip
    _normed(b)
    _root(b, vw)


def _mean(b: Build) -> dict[str, int | str]:
    """Parameters of the mean that norms subtract, which lies within the range of the residual stream."""
    if not (rescale := mean_of(b.program)):
        return {}
    half = 1 << (b.sizes.residual_bits - 1)
    return {
        "MEAN_MULTIPLIER": Long(rescale.multiplier[0]), "MEAN_SHIFT": rescale.shift,
        "MEAN_MODE": ROUNDINGS.index(rescale.rounding), "MEAN_LO": Long(max(rescale.lo, -half)),
        "MEAN_HI": Long(min(rescale.hi, half - 1)),
    }  # fmt: skip


def _normed(b: Build) -> None:
    """All that a norm multiplies with R: times a gain of the channel where there are gains, a cycle later."""
    s, wide, whole = b.sizes, b.centred_bits, b.normed_bits
    if gain_of(b.program) is not None:
        b.assign("normed", s.pe * whole, "centred")
        return
    factor = whole - wide
    each = f"{factor}'({b.beats.at(1, 'multiplier')})"
    if "gains" in b.program.tables:
        each = f"{b.beats.at(1, 'gains')} == '0 ? {each} : {_gains(b, factor)}"
    b.wire("normed", s.pe * whole)
    b.add(f"for (genvar lane = 0; lane < {s.pe}; lane++) begin : gain_lane",
          f"    wire signed [{factor - 1}:0] gained = {each};",
          f"    always_ff @(posedge clk) normed[lane*{whole}+:{whole}] <="
          f" {whole}'($signed(centred[lane*{wide}+:{wide}])) * {whole}'(gained);", "end")  # fmt: skip
    names = {"loaded": s.pe * load_bits(b), "share_block": s.pe * s.share_bits}
    b.register(*(f"{b.wire(f'{name}_2', size)} <= {name};" for name, size in names.items()))


def _gains(b: Build, wide: int) -> str:
    """A channel's gain, in cycle 1."""
    s, blocks, gains = b.sizes, b.sizes.width // b.sizes.pe, b.program.tables["gains"]
    bits, rows = signed_width(gains), gains.reshape(-1, s.pe)
    b.memories["gains.hex"] = Image.pack(rows, bits)
    address = width(len(rows) - 1)
    layer = times("(32'(gains) - 32'(gains != '0))", blocks)
    at = b.assign("gains_at", address, f"{address}'({layer} + 32'(outer))")
    params: dict[str, int | str] = {
        "WIDTH": s.pe * bits, "DEPTH": len(rows), "BLOCK": int(len(rows) > DEEP), "FILE": "gains.hex",
    }  # fmt: skip
    b.unit("accel_engine_word", "gains_words", params, address=at, word=b.wire("gain", s.pe * bits))
    return f"{wide}'($signed(gain[lane*{bits}+:{bits}]))"


def _kept(b: Build) -> tuple[int, int]:
    """Limits of the residual stream, the same for all that is added to it."""
    added = [i for i in b.chosen(Epilogue.RESIDUAL) if not i.aligned]
    if any(i.late_shift for i in added) or len({i.late_limits for i in added}) > 1:
        raise UserError(
            f"{b.program.network.graph.name}: an engine rounds all of its residual stream alike; give it one format"
        )
    half = 1 << (b.sizes.residual_bits - 1)
    return b.sizes.limits[added[0].late_limits] if added else (-half, half - 1)


def _tables(b: Build) -> None:
    """All that a token loads, in cycle 1."""
    s, blocks, tables = b.sizes, b.sizes.width // b.sizes.pe, b.program.tables
    token, place = "32'(token)", "32'(place)"
    places = {"by_token": token, "by_place": place, "by_both": f"({times(token, s.context)} + {place})"}
    terms = []
    for name, place in places.items():
        if name not in tables:
            continue
        rows = tables[name].reshape(-1, s.pe)
        bits = load_bits(b)
        b.memories[f"{name}.hex"] = Image.pack(rows, bits)
        address = width(len(rows) - 1)
        at = b.assign(f"{name}_at", address, f"{address}'({times(place, blocks)} + 32'(outer))")
        params: dict[str, int | str] = {
            "WIDTH": s.pe * bits, "DEPTH": len(rows), "BLOCK": int(len(rows) > DEEP), "FILE": f"{name}.hex",
        }  # fmt: skip
        b.unit("accel_engine_word", f"{name}_words", params, address=at, word=b.wire(name, s.pe * bits))
        terms.append(name)
    bits = load_bits(b)
    b.wire("loaded", s.pe * bits)
    total = " + ".join(f"{term}[lane*{bits}+:{bits}]" for term in terms)
    b.add(f"for (genvar lane = 0; lane < {s.pe}; lane++) begin : load_lane",
          f"    assign loaded[lane*{bits}+:{bits}] = {total};", "end")  # fmt: skip


def _root(b: Build, vw: int) -> None:
    """R of a norm, from the sum of squares."""
    norm, s = b.norm, b.sizes
    low, high = b.layout.exponents
    ew = max(abs(low), abs(high)).bit_length() + 1
    gain = gain_of(b.program) or 1
    params: dict[str, int | str] = {
        "TABLE": 0, **parameters.root(b.program), "MW": s.multiplier_bits, "EW": ew,
    }  # fmt: skip
    if root_is_table(norm):
        b.memories["root.hex"] = Image.pack(contents.root_words(norm, gain).reshape(-1, 1), s.multiplier_bits)
        params |= {"TABLE": 1, "BLOCK": int(1 << 2 * norm.guard > DEEP), "FILE": "root.hex"}
    b.unit("accel_engine_root", "root_of_squares", params, rst="", valid="summed", v=f"variance[{vw - 1}:0]",
           multiplier=b.wire("root_factor", s.multiplier_bits), exponent=b.wire("root_exponent", ew))  # fmt: skip
    if norm.form != "l2":
        b.unused("root_exponent")
