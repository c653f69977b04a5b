"""Products with constants as stages in front of a rounding: in hard multipliers or in look-up tables, at equal latency.

A constant that all channels share becomes an adder graph (`accel.ops.dense.unrolled`, a matrix of one element), or a
sum of powers of two where it is too large for one (`accel_constant.sv`); one per channel comes from a table, and
look-up tables multiply with its base-4 digits (`accel_digits.sv`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from hashlib import sha256

import numpy as np

from accel.fold import STYLES, LaneFold, StageFold
from accel.hardware import Long, Module, Rom, Stage
from accel.numeric import bits
from accel.ops.dense.unrolled import MAX_MAGNITUDE, Circuit, solve
from accel.target import Target
from accel.tensor import Tensor

LATENCY = 3
"""Cycles of a product with one constant; a table of constants takes one more."""
FRAME = """\
// y = x * {multiplier} for each of LANES lanes: {adders} adders. Written by accel; do not edit.
// Free-running stage, latency {latency}; v<n>_<s> is value n as stage s reads it.
module {name} #(
    parameter int LANES = 1,
    parameter int XW = {x_width}
) (
    input  logic clk,
    input  logic rst,
    input  logic s_valid,
    input  logic [LANES*XW-1:0] s_data,
    input  logic s_last,
    output logic m_valid,
    output logic [LANES*{y_width}-1:0] m_data,
    output logic m_last
);
    logic [{latency}:1] valid, last;
    always_ff @(posedge clk) begin
        valid <= rst ? '0 : {latency}'({{valid, s_valid}});
        last  <= {latency}'({{last, s_last}});
    end
    assign m_valid = valid[{latency}];
    assign m_last  = last[{latency}];
    for (genvar l = 0; l < LANES; l++) begin : lane
    wire m0_take = 1'b1;
    wire [{y_width}-1:0] m0_data;
    assign m_data[l*{y_width}+:{y_width}] = m0_data;
    wire [XW-1:0] x_0 = s_data[l*XW+:XW];
{body}
    end
endmodule
"""


def folds() -> list[StageFold]:
    """Ways to make the products of a stage, hard multipliers first."""
    return [StageFold(style) for style in STYLES]


def is_shift(factor: int) -> bool:
    """True for powers of two, whose products are wires."""
    return factor & (factor - 1) == 0


def product(x: Tensor, multiplier: np.ndarray) -> Tensor:
    """The range of x times constants ≥ 1."""
    largest, smallest = int(multiplier.max()), int(multiplier.min())
    return Tensor(x.shape, min(x.lo * largest, x.lo * smallest), max(x.hi * largest, x.hi * smallest))


def stage(multiplier: np.ndarray, x: Tensor, fold: LaneFold, target: Target) -> Stage:
    """x times one constant ≥ 1, or one per channel."""
    width = product(x, multiplier).width
    lanes, largest = fold.lanes, int(multiplier.max())
    params = {"LANES": lanes, "XW": x.width, "X_SIGNED": int(x.signed), "MW": largest.bit_length(), "YW": width}
    if len(multiplier) > 1:
        count, values = digits(0, largest) if fold.multiply == "lut" else 0, multiplier.reshape(-1, lanes)
        table = coded(values, count) if count else Rom.of(values, params["MW"])
        params |= {"GROUPS": table.depth, "DIGITS": count, "MW": table.bits, "BLOCK": int(table.is_deep(target))}
        return Stage(Module("accel_times_table", params, {"MULTIPLIER_FILE": table}), lanes, width, LATENCY + 1)
    if fold.multiply == "lut" and largest < MAX_MAGNITUDE:
        module = _adders(largest, x.lo, x.hi, lanes)
    else:
        module = Module("accel_times", params | {"MULTIPLIER": Long(largest), "TABLES": int(fold.multiply == "lut")})
    return Stage(module, lanes, width, LATENCY)


def digits(lo: int, hi: int) -> int:
    """How many base-4 digits of {-1, 0, 1, 2} numbers from `lo` to `hi` need."""
    count = 1
    while (4**count - 1) // 3 < max(-lo, -(-hi // 2)):
        count += 1
    return count


def offset(count: int) -> int:
    """Σ 4^k: what makes the base-4 fields of a number those of its digits."""
    return (4**count - 1) // 3


def coded(values: np.ndarray, count: int) -> Rom:
    """Constants as the fields of `count` digits, without the bits that are 0 in all of them."""
    fields = values + offset(count)
    return Rom.of(fields, max(1, int(fields.max()).bit_length()))


def with_tables(folds: list[LaneFold]) -> list[LaneFold]:
    """The folds with hard multipliers, then the same with look-up tables."""
    return folds + [replace(fold, multiply="lut") for fold in folds]


@lru_cache(maxsize=1024)
def _adders(multiplier: int, lo: int, hi: int, lanes: int) -> Module:
    """The generated module of a constant, with registers behind at most LATENCY − 1 levels of adders."""
    x = Tensor((1, 1), lo, hi)
    weight, bias = np.array([[multiplier]]), np.zeros(1, dtype=np.int64)
    graph, levels = solve(weight, bias, x), 1
    while Circuit(graph, x, levels).latency > LATENCY:
        levels += 1
    circuit = Circuit(graph, x, levels)
    width = bits(*((lo * multiplier, hi * multiplier)))[0]
    lines = [f"    {line}" for line in circuit.lines(x.width, bias, width)]
    early = LATENCY - circuit.latency
    lines = [*_delayed(early), *lines]
    facts = circuit.facts
    made = {"ADDERS": lanes * facts["ADDERS"], "ADDER_BITS": lanes * facts["ADDER_BITS"], "LATENCY": LATENCY}
    made["REGISTER_BITS"] = lanes * (facts["REGISTER_BITS"] + early * x.width)
    text = {"multiplier": multiplier, "adders": facts["ADDERS"], "latency": LATENCY, "x_width": x.width}
    body = FRAME.format(name="{name}", body="\n".join(lines), y_width=width, **text)
    name = f"accel_times_{sha256(body.encode()).hexdigest()[:8]}"
    return Module(name, {"LANES": lanes, "XW": x.width}, source=body.replace("{name}", name), facts=made)


def _delayed(cycles: int) -> list[str]:
    """The wire that the circuit reads, this number of cycles after the input."""
    lines = []
    for cycle in range(1, cycles + 1):
        lines += [f"    logic [XW-1:0] x_{cycle};", f"    always_ff @(posedge clk) x_{cycle} <= x_{cycle - 1};"]
    return [*lines, f"    wire [XW-1:0] s0_data = x_{cycles};"]
