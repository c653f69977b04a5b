"""Models on engines of some sizes: logits against the reference's whole-sequence graph, and cycles as predicted.

The greedy text of a model begins each sequence anew and goes to its last position; the tokens that the engine chose are
part of what is compared. Every size runs a second time with a tape that has no word in three cycles of ten. microGPT
and GPT-210k are trained unless build/engine has them: two and five minutes of one core. SmolLM2-135M has a context of
32 tokens, and all of its weights on the chip: it is simulated to compare its logits, and no board holds it that way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import figures
import numpy as np

import accel
import boards
from accel import reference
from accel.engine.isa import EngineProgram
from accel.graph import Graph
from accel.verbs.engine import loading, making

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import checkpoint_files  # noqa: E402 - helpers of the tests
import random_engines  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "engine.json"
FOLDER = ROOT / "build" / "engine"
STARVED = 0.3
BOARD = "ulx3s-85f"


class Model(NamedTuple):
    """A network, its sequences, and rows × products of its engines."""

    graph: Callable[[], Graph]
    sequences: int
    sizes: tuple[tuple[int, int], ...]


def trained(name: str, data: str, recipe: str) -> Graph:
    """The graph of a trained network; its checkpoint and its file are kept."""
    checkpoint, path = FOLDER / f"{name}.pt", FOLDER / f"{name}.onnx"
    if not checkpoint.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        accel.train(checkpoint, data=data, recipe=recipe, folder=FOLDER / name)
    if not path.exists():
        accel.export(checkpoint, path)
    return accel.load(path)


MODELS = {
    "microGPT": Model(partial(trained, "microGPT", "names", "microgpt"), 63, ((16, 16), (8, 16))),
    "GPT-210k": Model(partial(trained, "GPT-210k", "text", "W4A8"), 8, ((16, 16),)),
    "stories260K": Model(lambda: loading.load(checkpoint_files.stories()).graph, 1, ((16, 16),)),
    "SmolLM2-135M": Model(lambda: loading.load(checkpoint_files.smollm(), context=32).graph, 1, ((16, 32),)),
}


def greedy(graph: Graph, count: int) -> np.ndarray:
    """Sequences (count, tokens) that begin with different tokens and go on with the graph's own."""
    decoder, vocabulary = reference.decode(graph, device=reference.NATIVE), graph.input.hi + 1
    token = ((1 + np.arange(count)) % vocabulary)[:, None, None]
    found = [token]
    while len(found) < graph.input.tokens:
        token = decoder.append(token).argmax(2, keepdims=True)
        found.append(token)
    return np.concatenate(found, axis=1)[..., 0]


def made(graph: Graph, pe: int, simd: int) -> EngineProgram:
    """The program as `accel lower` makes it."""
    return making.program(graph, making.Wanted(pe=pe, simd=simd), BOARD)


def row(name: str, graph: Graph, sequences: np.ndarray, pe: int, simd: int) -> dict[str, Any]:
    """Figures of one engine."""
    program, dsp = made(graph, pe, simd), boards.get(BOARD).capacity.dsp
    full = random_engines.judged(program, sequences, dsp=dsp)
    starved = random_engines.judged(program, sequences, dsp=dsp, starved=STARVED)
    return {
        "model": name, "products": pe * simd, "pe": pe, "simd": simd, "tokens": full.tokens, "logits": full.logits,
        "wrong": full.wrong, "wrong_starved": starved.wrong, "cycles_first": full.cycles[0],
        "cycles_last": full.cycles[-1], "cycles_mean": round(float(np.mean(full.cycles)), 1),
        "predicted": full.cycles == full.predicted, **placed(name, pe * simd, full.cycles),
    }  # fmt: skip


def placed(name: str, products: int, cycles: tuple[int, ...]) -> dict[str, float]:
    """Clock and area that `engine_clock.py` found for an engine, and tokens per second."""
    for found in figures.kept(RESULTS).get("clock", []):
        if (found["model"], found["products"]) == (name, products):
            speed = round(1e6 * found["fmax_mhz"] / float(np.mean(cycles)))
            return {"tokens_per_s": speed, **{key: found[key] for key in ("fmax_mhz", "lut", "ff", "bram", "dsp")}}
    return {}


def rows() -> list[dict[str, Any]]:
    """A row per model and size."""
    found = []
    for name, model in MODELS.items():
        graph = model.graph()
        sequences = greedy(graph, model.sequences)
        for pe, simd in model.sizes:
            found.append(row(name, graph, sequences, pe, simd))
            print(found[-1], flush=True)
    return found


def table(found: list[dict[str, Any]]) -> str:
    """Markdown."""
    heads = (
        "model", "array", "tokens", "logits", "wrong", "wrong, starved", "cycles at 0", "at the last", "as predicted",
        "MHz", "tokens/s", "LUT4", "FF", "block RAM", "DSP",
    )  # fmt: skip
    return figures.markdown(heads, map(_cells, found))


def _cells(one: dict[str, Any]) -> tuple[object, ...]:
    speed = f"{one['tokens_per_s']:,}" if "tokens_per_s" in one else ""
    return (
        one["model"], f"{one['pe']} x {one['simd']}", f"{one['tokens']:,}", f"{one['logits']:,}", one["wrong"],
        one["wrong_starved"], f"{one['cycles_first']:,}", f"{one['cycles_last']:,}",
        "every one" if one["predicted"] else "no", one.get("fmax_mhz", ""), speed,
        *(one.get(key, "") for key in ("lut", "ff", "bram", "dsp")),
    )  # fmt: skip
