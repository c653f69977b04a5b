"""Sections of an engine's top module: tokens, program, tape, array and rounding."""

from __future__ import annotations

import numpy as np

from accel.engine.isa import Epilogue, MultiplierSource, Opcode
from accel.image import Image
from accel.numeric import signed_width
from hls.engine.build import DEEP, Build, cast
from hls.engine.fields import width


def tokens(b: Build) -> None:
    """The streams of the design: tokens that begin and end."""
    b.title("tokens")
    params: dict[str, int | str] = {
        "NUMBERS": b.request.lanes, "WIDTH": b.request.width, "TW": b.token_bits, "PW": b.position_bits,
        "CONTEXT": b.sizes.context, "BURST": b.answer.tensor.tokens,
    }  # fmt: skip
    for name, bits in {"start": 1, "token": b.token_bits, "place": b.position_bits, "room": 1}.items():
        b.wire(name, bits)
    b.assign("finish", 1, "fire && op == END")
    b.wire("found", b.token_bits)
    streams = {f"{side}_{pin}": "" for side in "sm" for pin in ("valid", "ready", "data", "last")}
    if b.tells_logits:
        streams |= _apart(b)
    own = dict.fromkeys(("ready", "start", "token", "room", "finish", "found"), "")
    seed = b.wire("seed", b.request.width)
    b.unit("accel_engine_tokens", "tokens", params, rst="", position="place", seed=seed, **streams, **own)


def _apart(b: Build) -> dict[str, str]:
    """Pins of what answers with tokens, where logits leave instead: no request is taken while they do."""
    wires = {f"token_{pin}": 1 for pin in ("valid", "ready", "last", "takes")} | {"token_data": b.token_bits}
    for name, bits in wires.items():
        b.wire(name, bits)
    b.add("assign s_ready = token_takes && !token_valid;")
    b.unused("token_last", "token_data")
    outputs = {f"m_{pin}": f"token_{pin}" for pin in ("valid", "ready", "data", "last")}
    return {"s_valid": "s_valid && !token_valid", "s_ready": "token_takes", **outputs}


def sequencer(b: Build) -> None:
    """The program and what it issues."""
    b.title("program")
    s, fields, layout = b.sizes, b.layout.fields, b.layout
    b.memories["program.hex"] = Image.pack(layout.words(), 1)
    params: dict[str, int | str] = {
        "PROGRAM": len(b.program.instructions), "FILE": "program.hex", "GW": fields["gap"], "SW": b.step_bits,
        "CW": b.count_bits, "AW": b.address_bits, "RESTW": sum(layout.rest.values()), "PW": b.position_bits,
        "ROWS": s.pe, "N": s.simd, "BLOCKS": s.width // s.pe, "KEY_PLANES": s.key_planes,
        "VALUE_PLANES": s.value_planes, "SIDE": s.side, "BANKS": s.banks, "QUERIES": s.queries,
        "KEY_GROUPS": s.kv_heads // s.side, "VALUE_GROUPS": s.kv_heads // s.banks, "HEAD_WORDS": s.head_words,
        "HEAD_BLOCKS": s.head_blocks, "ROUNDED": int(b.delays.load_rounded),
    }  # fmt: skip
    wires = {"ready": 1, "fire": 1, "fire_early": 1, "weights": 1, "matrix": 1, "attends": 1, "read": b.address_bits}
    wires |= {"key": b.address_bits, "block": b.address_bits}
    for name, bits in wires.items():
        b.wire(name, bits)
    pins = ("start", "weights", "room", "ready", "fire", "op", "rest", "number", "live", "first", "last",
            "highest", "step", "word", "words_end", "outer", "matrix", "attends", "read", "key", "block", "group",
            "head", "index")  # fmt: skip
    own = {"early": "fire_early", **dict.fromkeys(pins, "")}
    b.unit("accel_engine_sequencer", "sequencer", params, rst="", position="place", **own)


def tape(b: Build) -> None:
    """Weights, and where there are some factors, biases and multipliers, in the order of their use."""
    b.title("tape")
    s, d, found = b.sizes, b.delays, b.program.tape
    at, tree = b.sums.at, d.sums - 1 - (found.factors is not None)
    _words(b, "digits", found.weights.reshape(len(found.weights), -1), 4, "fire && matrix", "weights", AHEAD=1)
    matrix = {stage: f"{at(stage, 'live')} && {at(stage, 'op')} == MATRIX" for stage in (tree - 1, d.sums - 2)}
    if found.factors is not None:
        _words(b, "factor_words", found.factors, width(int(found.factors.max())), matrix[tree - 1])
    if found.biases is not None:
        take = f"{matrix[d.sums - 2]} && {at(d.sums - 2, 'first')}"
        _words(b, "biases", found.biases, signed_width(found.biases), take)
    if has_row_multipliers(b) and found.multipliers is not None:
        take = f"{matrix[d.sums - 2]} && {at(d.sums - 2, 'last')}"
        _words(b, "multipliers", found.multipliers, width(int(found.multipliers.max())), take)
    assert s.pe * s.simd * len(found.weights) == found.weights.size


