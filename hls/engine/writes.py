"""Sections of an engine's top module: where results go, the chosen token, and what a simulation may watch."""

from __future__ import annotations

from accel.engine import latency
from accel.engine.isa import Epilogue, Opcode
from accel.engine.sampling import WORD_BITS, GumbelNoise
from accel.engine.widths import signed
from accel.image import Image
from hls.engine import units
from hls.engine.build import DEEP, Build, cast
from hls.engine.core import uses_product
from hls.engine.exponents import has_exponents
from hls.engine.fields import width
from hls.engine.top import chosen, lane

LANE = 64
"""Bits of a lane that a traced engine reports."""


def writes(b: Build) -> None:
    """Places where results go: vectors, keys and values."""
    b.title("writes")
    s, r, a, y = b.sizes, b.results.at, b.activation_bits, b.result_bits
    to = f"{r(2, 'epilogue')}"
    at_once = f" && !{r(2, 'held')}" if has_exponents(b) else ""
    vector = f"{to} == TO_VECTOR && {r(2, 'op')} != SHARE && !{r(2, 'looked_up')}{at_once}"
    turns = units.has_turns(b)
    vector = vector if turns else f"({vector} || {to} == TO_QUERY)"
    source = [(f"{r(2, 'valid')} && {vector}", r(2, "index"), "result", y)]
    if turns:
        behind = 2 + b.delays.rotary
        query = f"{r(behind, 'valid')} && {r(behind, 'epilogue')} == TO_QUERY"
        source.append((query, r(behind, "index"), "turned_result", y))
    if units.has_gate(b):
        behind = 2 + b.delays.gate
        valid = f"{units.gate_valid(b)} && !{r(behind, 'held')}" if units.holds(b) else units.gate_valid(b)
        source.append((valid, units.gate_index(b), "gate_result", units.gate_bits(b)))
    if b.has(copied=True):
        source.append((f"{r(3, 'valid')} && {r(3, 'copied')}", r(3, "index"), "stream_kept", s.residual_bits))
        if not b.delays.load_rounded and b.has(op=Opcode.LOAD, copied=True):
            at = b.beats.at
            source.append((f"fired_2 && {at(2, 'op')} == LOAD", at(2, "index"), "stream_kept", s.residual_bits))
    for number, (valid, _, _, _) in enumerate(source):
        b.assign(f"a_write_{number}", 1, valid)
    b.add(f"assign a_write = {' || '.join(f'a_write_{number}' for number in range(len(source)))};",
          f"assign a_index = {chosen('a_write', [index for _, index, _, _ in source])};")  # fmt: skip
    lanes = chosen("a_write", [lane(name, bits, a) for _, _, name, bits in source])
    keys = 2 + b.delays.rotary if turns else 2
    for name, stage in (("key", keys), ("value", 2)):
        b.add(f"assign {name}_write = {r(stage, 'valid')} && {r(stage, 'epilogue')} == TO_{name.upper()};",
              f"assign {name}_index = {r(stage, 'index')};")  # fmt: skip
    parts = {"key_data": ("turned_result" if turns else "result", 4 * s.key_planes)}
    parts |= {"value_data": ("result", 4 * s.value_planes)}
    b.add(f"for (genvar lane = 0; lane < {s.pe}; lane++) begin : written_lane",
          f"    assign a_data[lane*{a}+:{a}] = {lanes};",
          *(f"    assign {name}[lane*{bits}+:{bits}] = {lane(of, y, bits)};" for name, (of, bits) in parts.items()),
          "end")  # fmt: skip


