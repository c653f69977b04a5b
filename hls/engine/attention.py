"""Sections of an engine's top module: scores, shares, and what divides by their sums."""

from __future__ import annotations

from accel.engine import contents, parameters
from accel.engine.delays import kept, reciprocal_is_table
from accel.engine.isa import MultiplierSource, Opcode
from accel.image import Image
from hls.engine.build import DEEP, Build, cast
from hls.engine.fields import width


def attention(b: Build) -> None:
    """Scores, their exponentials, and what divides by their sums."""
    b.title("attention")
    s, r = b.sizes, b.results.at
    hw, kb, y = width(s.heads - 1), width(b.layout.context_blocks - 1), b.result_bits
    _behind(b, "score_head", hw, cast(hw, "leaving_head"), 2)
    b.wire("score_values", s.pe * s.score_bits)
    b.add(f"for (genvar lane = 0; lane < {s.pe}; lane++) begin : score_lane",
          f"    assign score_values[lane*{s.score_bits}+:{s.score_bits}] = result[lane*{y}+:{s.score_bits}];",
          "end")  # fmt: skip
    params: dict[str, int | str] = {
        "LANES": s.pe, "WIDTH": s.score_bits, "HEADS": s.heads, "BLOCKS": b.layout.context_blocks,
        "BLOCK_RAM": int(s.heads << b.key_shift > DEEP), "PW": b.position_bits,
    }  # fmt: skip
    b.unit(
        "accel_engine_scores", "scores_of_heads", params, rst="", position="place",
        valid=f"{r(2, 'valid')} && {r(2, 'epilogue')} == TO_SCORES", head="score_head_2",
        coming=cast(kb, r(1, "outer")),
        block=cast(kb, r(2, "outer")),
        values="score_values", read_head=cast(hw, "index"), read_block=cast(kb, "word"),
        scores=b.wire("scores", s.pe * s.score_bits), largest=b.wire("largest", s.score_bits),
        visible=b.wire("visible", s.pe),
    )  # fmt: skip
    _softmax(b)
    _shares(b)
    if b.has(factor=MultiplierSource.HEAD):
        _factors(b)
    else:
        b.unused("division", "division_spare")


def _behind(b: Build, name: str, bits: int, value: str, stages: int) -> None:
    """Registers NAME_1 … NAME_stages behind a value."""
    for stage in range(1, stages + 1):
        b.wire(f"{name}_{stage}", bits)
    chain = [f"{name}_{stage} <= {value if stage == 1 else f'{name}_{stage - 1}'};" for stage in range(1, stages + 1)]
    b.register(*chain)


def _softmax(b: Build) -> None:
    s, at, attend = b.sizes, b.beats.at, b.attention
    table = b.program.tables["exponentials"]
    b.memories["exponentials.hex"] = Image.pack(contents.by_layer(table).reshape(-1, 1), s.share_bits)
    lw = width(len(table) - 1)
    sums = width(s.context * int(table.max()))
    jw = width(b.layout.spare)
    params: dict[str, int | str] = {
        "P": s.pe, "SCORE_BITS": s.score_bits, "SHARE_BITS": s.share_bits, "SUM_BITS": sums, "DEPTH": table.shape[1],
        "LAYERS": len(table), "LW": lw,
        "SLOW": 1, "BLOCK": int(table.size > DEEP), "FILE": "exponentials.hex", "MW": s.multiplier_bits, "JW": jw,
        **parameters.division(b.program),
    }  # fmt: skip
    if attend.divide and reciprocal_is_table(attend):
        words = contents.reciprocal_words(attend.divide, kept(attend.divide), s.context * int(table.max()))
        b.memories["reciprocal.hex"] = Image.pack(words.reshape(-1, 1), s.multiplier_bits)
        params |= {"TABLE": 1, "RECIPROCAL_BLOCK": int(len(words) > DEEP), "RECIPROCAL_FILE": "reciprocal.hex"}
    b.unit(
        "accel_engine_softmax", "exponentials_of_heads", params, rst="", valid=f"fired_1 && {at(1, 'op')} == SOFT",
        first=f"{at(1, 'word')} == '0", last=at(1, "words_end"),
        layer=cast(lw, at(1, "layer")) if len(table) > 1 else "'0", visible="", scores="", largest="",
        shares=b.wire("new_shares", s.pe * s.share_bits), multiplier=b.wire("division", s.multiplier_bits),
        spare=b.wire("division_spare", jw),
    )  # fmt: skip