def has_row_multipliers(b: Build) -> bool:
    """Has a matrix a multiplier per row?"""
    return b.has(factor=MultiplierSource.ROW)


def _words(b: Build, name: str, rows: np.ndarray, bits: int, take: str, ready: str = "", **more: int) -> None:
    """A tape of the rows of a table."""
    b.memories[f"{name}.hex"] = Image.pack(rows.astype(np.int64), bits)
    b.wire(name, rows.shape[1] * bits)
    if not ready:
        ready = b.wire(f"{name}_ready", 1)
        b.unused(ready)
    params: dict[str, int | str] = {
        "WIDTH": rows.shape[1] * bits, "DEPTH": len(rows), "BLOCK": int(len(rows) > DEEP), "FILE": f"{name}.hex",
        **more,
    }  # fmt: skip
    taken = b.assign(f"{name}_take", 1, take)
    b.unit("accel_engine_tape", f"{name}_tape", params, rst="", take=taken, ready=ready, data=name)


def operands(b: Build) -> None:
    """All that the array multiplies, in registers: of MATRIX a cycle behind its beat, of SCORE and VALUE two."""
    b.title("operands")
    s, layout, a = b.sizes, b.layout, b.activation_bits
    for name, bits in {"attends_1": 1, "value_1": 1, "vector": s.simd * a, "vector_1": s.simd * a}.items():
        b.wire(name, bits)
    b.register("attends_1 <= attends;", "value_1 <= op == VALUE;", "vector_1 <= vector;")
    depth, aw = s.words, width(s.words - 1)
    for name, bits in {"a_write": 1, "a_index": b.address_bits, "a_data": s.pe * a}.items():
        b.wire(name, bits)
    params: dict[str, int | str] = {"LANES": s.pe, "RATIO": layout.ratio, "WIDTH": a, "DEPTH": depth}
    index = cast(width(depth * layout.ratio - 1), "a_index")
    b.unit("accel_engine_vectors", "vectors", params, write="a_write", index=index, data="a_data",
           read=cast(aw, "read"), word="vector")  # fmt: skip
    _cache(b)
    b.wire("operand", s.banks * s.simd * a)
    e = s.share_bits
    share = f"shares[(bank*{s.simd}+lane)*{e}+:{e}]"
    b.add(f"for (genvar bank = 0; bank < {s.banks}; bank++) begin : operand_bank",
          f"    for (genvar lane = 0; lane < {s.simd}; lane++) begin : operand_lane",
          f"        always_ff @(posedge clk) operand[(bank*{s.simd}+lane)*{a}+:{a}]",
          f"            <= !attends_1 ? vector[lane*{a}+:{a}] : value_1 ? {cast(a, share)} : vector_1[lane*{a}+:{a}];",
          "    end",
          "end")  # fmt: skip


def _cache(b: Build) -> None:
    s, layout, at = b.sizes, b.layout, b.beats.at
    keys, values = s.layers * layout.key_words << b.key_shift, s.layers * layout.value_blocks << b.word_shift
    kb, vb = width(keys - 1), width(values - 1)
    params: dict[str, int | str] = {
        "ROWS": s.pe, "N": s.simd, "KEY_PLANES": s.key_planes, "VALUE_PLANES": s.value_planes, "KEY_DEPTH": keys,
        "VALUE_DEPTH": values, "BLOCK": int(max(keys, values) > DEEP), "PW": b.position_bits, "DIGITW": b.step_bits,
    }  # fmt: skip
    widths = {
        "key_write": 1, "key_index": b.address_bits, "key_data": s.pe * 4 * s.key_planes, "value_write": 1,
        "value_index": b.address_bits, "value_data": s.pe * 4 * s.value_planes,
    }  # fmt: skip
    for name, bits in widths.items():
        b.wire(name, bits)
    shift, wide = s.pe.bit_length() - 1, s.simd.bit_length() - 1
    b.unit(
        "accel_engine_cache", "cache", params, position="place", key_write="",
        key_target=f"({kb}'(key_index >> {b.ratio_bits}) << {b.key_shift}) | {kb}'(place >> {shift})",
        key_segment=cast(max(1, b.ratio_bits), f"32'(key_index) & {layout.ratio - 1}"), key="key_data", value_write="",
        value_target=f"({vb}'(value_index) << {b.word_shift}) | {vb}'(place >> {wide})", value="value_data",
        key_read=f"({kb}'(key) << {b.key_shift}) | {kb}'(outer)",
        value_read=f"({vb}'(block) << {b.word_shift}) | {vb}'(word)",
        digit=at(1, "step"), attends="attends_1", values="value_1", weights="digits",
        digits=b.wire("operand_digits", s.pe * s.simd * 4),
    )  # fmt: skip


