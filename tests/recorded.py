"""Models whose integers, cycles and texts are on record: a change that should change none of them is compared with it.

    python tests/recorded.py               the models that differ from the record, and in what
    python tests/recorded.py --record      write the record again: say in the commit why something had to change

The record, `recorded.json`, holds hashes: of the integers on every edge, of the schedule, of the design's files, of the
HLS project's sources. `FACTS` says what each of them stands for.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import encoders
import hls_graphs
import numpy as np
import qonnx_files
import random_blocks
from encoders import Shape
from kept import kept_weights

from accel import image, onnx_import, reference
from accel.dataflow import folding
from accel.dataflow.schedule import Schedule
from accel.fold import Pattern
from accel.graph import Graph
from accel.ops import Dense
from hls import rtl
from hls.projects import project

RECORD = Path(__file__).with_name("recorded.json")
FACTS = {
    "integers": "integers: what the reference computes on fixed samples, on any edge, or an edge's range",
    "folds": "schedule: the folds that are chosen, or their target",
    "latency": "cycles: the predicted latency",
    "interval": "cycles: the predicted interval",
    "buffers": "schedule: the places of memories, or the depths of buffers",
    "rtl": "text: a file of the SystemVerilog design, or a memory's contents",
    "design": "text: Design.hash, which also counts the streams at both ends",
    "hls": "text: a source or a weight of the Vitis HLS project",
}


@dataclass(frozen=True)
class Model:
    """A graph, samples for it, and how it is folded: by default, or as `schedule` says."""

    graph: Graph
    x: np.ndarray
    schedule: Schedule | None = None


def models() -> dict[str, Callable[[], Model]]:
    """All recorded models by name; each is made when it is called."""
    found: dict[str, Callable[[], Model]] = {}
    for name, (shape, schedule) in ENCODERS.items():
        found[f"encoder {name}"] = lambda shape=shape, schedule=schedule: _encoder(shape, schedule)
    for seed in range(8):
        found[f"random block {seed}"] = lambda seed=seed: _block(seed)
    for seed in range(2):
        found[f"every operator {seed}"] = lambda seed=seed: _plain(hls_graphs.everything(seed))
        found[f"every operator {seed}, random folds"] = lambda seed=seed: _folded(hls_graphs.everything(seed), seed)
    found["2:4 weights, interval 128"] = _sparse
    found["hostile names"] = lambda: _plain(hls_graphs.block())
    found["hostile names, heads side by side"] = lambda: _folded(hls_graphs.block(), 3, heads=True)
    for name, options in FILES.items():
        found[f"file {name}"] = lambda options=options: _plain(_imported(options))
    return found


ENCODERS: dict[str, tuple[Shape, Callable[[Graph], Schedule] | None]] = {
    "small": (Shape(), None),
    "small, interval 64": (Shape(), lambda graph: folding.fold_for(graph, 64)),
    "small, 14 multipliers on ECP5": (Shape(), lambda graph: folding.with_multipliers(graph, 14, "ecp5")),
    "small, unrolled": (Shape(features=3, channels=4, hidden=4), folding.unrolled),
    "causal, RMS, table": (Shape(6, 3, 12, 3, 10, 2, form="rms", causal=True, gelu=True), None),
    "causal, 48 tokens": (Shape(48, 4, 16, 2, 24, causal=True), lambda graph: folding.fold_for(graph, 6144)),
    "digits": (Shape(8, 8, 32, 4, 64, 2, 10), None),
    "digits, interval 512 on xilinx7": (Shape(8, 8, 32, 4, 64, 2, 10), lambda g: folding.fold_for(g, 512, "xilinx7")),
}
FILES = {
    "plain": qonnx_files.Encoder(),
    "causal, one scale, merged heads": qonnx_files.Encoder(causal=True, per_channel=False, merged=True),
    "RMS with a table": qonnx_files.Encoder(tokens=5, features=2, channels=6, heads=3, form="rms", gelu=True),
}
#: Those whose HLS project is on record too.
PROJECTS = ("encoder small", "random block 0", "random block 3", "every operator 0", "encoder causal, RMS, table")


def _encoder(shape: Shape, schedule: Callable[[Graph], Schedule] | None) -> Model:
    graph = encoders.encoder(shape, seed=1)
    return Model(graph, encoders.samples(graph, 16), schedule(graph) if schedule else None)


def _sparse() -> Model:
    """Matrices with two weights in every four, which are stored and multiplied without the others."""
    graph, rng = encoders.encoder(Shape(), seed=2), np.random.default_rng(2)
    nodes = []
    for node in graph:
        if isinstance(node.op, Dense):
            weight = kept_weights(rng, *node.op.weight.shape, Pattern(2, 4), 7)
            node = replace(node, op=Dense(weight, node.op.bias))
        nodes.append(node)
    graph = replace(graph, nodes=tuple(nodes))
    return Model(graph, encoders.samples(graph, 16), folding.fold_for(graph, 128))


def _block(seed: int) -> Model:
    block = random_blocks.block(seed)
    return Model(block.graph, block.x, block.schedule)


def _plain(graph: Graph) -> Model:
    return Model(graph, hls_graphs.samples(graph, 16))


def _folded(graph: Graph, seed: int, heads: bool = False) -> Model:
    return Model(graph, hls_graphs.samples(graph, 16), hls_graphs.folded(graph, seed, heads))


def _imported(options: qonnx_files.Encoder) -> Graph:
    file, output = qonnx_files.encoder(options, seed=2)
    with tempfile.TemporaryDirectory() as folder:
        return onnx_import.load(file.save(Path(folder), output))


def facts(model: Model) -> dict[str, Any]:
    """What a model is recorded by, but for its HLS project."""
    edges = reference.trace(model.graph, model.x)
    integers = hashlib.sha256()
    for name, tensor in model.graph.tensors.items():
        integers.update(f"{tensor.shape} {tensor.lo} {tensor.hi}".encode())
        integers.update(np.ascontiguousarray(edges[name], "<i8").tobytes())
    design = rtl.lower(model.graph, model.schedule)
    schedule = json.loads(design.schedule.text())
    texts = {name: b"".join(image.parts(content)).decode() for name, content in design.contents.items()}
    return {
        "integers": _short(integers.hexdigest()),
        "folds": _digest([schedule["target"], schedule["folds"]]),
        "latency": design.predicted.latency,
        "interval": design.predicted.interval,
        "buffers": _digest([schedule["memories"], schedule["depths"]]),
        "rtl": _digest(sorted(texts.items())),
        "design": _short(design.hash),
    }


def project_facts(model: Model) -> dict[str, Any]:
    """The hash of all C++ and weights that the Vitis project of a model has beside hls4ml's own headers."""
    with tempfile.TemporaryDirectory() as folder:
        written = project.write(model.graph, Path(folder) / "project", schedule=model.schedule)
        firmware = written.folder / "firmware"
        own = [firmware.glob("*.*"), firmware.glob("weights/*.*"), firmware.glob("nnet_utils/*accel*")]
        names = sorted(path for paths in own for path in paths if path.is_file())
        return {"hls": _digest([[str(path.relative_to(firmware)), path.read_text("utf-8")] for path in names])}


def _digest(value: Any) -> str:
    return _short(hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest())


def _short(digest: str) -> str:
    return digest[:16]


def record() -> dict[str, dict[str, Any]]:
    """What is on record, by model and fact."""
    found: dict[str, dict[str, Any]] = json.loads(RECORD.read_text("utf-8"))
    return found


def differences(name: str, got: dict[str, Any]) -> list[str]:
    """One line per fact of a model that is not the recorded one."""
    known = record().get(name, {})
    return [
        f"{name}: {FACTS[fact]}: {known.get(fact)} on record, now {value}"
        for fact, value in got.items()
        if known.get(fact) != value
    ]


def _all() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, make in models().items():
        model = make()
        yield name, facts(model) | (project_facts(model) if name in PROJECTS else {})


def main(arguments: list[str]) -> int:
    found = dict(_all())
    if arguments == ["--record"]:
        lines = (f" {json.dumps(name)}: {json.dumps(got)}" for name, got in found.items())
        RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
        return 0
    lines = [line for name, got in found.items() for line in differences(name, got)]
    print("\n".join(lines) or f"{len(found)} models are as recorded")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
