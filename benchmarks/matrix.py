"""The matrix unit's arithmetic against plain `*`, by the same synthesis. LUTs are equivalents: on ECP5 LUT cells and 2
per carry cell. FINN's packing is that of its RTL unit, 1 + (A - 1 - W) / (W + a - 1) products in a DSP.

Writes one row per size, operand widths, device and variant:
  dsp    accel_mac in hard multipliers, several products in each
  lut    accel_mac in look-up tables
  plain  the same array written with `*`, without hard multipliers
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from figures import markdown

from accel.fold import MatrixFold
from accel.ops.common.multiply import packing
from accel.target import TARGETS
from hls.rtl import emit
from hls.synthesis.yosys import synthesize

SIZES = ((4, 8), (8, 8), (16, 16))
WIDTHS = ((4, 8), (4, 4))
DEVICES = ("ecp5", "xilinx7")
VARIANTS = ("dsp", "lut", "plain")
BEATS = 8
"""Beats of a sum: what the accumulator has room for."""


def measure(size: tuple[int, int], widths: tuple[int, int], device: str, variant: str) -> dict[str, Any]:
    """One row: counts of one variant."""
    (pe, simd), (weights, activations) = size, widths
    bits = weights + activations + (simd * BEATS - 1).bit_length()
    params = {"PE": pe, "SIMD": simd, "AW": activations, "WW": weights, "OW": bits}
    module = "plain_mac"
    lanes = 0
    if variant != "plain":
        module = "accel_mac"
        packed = packing(TARGETS[device], MatrixFold(pe, simd, variant), (activations, True), (weights, True))
        lanes = packed.lanes
        params |= packed.params()
    files = _sources(module) | {"bench.sv": _wrapper(module, params)}
    options = "-noiopad -noclkbuf" if device == "xilinx7" else ""
    counts = synthesize(files, "bench", device, options + ("" if variant == "dsp" else " -nodsp")).counts
    per_dsp = pe * simd / counts.dsp if counts.dsp else 0
    return {
        "pe": pe, "simd": simd, "weights": weights, "activations": activations, "device": device, "variant": variant,
        "lut": counts.lut, "ff": counts.ff, "dsp": counts.dsp, "carry": counts.carry,
        "lut_equivalents": counts.equivalents(device), "products_per_dsp": per_dsp,
        "packed": lanes, "finn_products_per_dsp": finn(device, weights, activations),
    }  # fmt: skip


def finn(device: str, weights: int, activations: int) -> int:
    """Products that FINN's RTL unit packs into one DSP48 of this device; 0 where it has none."""
    return 1 + (25 - 1 - weights) // (weights + activations - 1) if device == "xilinx7" else 0


def _sources(module: str) -> dict[str, str]:
    if module == "plain_mac":
        return {"plain_mac.sv": Path(__file__).with_name("plain_mac.sv").read_text(encoding="utf-8")}
    names = ("accel_mac", "accel_dot_lut", "accel_dot_dsp", "accel_tree")
    return {f"{name}.sv": emit.library()[name] for name in names}


def _wrapper(module: str, params: dict[str, int]) -> str:
    """Operands and results in registers, so that all variants are measured between the same borders."""
    chosen = ", ".join(f".{key}({value})" for key, value in params.items())
    a, w = params["SIMD"] * params["AW"], params["PE"] * params["SIMD"] * params["WW"]
    y = params["PE"] * params["OW"]
    return f"""
module bench (input logic clk, rst, fire, first, done, last, input logic [{a - 1}:0] a, input logic [{w - 1}:0] w,
              output logic m_valid, output logic [{y - 1}:0] y);
    logic [{a - 1}:0] a1;
    logic [{w - 1}:0] w1;
    logic unused_advance, unused_last;
    always_ff @(posedge clk) begin
        a1 <= a;
        w1 <= w;
    end
    {module} #({chosen}) unit (.clk, .rst, .fire, .first, .done, .last, .a(a1), .w(w1), .init('0),
        .advance(unused_advance), .m_valid, .m_last(unused_last), .y);
endmodule
"""


def rows(jobs: int = 2) -> list[dict[str, Any]]:
    """All rows, in a fixed order."""
    wanted = [(s, w, d, v) for s in SIZES for w in WIDTHS for d in DEVICES for v in VARIANTS]
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda request: measure(*request), wanted))


def table(found: list[dict[str, Any]]) -> str:
    """Markdown, one line per size, widths and device."""
    heads = (
        "PE × SIMD", "operands", "device", "plain `*`", "in LUTs", "saved", "with DSPs: LUT + DSP", "per DSP (FINN)",
    )  # fmt: skip
    rows = []
    for k in range(0, len(found), len(VARIANTS)):
        dsp, lut, plain = found[k : k + len(VARIANTS)]
        saved = 1 - lut["lut_equivalents"] / plain["lut_equivalents"]
        against = f" ({dsp['finn_products_per_dsp']})" if dsp["finn_products_per_dsp"] else ""
        rows.append((
            f"{dsp['pe']}×{dsp['simd']}", f"W{dsp['weights']}A{dsp['activations']}", dsp["device"],
            plain["lut_equivalents"], lut["lut_equivalents"], f"{saved:.1%}",
            f"{dsp['lut_equivalents']} + {dsp['dsp']}", f"{dsp['products_per_dsp']:.2f}{against}",
        ))  # fmt: skip
    return markdown(heads, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--jobs", type=int, default=2, help="syntheses at a time")
    arguments = parser.parse_args()
    found = rows(arguments.jobs)
    print(table(found))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