def picked(b: Build) -> None:
    """The largest logit, or the largest sum of a logit and its noise."""
    b.title("largest logit")
    s = b.sizes
    stage, values, bits = _whole_logits(b) if b.program.noise else _logits(b)
    values, blocks = f"{values}[{s.pe * bits - 1}:0]", _block_bits(b)
    if b.program.noise:
        values, bits = _noisy(b, b.program.noise, stage, values, bits)
        stage += latency.NOISE
    block, before = _result(b, stage, "outer"), _result(b, stage - 1, "outer")
    last = -(-s.vocabulary // s.pe) - 1
    b.register(f"{b.wire('logits_end', 1)} <= {before} == {last};")
    params: dict[str, int | str] = {
        "P": s.pe, "W": bits, "IW": b.token_bits, "BW": blocks, "VOCABULARY": s.vocabulary,
    }  # fmt: skip
    b.unit("accel_engine_argmax", "argmax", params, rst="", valid=_is_logits(b, stage),
           first=f"{block} == '0", ends="logits_end", block=cast(blocks, block), values=values,
           index="found")  # fmt: skip


def told(b: Build) -> None:
    """All logits, one by one."""
    b.title("logits")
    s, bits = b.sizes, b.answer.width
    stage, values, wide = _whole_logits(b)
    lanes = b.wire("logits", s.pe * bits)
    b.add(f"for (genvar lane = 0; lane < {s.pe}; lane++) begin : logit_lane",
          f"    assign {lanes}[lane*{bits}+:{bits}] = {lane(values, wide, bits)};", "end")  # fmt: skip
    blocks = -(-s.vocabulary // s.pe)
    params: dict[str, int | str] = {
        "P": s.pe, "W": bits, "BW": _block_bits(b), "VOCABULARY": s.vocabulary, "BLOCK": int(blocks > DEEP),
    }  # fmt: skip
    pins = {f"s_{pin}": f"token_{pin}" for pin in ("valid", "ready")}
    pins |= {f"m_{pin}": "" for pin in ("valid", "ready", "data", "last")}
    b.unit("accel_engine_logits", "told", params, rst="", valid=_is_logits(b, stage),
           block=cast(_block_bits(b), _result(b, stage, "outer")), values=lanes, **pins)  # fmt: skip
    b.add("assign found = '0;")


def _logits(b: Build) -> tuple[int, str, int]:
    """Where logits are before their exponent: cycles behind the sums, the wire, and the bits of each."""
    if uses_product(b):
        return 1, "product", b.product_bits
    return 0, "sums", b.sizes.sum_bits


def _whole_logits(b: Build) -> tuple[int, str, int]:
    """Where logits are with their exponent."""
    stage, values, wide = _logits(b)
    if not any(i.scaled for i in b.chosen(Epilogue.LOGITS)):
        return stage, values, wide
    bits, name = signed(b.program.network.graph.output_tensor), "whole_logits"
    if name not in b.wires:
        b.wire(name, b.sizes.pe * bits)
        b.add(f"for (genvar lane = 0; lane < {b.sizes.pe}; lane++) begin : {name}_lane",
              f"    assign {name}[lane*{bits}+:{bits}] = ({lane(values, wide, bits)}) << exponent;", "end")  # fmt: skip
    return stage, name, bits


def _block_bits(b: Build) -> int:
    """Bits of the number of a block of logits."""
    return width(-(-b.sizes.vocabulary // b.sizes.pe) - 1)


def _result(b: Build, stage: int, field: str) -> str:
    """A field of a result; stage -1 is the cycle before it enters the rounding."""
    return b.results.at(stage, field) if stage > 0 else f"r_{field}_{'next' if stage < 0 else 0}"


def _is_logits(b: Build, stage: int) -> str:
    return f"{_result(b, stage, 'valid')} && {_result(b, stage, 'epilogue')} == TO_LOGITS"


def _noisy(b: Build, noise: GumbelNoise, stage: int, values: str, bits: int) -> tuple[str, int]:
    """Logits with noise, and their bits."""
    wide = max(bits, WORD_BITS + noise.up) + 1
    b.memories["noise.hex"] = Image.pack(noise.words[:, None], WORD_BITS)
    params: dict[str, int | str] = {
        "P": b.sizes.pe, "XW": bits, "W": wide, "PW": b.position_bits, "NW": WORD_BITS, "UP": noise.up, "BLOCK": 1,
        "FILE": "noise.hex",
    }  # fmt: skip
    b.unit("accel_engine_noise", "noise", params, rst="", start="fire && op == LOAD", position="place",
           seed="32'(seed)", enable="seed != '0", valid=_is_logits(b, stage), values=values,
           sums=b.wire("noisy", b.sizes.pe * wide))  # fmt: skip
    return "noisy", wide


def trace(b: Build) -> None:
    """All that a traced simulation reports: the number of the instruction, and the lanes of each of its results."""
    s, r = b.sizes, b.results.at
    b.add("", "`ifdef ACCEL_TRACE")
    late = f"{r(2, 'epilogue')} == TO_RESIDUAL && {r(2, 'op')} == MATRIX || {r(2, 'epilogue')} == TO_LOGITS"
    if units.has_turns(b):
        late += f" || {r(2, 'epilogue')} == TO_QUERY || {r(2, 'epilogue')} == TO_KEY"
        stage = 2 + b.delays.rotary
        valid = f"{r(stage, 'valid')} && ({r(stage, 'epilogue')} == TO_QUERY || {r(stage, 'epilogue')} == TO_KEY)"
        _tap(b, "turned_tap", valid, "turned_result", b.result_bits, r(stage, "number"), signed=True)
    if units.has_gate(b):
        late += f" || {r(2, 'epilogue')} == TO_GATE || {r(2, 'looked_up')}"
        stage = 2 + b.delays.gate
        _tap(b, "gate_tap", units.gate_valid(b), "gate_result", units.gate_bits(b), r(stage, "number"), signed=True)
    _tap(b, "results_tap", f"{r(2, 'valid')} && !({late})", "result", b.result_bits, r(2, "number"), signed=True)
    stage, values, bits = _whole_logits(b)
    _tap(b, "logits_tap", _is_logits(b, stage), values, bits, _result(b, stage, "number"), signed=True)
    kept = f"{r(3, 'valid')} && {r(3, 'epilogue')} == TO_RESIDUAL && {r(3, 'op')} == MATRIX"
    _tap(b, "stream_tap", kept, "stream_kept", s.residual_bits, r(3, "number"), signed=True)
    if not b.delays.load_rounded:
        loads = f"{b.beats.at(2, 'op')} == LOAD && fired_2"
        _tap(b, "load_tap", loads, "stream_kept", s.residual_bits, b.beats.at(2, "number"), signed=True)
    soft = b.beats.at(b.delays.shares + 1, "number")
    _tap(b, "shares_tap", "soft_done", "new_shares", s.share_bits, soft, signed=False)
    b.add("`endif")


def _tap(b: Build, name: str, valid: str, lanes: str, bits: int, number: str, *, signed: bool) -> None:
    kind = "$signed" if signed else ""
    b.add(
        f"logic [{b.sizes.pe * LANE - 1}:0] {name}_lanes;",
        f"for (genvar lane = 0; lane < {b.sizes.pe}; lane++) begin : {name}_lane",
        f"    assign {name}_lanes[lane*{LANE}+:{LANE}] = {LANE}'({kind}({lanes}[lane*{bits}+:{bits}]));",
        "end",
        f"accel_tap #(.BITS({32 + b.sizes.pe * LANE}), .ID({b.sizes.pe})) {name}",
        f"    (.clk, .valid({valid}), .data({{{name}_lanes, 32'({number})}}));",
    )
