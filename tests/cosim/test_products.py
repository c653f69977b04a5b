"""`accel_mac` in every style, with operands at the corners of their ranges and random ones: sums equal to numpy's.

All units of a test share one stream of raw bytes; an operand of w bits is the byte's highest and its w − 1 lowest
bits, so the corners of a byte are those of every width, signed and unsigned.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass

import numpy as np
import pytest
from board_designs import stream

from accel.dataflow.schedule import Schedule
from accel.design import Design, Figures
from accel.fold import MatrixFold
from accel.ops.common.multiply import packing
from accel.target import TARGETS
from hls.rtl import emit
from hls.simulation import simulate

CORNERS = np.array([0x00, 0x01, 0xFF, 0x80, 0x7F])  # 0, 1, -1 or the highest, the lowest or the middle, the highest
BEATS = 2
"""Beats of a sum."""
OUT = 24
STYLES = {
    "lut": ("ecp5", "lut"),
    "dsp18": ("ecp5", "dsp"),
    "dsp25": ("xilinx7", "dsp"),
    "dsp27": ("ultrascale+", "dsp"),
}


@dataclass(frozen=True)
class Mac:
    """One unit under test."""

    style: str
    pe: int
    simd: int
    weights: int
    activations: int
    w_signed: bool = True
    a_signed: bool = True

    @property
    def packing(self):
        target, multiply = STYLES[self.style]
        fold = MatrixFold(self.pe, self.simd, multiply)
        return packing(TARGETS[target], fold, (self.activations, self.a_signed), (self.weights, self.w_signed))

    def instance(self, number: int) -> str:
        params = self.packing.params() | {
            "PE": self.pe, "SIMD": self.simd, "WW": self.weights, "AW": self.activations, "OW": OUT,
            "W_SIGNED": int(self.w_signed), "A_SIGNED": int(self.a_signed),
        }  # fmt: skip
        inverted = self.packing.inverted(self.pe) & self.w_signed
        a = [_operand(f"a[{8 * s}+:8]", self.activations) for s in range(self.simd)]
        flips = [f"{self.weights}'d{int(inverted[p]) << self.weights - 1}" for p in range(self.pe)]
        w = [
            f"{_operand(f'w[{8 * (p * self.simd + s)}+:8]', self.weights)} ^ {flips[p]}"
            for p in range(self.pe)
            for s in range(self.simd)
        ]
        inits = [f"{OUT}'d{start(p) % (1 << OUT)}" for p in range(self.pe)]
        bits, chosen = self.pe * OUT, ", ".join(f".{key}({value})" for key, value in params.items())
        return f"""
    accel_mac #({chosen}) mac{number} (.clk, .rst, .fire, .first, .done,
        .last(s_last), .advance(advance[{number}]), .m_valid(valid[{number}]), .m_last(last[{number}]),
        .a({{{", ".join(reversed(a))}}}), .w({{{", ".join(reversed(w))}}}), .init({{{", ".join(reversed(inits))}}}),
        .y(y[{number * bits}+:{bits}]));"""

    def sums(self, a: np.ndarray, w: np.ndarray) -> np.ndarray:
        """(samples, pe) from raw bytes (samples, beats, simd) and (samples, beats, pe, simd)."""
        products = _value(w, self.weights, self.w_signed) * _value(a, self.activations, self.a_signed)[:, :, None]
        return products.sum((1, 3)) + [start(p) for p in range(self.pe)]


def start(row: int) -> int:
    """What a sum begins with."""
    return 37 * row - 50


def _operand(byte: str, width: int) -> str:
    base, low = byte.removesuffix("+:8]").split("[")
    return f"{{{base}[{int(low) + 7}], {base}[{low}+:{width - 1}]}}"


def _value(raw: np.ndarray, width: int, signed: bool) -> np.ndarray:
    value = (raw >> 7 << width - 1) | (raw & ((1 << width - 1) - 1))
    return value - (value >> width - 1 << width) if signed else value


def design(macs: list[Mac]) -> Design:
    """All units side by side; they agree in PE and SIMD."""
    pe, simd = macs[0].pe, macs[0].simd
    lanes, bits = simd * (1 + pe), len(macs) * pe * OUT
    text = f"""
