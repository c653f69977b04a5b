"""Bitstreams for the boards with open tools, each of the largest digits transformer that fits: resources and clock.

python benchmarks/open_boards.py [--only BOARD ...]

Models are trained into build/models, bitstreams go to build/bitstreams/BOARD. Every board's top level is simulated
behind its serial port first and compared with the reference. Writes benchmarks/results/boards.json and .md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from figures import markdown

import accel
import boards
import models
from accel import reference
from accel.dataflow.folding import fastest, fold_for
from accel.design import Design
from accel.files import write_atomic
from accel.graph import Graph
from boards.board import Board
from hls import rtl

BUILD = Path("build")
RESULTS = Path(__file__).parent / "results" / "boards.json"
MODELS: dict[str, dict[str, Any]] = {
    "digits": {},
    "one-layer": {"layers": 1},
    "small": {"channels": 16, "heads": 2, "layers": 1, "hidden": 32, "act_bits": 6, "norm": "none"},
    "tiny": {
        "channels": 16, "heads": 2, "layers": 1, "hidden": 16, "norm": "none",
        "act_bits": 4, "weight_bits": 3, "edge_bits": 4,
    },
}  # fmt: skip
"""Name → what differs from the digits encoder."""
BOARDS = {
    "ulx3s-85f": "digits",
    "ulx3s-25f": "digits",
    "tang-nano-9k": "small",
    "tang-nano-20k": "one-layer",
    "tang-primer-25k": "small",
    "gatemate-a1-evb": "small",
    "icepi-zero": "small",
    "icebreaker": "tiny",
    "icesugar": "tiny",
}
"""Board → model, folded as little as the board has room for."""
INTERVALS = {"ulx3s-85f": 512, "tang-primer-25k": 1024, "gatemate-a1-evb": 2048}
"""Where the shortest interval that fits is not the fastest design: at 256 cycles an ULX3S-85F routes at 44 MHz only.

GateMate and GW5A route for half an hour as it is.
"""
SAMPLES = 3
"""Simulated with every bit on the serial line."""


def trained(name: str) -> tuple[Graph, float]:
    """The integer graph of a model, and its accuracy on held-out images; trained when it is not there yet."""
    file, note = BUILD / "models" / f"{name}.onnx", BUILD / "models" / f"{name}.json"
    if not note.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        made = models.train(models.Recipe(model=models.EncoderConfig(**MODELS[name])))
        models.export(made.model, file)
        write_atomic(note, json.dumps({"accuracy": made.quantized_accuracy}))
    return accel.load(file), json.loads(note.read_text(encoding="utf-8"))["accuracy"]


def measure(name: str) -> dict[str, Any]:
    """One row: the bitstream of a board."""
    board = boards.get(name)
    graph, accuracy = trained(BOARDS[name])
    wanted = INTERVALS.get(name)
    target, budget = board.target, board.capacity
    design = rtl.lower(graph, fold_for(graph, wanted, target, budget) if wanted else fastest(graph, target, budget))
    _require_equal(graph, design, board)
    built = boards.build(design, board, BUILD / "bitstreams" / name)
    interval = design.predicted.interval
    return {
        "board": name, "model": BOARDS[name], "accuracy": accuracy, "interval": interval, "clock_mhz": built.clock_mhz,
        "fmax_mhz": built.fmax_mhz, "inferences_per_s": round(built.clock_mhz * 1e6 / interval),
        "used": built.resources.to_json(), "available": board.capacity.to_json(),
        "seconds": round(sum(built.seconds.values())),
    }  # fmt: skip


def _require_equal(graph: Graph, design: Design, board: Board) -> None:
    x = np.random.default_rng(0).integers(graph.input.lo, graph.input.hi + 1, (SAMPLES, *graph.input.shape))
    got = boards.simulate(design, board, x).reshape(SAMPLES, *graph.output_tensor.shape)
    assert np.array_equal(got, reference.run(graph, x)), board.name


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, a line per board."""
    heads = (
        "board", "model, accuracy", "interval", "clock (Fmax), MHz", "per second", "LUT4", "FF", "block RAM", "DSP",
        "build",
    )  # fmt: skip
    return markdown(heads, map(_cells, rows))


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    return (
        row["board"], f"{row['model']}, {row['accuracy']:.1%}", f"{row['interval']:g}",
        f"{row['clock_mhz']:g} ({row['fmax_mhz']:.1f})", f"{row['inferences_per_s']:,}",
        *(f"{row['used'][key]} of {row['available'][key]}" for key in row["used"]), f"{row['seconds']} s",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=list(BOARDS), choices=BOARDS, help="boards to build for")
    found = {row["board"]: row for row in (json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else [])}
    RESULTS.parent.mkdir(exist_ok=True)
    for name in parser.parse_args().only:
        found[name] = measure(name)
        rows = [found[board] for board in BOARDS if board in found]
        write_atomic(RESULTS, json.dumps(rows, indent=1) + "\n")
        write_atomic(RESULTS.with_suffix(".md"), table(rows) + "\n")
        print(table([found[name]]).splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