def array(b: Build, hard: int) -> None:
    """Cycles 1 to ACC: sums of all rows, with this many hard multipliers for two products each."""
    b.title("array")
    s, d, at = b.sizes, b.delays, b.sums.at
    found, w = b.program.tape, s.sum_bits
    factors = width(int(found.factors.max())) if found.factors is not None else 0
    tree = d.sums - 1 - (factors > 0)
    params: dict[str, int | str] = {
        "ROWS": s.pe, "N": s.simd, "BANKS": s.banks, "GROUP": min(s.pe, s.head_size) if s.banks > 1 else s.pe,
        "CUT": s.head_size if s.head_size < s.simd else 0, "SIDE": s.side, "FACTOR": factors, "DIGITW": b.step_bits,
        "AW": b.activation_bits, "W": w, "HARD": hard,
    }  # fmt: skip
    _begun(b)
    factor = "1'b0"
    if factors:
        one = f"{{{s.pe}{{{factors}'d1}}}}"
        factor = b.assign("factor_now", s.pe * factors, f"{at(tree, 'op')} == MATRIX ? factor_words : {one}")
    b.unit(
        "accel_engine_array", "array", params, a="operand", digits="operand_digits", top=b.joined("highest"),
        factors=factor, split=f"{at(tree, 'op')} == SCORE", valid=at(d.sums - 1, "live"),
        first=at(d.sums - 1, "first"), digit=at(d.sums - 1, "step"), init="begun",
        sums=b.wire("sums", s.side * s.pe * w),
    )  # fmt: skip


def _begun(b: Build) -> None:
    """All that sums begin with: bias, and residual stream."""
    s, at, w, stage = b.sizes, b.sums.at, b.sizes.sum_bits, b.delays.sums - 1
    b.wire("begun", s.pe * w)
    terms, biases, x = [], b.program.tape.biases, s.residual_bits
    if biases is not None:
        bits = signed_width(biases)
        terms.append(f"{w}'($signed(biases[lane*{bits}+:{bits}]))")
    aligned = sorted({i.aligned for i in b.program.instructions} - {0})
    for one in aligned:
        value = f"{w}'($signed(stream_word[lane*{x}+:{x}])) <<< {one - 1}"
        terms.append(f"({at(stage, 'aligned')} == {one} ? {value} : '0)")
    total = " + ".join(terms) or "'0"
    b.add(f"for (genvar lane = 0; lane < {s.pe}; lane++) begin : begin_lane",
          f"    assign begun[lane*{w}+:{w}] = {at(stage, 'op')} == MATRIX ? {total} : '0;",
          "end")  # fmt: skip


def rounding(b: Build) -> None:
    """Cycles ACC to ACC + 2: times a multiplier, which is chosen before, shifted, rounded, clipped."""
    b.title("rounding")
    s, w, m, y = b.sizes, b.sum_bits, b.sizes.multiplier_bits, b.result_bits
    low, high = b.layout.places
    for name, bits in {"rounded_x": s.pe * w, "rounded_m": s.pe * m, "result": s.pe * y}.items():
        b.wire(name, bits)
    kinds = [name for name in ("LOAD", "NORM", "SHARE", "BLOCK") if b.has(op=Opcode[name])]
    takes = [f"{b.wire(f'takes_{name.lower()}', 1)} <= r_op_next == {name};" for name in kinds]
    waits = " && !waits" if s.side > 1 else ""
    b.register(*takes, f"{b.wire('takes_sums', 1)} <= !early_next{waits};")
    b.add(f"for (genvar lane = 0; lane < {s.pe}; lane++) begin : rounded_lane",
          *(f"    {line}" for line in _entering(b)), "end")  # fmt: skip
    places = width(high - low)
    b.lanes("bank_places", s.banks * places)
    b.register(*_places(b, places))
    for end, side in (("lo", 0), ("hi", 1)):
        b.assign(end, y, limit(b, b.results.at(0, "limits"), side, y))
    params: dict[str, int | str] = {
        "LANES": s.pe, "BANKS": s.banks, "GROUP": min(s.pe, s.head_size) if s.banks > 1 else s.pe, "XW": w, "MW": m,
        "YW": y, "LEAST": low, "MOST": high, "SW": places,
        "EVEN": int(any(i.even for i in b.program.instructions)),
    }  # fmt: skip
    b.unit("accel_engine_round", "rounding", params, x="rounded_x", m="rounded_m", places="bank_places", lo="", hi="",
           even=b.results.at(0, "even"), product=b.wire("product", s.pe * b.product_bits), y="result")  # fmt: skip
    if not uses_product(b):
        b.unused("product")