module products (
    input logic clk, rst, s_valid, s_last, m_ready, output logic s_ready, m_valid, m_last,
    input logic [{8 * lanes - 1}:0] s_data, output logic [{bits - 1}:0] m_data
);
    logic first, room;
    assign s_ready = room;
    wire fire = s_valid && s_ready, done = fire && !first;
    logic [{8 * lanes - 1}:0] data1, data2;
    always_ff @(posedge clk) begin
        if (rst) first <= 1'b1;
        else if (fire) first <= !first;
        data1 <= s_data;
        data2 <= data1;
    end
    wire [{8 * simd - 1}:0] a = data2[{8 * simd - 1}:0];
    wire [{8 * simd * pe - 1}:0] w = data2[{8 * lanes - 1}:{8 * simd}];
    logic [{bits - 1}:0] y;
    logic [{len(macs) - 1}:0] advance, valid, last;
    {"".join(mac.instance(number) for number, mac in enumerate(macs))}
    accel_fifo #(.WIDTH({bits + 1}), .DEPTH(16)) buffer (.clk, .rst, .room, .take(done), .s_valid(valid[0]),
        .s_data({{last[0], y}}), .m_valid, .m_ready, .m_data({{m_last, m_data}}));
endmodule
"""
    files = {"products.sv": text} | {f"{name}.sv": emit.library()[name] for name in emit.used(text)}
    ends = stream(lanes, 8, False, BEATS), stream(len(macs) * pe, OUT, True, 1)
    return Design(
        "products", "products", files, ends[:1], ends[1:], Figures(20, 1), schedule=Schedule(depths={"out": 16})
    )


def operands(pe: int, simd: int, seed: int = 0) -> np.ndarray:
    """(samples, BEATS, simd + pe · simd) raw bytes: every corner of `a` with every corners of a group's weights in one
    term, all terms alike, corners at random, and random ones."""
    rng = np.random.default_rng(seed)
    lanes = simd * (1 + pe)
    groups = np.array(list(itertools.product(CORNERS, repeat=1 + min(pe, 4))))
    one = np.zeros((len(groups), BEATS, lanes), dtype=int)
    rows = np.resize(np.arange(groups.shape[1] - 1), pe) + 1
    place = rng.integers(simd, size=len(groups))
    one[np.arange(len(groups)), 1, place] = groups[:, 0]
    for p in range(pe):
        one[np.arange(len(groups)), 1, simd * (1 + p) + place] = groups[:, rows[p]]
    pairs = np.array(list(itertools.product(CORNERS, repeat=2)))
    alike = np.repeat(np.repeat(pairs, [simd, pe * simd], axis=1)[:, None], BEATS, axis=1)
    corners = rng.choice(CORNERS, (2000, BEATS, lanes))
    anything = rng.integers(0, 256, (2000, BEATS, lanes))
    return np.concatenate([one, alike, corners, anything])


def check(macs: list[Mac]) -> None:
    pe, simd = macs[0].pe, macs[0].simd
    x = operands(pe, simd)
    found = simulate.run(design(macs), x).outputs.reshape(len(x), len(macs), pe)
    a, w = x[:, :, :simd], x[:, :, simd:].reshape(len(x), BEATS, pe, simd)
    for number, mac in enumerate(macs):
        wrong = np.argwhere(found[:, number] != mac.sums(a, w))
        assert not len(wrong), f"{asdict(mac)} {mac.packing}: sample {wrong[0]} of {len(wrong)}"


def test_int4_products_of_every_style() -> None:
    check([Mac(style, 5, 3, 4, activations) for style in STYLES for activations in (4, 8)])


def test_a_multiplier_makes_as_many_products_as_finn_has_in_it() -> None:
    """FINN's RTL unit: 1 + (A - 1 - W) / (W + a - 1) products in a multiplier of A bits."""
    for style, wide in (("dsp25", 25), ("dsp27", 27)):
        for weights, activations in itertools.product((2, 4, 8), (4, 8)):
            finn = 1 + (wide - 1 - weights) // (weights + activations - 1)
            lanes = Mac(style, finn, 16, weights, activations).packing.lanes
            assert lanes == finn


@pytest.mark.slow
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("weights", [2, 4, 8])
@pytest.mark.parametrize(("pe", "simd"), [(1, 1), (2, 4), (4, 1), (7, 5)])
def test_products_of_every_style_width_and_sign(pe: int, simd: int, weights: int, style: str) -> None:
    signs = list(itertools.product((False, True), repeat=2))
    check([Mac(style, pe, simd, weights, a, *sign) for a in (4, 8) for sign in signs])
