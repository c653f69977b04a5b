"""Files of others at every level: what of a folder imports, how far it is from qonnx, and whether all levels agree.

    python benchmarks/zoo.py FOLDER

The yardstick are six of qonnx' model zoo (github.com/fastmachinelearning/qonnx_model_zoo): the jet tagger, three TFC
networks, UNSW-NB15 and the KWS MLP. The files are not kept here. Results: benchmarks/results/imports.json, key `zoo`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from import_results import record

from accel.errors import UserError
from accel.verbs.check import check

SAMPLES, FEW = 64, 4
RANGES = {"qkeras_jettagging": {"input_scale": 2.0**-10, "input_bits": 16}}
"""What a file does not say of its input: the jet tagger's is hls4ml's ap_fixed<16, 6>."""


def measure(path: Path) -> dict[str, Any]:
    """One file: deviation of its operators from qonnx, and samples that differ between levels."""
    span = RANGES.get(path.stem, {})
    try:
        file = check(path, levels=["qonnx", "reference"], samples=SAMPLES, **span)
    except UserError as error:
        return {"file": path.name, "imported": False, "reason": str(error).removeprefix(f"{path}: ")}
    levels = check(path, levels=["reference", "csim", "rtl"], samples=FEW, **span).outcomes
    return {
        "file": path.name,
        "imported": True,
        "operators": len(file.graph.nodes),
        "max_lsb": max((found.max_lsb for found in file.deviations), default=0),
        "differing": max((found.differing for found in file.deviations), default=0.0),
        "samples": FEW,
        **{outcome.level: outcome.mismatches for outcome in levels},
        **span,
    }


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage: python benchmarks/zoo.py FOLDER")
    found = [measure(path) for path in sorted(Path(sys.argv[1]).glob("*.onnx"))]
    record("zoo", found)
    print(*found, sep="\n")