def uses_product(b: Build) -> bool:
    """Are logits sums times a multiplier?"""
    return any(i.factor is MultiplierSource.ROW or i.multiplier != 1 for i in b.chosen(Epilogue.LOGITS))


def _entering(b: Build) -> list[str]:
    """The operands of one lane: each source has a register that says that it is the one."""
    s, w, m = b.sizes, b.sum_bits, b.sizes.multiplier_bits
    sources = {"takes_sums": ("sums", s.sum_bits)}
    sources |= {"waiting": ("rest_sums", s.sum_bits)} if s.side > 1 else {}
    sources |= {"takes_norm": (b.early("normed"), b.normed_bits)}
    sources |= {"takes_load": (b.early("loaded"), load_bits(b))} if b.delays.load_rounded else {}
    sources |= {"takes_share": (b.early("share_block"), s.share_bits)} if b.has(op=Opcode.SHARE) else {}
    sources |= {"takes_block": (b.early("held_word"), b.layout.held_bits)} if b.has(op=Opcode.BLOCK) else {}
    terms = []
    for takes, (name, bits) in sources.items():
        part = f"{name}[lane*{bits}+:{bits}]"
        signed = part if takes == "takes_share" else f"$signed({part})"
        terms.append(f"({takes} ? {w}'({signed}) : '0)")
    x = " | ".join(terms)
    group = min(s.pe, s.head_size) if s.banks > 1 else s.pe
    bank = f"(lane / {group} < {s.banks} ? lane / {group} : {s.banks - 1})"
    early, late = (_multiplier(b, bank, which) for which in ("beat", "sums"))
    return [
        f"assign rounded_x[lane*{w}+:{w}] = {x};",
        f"always_ff @(posedge clk) rounded_m[lane*{m}+:{m}] <= early_next ? {early} : {late};",
    ]


def _multiplier(b: Build, bank: str, which: str) -> str:
    """The multiplier of a lane, of a `beat` or of `sums`."""
    m, by = b.sizes.multiplier_bits, f"{which}_multiplier"
    if which == "sums" and has_row_multipliers(b) and b.program.tape.multipliers is not None:
        bits = width(int(b.program.tape.multipliers.max()))
        by = f"sums_factor == ROW ? {m}'(multipliers[lane*{bits}+:{bits}]) : {by}"
    if b.has(factor=MultiplierSource.HEAD):
        by = f"{which}_factor == HEAD ? head_factors[{bank}*{m}+:{m}] : {by}"
    return f"({which}_factor == ROOT ? root_factor : {by})" if which == "beat" else f"({by})"


def load_bits(b: Build) -> int:
    """Bits of the tables' sum."""
    tables = [b.program.tables[name] for name in ("by_token", "by_place", "by_both") if name in b.program.tables]
    return max(signed_width(table) for table in tables) + len(tables) - 1


def _places(b: Build, bits: int) -> list[str]:
    """Shifts of the banks, less the least one."""
    lines = []
    for bank in range(b.sizes.banks):
        early, late = (_shift(b, bank, bits, which) for which in ("beat", "sums"))
        lines.append(f"bank_places[{bank * bits}+:{bits}] <= early_next ? {early} : {late};")
    return lines


def _shift(b: Build, bank: int, bits: int, which: str) -> str:
    """The shift of a bank, of a `beat` or of `sums`."""
    value, spare = f"{which}_places", b.layout.spare
    if b.has(factor=MultiplierSource.HEAD) and spare:
        less = f"head_spares[{bank * width(spare)}+:{width(spare)}]"
        value = f"{which}_factor == HEAD ? {which}_places - {bits}'({less}) : {value}"
    if b.norm.form == "l2" and which == "beat":
        value = f"beat_factor == ROOT ? beat_places + {bits}'($signed(root_exponent)) : {value}"
    if which == "sums" and b.has(scaled=True):
        value = f"sums_scaled ? sums_places - {bits}'(exponent) : {value}"
    if which == "beat" and b.has(op=Opcode.BLOCK):
        value = f"beat_op == BLOCK ? beat_places + {bits}'(exponent_found) : {value}"
    return f"({value})"


def limit(b: Build, index: str, side: int, bits: int) -> str:
    """One of the limits of an instruction, as a chain of choices."""
    values = [pair[side] for pair in b.sizes.limits]
    found = _constant(values[-1], bits)
    for number in reversed(range(len(values) - 1)):
        found = f"{index} == {number} ? {_constant(values[number], bits)} : {found}"
    return found


def _constant(value: int, bits: int) -> str:
    return f"{bits}'h{value & ((1 << bits) - 1):x}"
