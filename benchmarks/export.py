"""CPU seconds to write a network as QONNX, by its size: key `export` of benchmarks/results/contract.json.

    python benchmarks/export.py

Each size runs in a process of its own and on one thread, so that waiting threads do not count.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import figures

RESULTS = Path(__file__).parent / "results" / "contract.json"
SIZES = ((1, 64), (3, 64), (6, 64), (12, 64), (6, 128))
"""Layers and channels; 64 tokens."""


def measure(layers: int, channels: int) -> float:
    """CPU seconds of one export, without the imports and without the calibration of the network."""
    import torch

    from models.config import EncoderConfig
    from models.encoder import Encoder
    from models.exporting import export
    from models.quantization import quantize

    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = EncoderConfig(layers=layers, channels=channels, hidden=4 * channels, tokens=64, features=64)
    network = Encoder(replace(config, quantized=False)).eval()
    model = quantize(network, torch.randn(8, config.tokens, config.features))
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        export(model, Path(folder) / "model.onnx")
        return time.process_time() - start


def main() -> None:
    """Measure every size, the smallest first, and keep what else RESULTS holds."""
    found = []
    for layers, channels in SIZES:
        command = [sys.executable, __file__, str(layers), str(channels)]
        done = subprocess.run(command, capture_output=True, check=True, encoding="utf-8")
        found.append({"layers": layers, "d": channels, "cpu_s": round(float(done.stdout), 2)})
        print(found[-1], flush=True)
    figures.keep(RESULTS, {"export": found})


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(measure(*map(int, sys.argv[1:])))
    else:
        main()
