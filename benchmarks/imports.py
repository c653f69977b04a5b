"""Imported files: what every operator of the integer graph makes of a file's numbers, beside the file itself in qonnx.

`max_lsb` is the largest difference on any edge that the file holds too, in steps of the edge: 0 where the import is
exact. Where the file's meaning is real numbers it is that of any operator alone, on the file's own integers. Random
samples over the whole input range.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import float_blocks
import numpy as np
import vision_blocks
from brevitas.quant import ShiftedUint8ActPerTensorFloat
from figures import markdown
from hostile_files import export
from qonnx_files import Encoder, encoder

from accel import onnx_import, reference
from models.config import EncoderConfig

SAMPLES = 8


def _built(options: Encoder) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        file, output = encoder(options)
        return file.save(folder, output)

    return build


SOURCES: dict[str, Callable[[Path], Path]] = {
    "our export, digits encoder": lambda folder: export(EncoderConfig(), folder),
    "our export, no norms": lambda folder: export(EncoderConfig(norm="none"), folder),
    "encoder, ReLU": _built(Encoder()),
    "encoder, GELU table": _built(Encoder(gelu=True)),
    "causal encoder, RMSNorm": _built(Encoder(causal=True, form="rms")),
    "encoder, batch and heads merged": _built(Encoder(merged=True, batch=2, heads=4)),
    "encoder, scales per tensor": _built(Encoder(per_channel=False)),
    "Brevitas block, float scales, GELU, LayerNorm": lambda folder: float_blocks.export(folder, opset=20),
    "Brevitas block, causal, written out for opset 16": lambda folder: float_blocks.export(
        folder, opset=16, causal=True
    ),
    "Brevitas block, zero points": lambda folder: float_blocks.export(folder, act=ShiftedUint8ActPerTensorFloat),
    "Brevitas vision transformer, QONNX": vision_blocks.export,
    "Brevitas vision transformer, QCDQ": lambda folder: vision_blocks.export(folder, "qcdq"),
    "Brevitas vision transformer, packed attention": lambda folder: vision_blocks.export(folder, packed=True),
}
"""What a file is, and what writes it into a folder."""


def measure(path: Path) -> dict[str, Any]:
    """Nodes, operators and the largest difference of one file."""
    imported = onnx_import.read(path)
    graph = imported.graph
    rng = np.random.default_rng(0)
    x = rng.integers(graph.input.lo, graph.input.hi, (SAMPLES, *graph.input.shape), endpoint=True)
    if imported.is_exact:
        expected = onnx_import.execute(imported, reference.dequantize(graph, x), keep=graph.tensors)
        got = reference.trace(graph, x)
        worst = max(int(np.abs(got[edge] - values).max()) for edge, values in expected.items())
    else:
        worst = max(found.max_lsb for found in onnx_import.deviations(imported, x))
    return {"nodes": len(graph.nodes), "max_lsb": worst, "operators": dict(Counter(node.op.kind for node in graph))}


def rows() -> list[dict[str, Any]]:
    """One row per file."""
    return list(_rows())


def _rows() -> Iterator[dict[str, Any]]:
    for source, build in SOURCES.items():
        with tempfile.TemporaryDirectory() as folder:
            yield {"source": source, **measure(build(Path(folder)))}


def table(value: list[dict[str, Any]]) -> str:
    """Markdown."""
    rows = (
        (
            row["source"],
            row["nodes"],
            row["max_lsb"],
            ", ".join(f"{count} {kind}" for kind, count in row["operators"].items()),
        )
        for row in value
    )
    return markdown(("file", "nodes", "largest difference, LSB", "operators"), rows)


if __name__ == "__main__":
    print(table(rows()))