def _shares(b: Build) -> None:
    """The memory of shares: exponentials come behind their table, divided ones behind the rounding."""
    s, r, layout = b.sizes, b.results.at, b.layout
    groups = s.heads // s.banks
    depth, bank, block = groups << b.word_shift, width(s.banks - 1), max(1, b.ratio_bits)
    aw, e = width(depth - 1), s.share_bits
    at, stage = b.beats.at, b.delays.shares + 1
    b.register(f"{b.wire('soft_done', 1)} <= fired_{stage - 1} && {at(stage - 1, 'op')} == SOFT && !rst;")
    source = {name: at(stage, name) for name in ("group", "word", "outer")}
    data, valid = "new_shares", "soft_done"
    if b.has(op=Opcode.SHARE):
        b.wire("divided", s.pe * e)
        y = b.result_bits
        b.add(f"for (genvar lane = 0; lane < {s.pe}; lane++) begin : divided_lane",
              f"    assign divided[lane*{e}+:{e}] = {cast(e, f'result[lane*{y}+:{min(e, y)}]')};", "end")  # fmt: skip
        valid = f"soft_done || {r(2, 'valid')} && {r(2, 'op')} == SHARE"
        data = "soft_done ? new_shares : divided"
        source = {name: f"(soft_done ? {at(stage, name)} : {r(2, name)})" for name in source}
    target = f"({aw}'({source['group']}) << {b.word_shift}) | {aw}'(32'({source['word']}) >> {b.ratio_bits})"
    words = f"{aw}'(word)"
    read = f"({aw}'(group) << {b.word_shift}) | (op == SHARE ? {words} >> {b.ratio_bits} : {words})"
    params: dict[str, int | str] = {
        "LANES": s.pe, "RATIO": layout.ratio, "BANKS": s.banks, "WIDTH": e, "DEPTH": depth,
        "BLOCK_RAM": int(depth > DEEP),
    }  # fmt: skip
    mask = layout.ratio - 1
    b.unit(
        "accel_engine_shares", "shares_of_heads", params, write=valid, target=target,
        target_bank=cast(bank, source["outer"]), target_block=cast(block, f"32'({source['word']}) & {mask}"), data=data,
        read=read, read_bank=cast(bank, "outer"), read_block=cast(block, f"32'(word) & {mask}"),
        words=b.wire("shares", s.banks * s.simd * e), block=b.wire("share_block", s.pe * e),
    )  # fmt: skip
    if not b.has(op=Opcode.SHARE):
        b.unused("share_block")


def _factors(b: Build) -> None:
    """Factors of heads: they come d.factor cycles behind the last scores of a head, which are there in cycle 1."""
    s, d, m = b.sizes, b.delays, b.sizes.multiplier_bits
    groups, jw = s.heads // s.banks, width(b.layout.spare)
    gw, bw, stages = width(groups - 1), width(s.banks - 1), d.factor
    tag = 1 + gw + bw
    at = b.beats.at
    b.wire("divisions", stages * tag)
    now = f"fired_1 && {at(1, 'op')} == SOFT && {at(1, 'words_end')}"
    b.assign("division_begun", tag, f"{{{now}, {gw}'({at(1, 'group')}), {bw}'({at(1, 'outer')})}}")
    b.unit("accel_engine_delay", "division_line", {"WIDTH": tag, "STAGES": stages}, rst="", d="division_begun",
           stages="divisions")  # fmt: skip
    for name, bits in {"division_done": 1, "division_group": gw, "division_bank": bw}.items():
        b.wire(name, bits)
    b.add(f"assign {{division_done, division_group, division_bank}} = divisions[{(stages - 1) * tag}+:{tag}];")
    for name, bits in {"head_factors": s.banks * m, "head_spares": s.banks * jw}.items():
        b.lanes(name, bits)
    bank, group = "bank", b.sums.at(d.sums - 1, "group")
    if b.has(op=Opcode.SHARE):
        group = "r_group_next"
        bank = "(r_op_next == SHARE ? 32'(r_outer_next) : 32'(bank))"
    b.add(
        f"logic [{m + jw - 1}:0] kept_factors[{1 << bw + gw}];",
        f"for (genvar bank = 0; bank < {s.banks}; bank++) begin : factor_bank",
        f"    assign {{head_spares[bank*{jw}+:{jw}], head_factors[bank*{m}+:{m}]}}",
        f"        = kept_factors[{{{bw}'({bank}), {gw}'({group})}}];",
        "end",
    )
    b.register("if (division_done) kept_factors[{division_bank, division_group}] <= {division_spare, division};")
    if not b.layout.spare:
        b.unused("head_spares")
