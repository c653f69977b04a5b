"""Units of decode engines for the cost model: of random ones, and of the shapes of real networks with random weights.

A unit is synthesized with the parameters that it has in its engine, apart from the others; TOP is what is between them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from accel.checkpoints import Configuration, RotaryPositions
from accel.design import Design
from accel.engine import timing
from accel.engine.isa import EngineProgram
from accel.engine.match import match
from accel.engine.program import build, drawing
from accel.graph import Graph
from accel.hardware import Module
from accel.image import Content
from accel.logic.part import Part
from accel.target import Cells
from hls.engine import emit
from hls.synthesis import apart

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import engine_graphs
import llamas
import random_engines

FAMILIES = ("ecp5",)
"""Targets with samples; the units' prices are what is expected of them elsewhere."""
UNITS = 6
"""Units of a random engine that are samples; TOP is one more."""
LARGEST = 64
"""Products up to which arrays and caches of random engines are samples."""
WIDE = "array", "cache"
SMALL = 32
"""Products up to which they always are."""


class EngineUnit(NamedTuple):
    """A unit of an engine: its module, its name in the design, and the design."""

    kind: str
    module: Module
    name: str
    design: Design

    def files(self) -> dict[str, Content]:
        """All that its cells depend on."""
        if self.name == emit.TOP:
            return dict(self.design.files)
        library = emit.library()
        below = (self.module.name, *emit.used(library[self.module.name]))
        return {"part": str(Part.of(self.module)), **{name: library[name] for name in below}}


def gpt(channels: int, heads: int, tokens: int) -> Graph:
    """A GPT as Brevitas trains it."""
    maker = engine_graphs.BrevitasStyle(np.random.default_rng(channels))
    maker.tokens, maker.channels, maker.heads, maker.kv_heads = tokens, channels, heads, heads
    maker.size, maker.vocabulary, maker.form = channels // heads, 27, "l2"
    return maker.graph_of("gpt")


def llama(tokens: int) -> Graph:
    """The shape of stories260K."""
    rope = RotaryPositions(10000.0, 8, "neighbours")
    configuration = Configuration(
        "llama", layers=5, width=64, heads=8, kv_heads=4, head_size=8, hidden=172, vocabulary=512, context=512,
        eps=1e-5, rope=rope, tied=True,
    )  # fmt: skip
    rng = np.random.default_rng(260)
    return engine_graphs.static(
        configuration, llamas.weights(configuration, rng), tokens, engine_graphs.STATIC, "llama"
    )


SHAPES = {10_050: ("micro", 8, 8), 50: ("micro", 4, 8), 51: ("llama", 8, 8)}
"""Seed → network, and rows and products of a row."""
GRAPHS = {"micro": lambda: gpt(16, 4, 16), "llama": lambda: llama(256)}


def draw(seed: int) -> Iterator[EngineUnit]:
    """The units of an engine that are samples; the same seed gives the same ones."""
    rng, program = np.random.default_rng([seed, 5]), _program(seed)
    dsp = None if seed in SHAPES else random_engines.multipliers(seed)
    logits = seed % 4 == 3
    design, parts = (make(program, logits=logits, dsp=dsp) for make in (emit.design, emit.parts))
    names = [name for name in parts if name != emit.TOP]
    if seed not in SHAPES:
        few = program.sizes.pe * program.sizes.simd <= LARGEST
        names = [name for name in names if few or name not in WIDE]
        names = sorted(rng.choice(names, min(UNITS, len(names)), replace=False).tolist())
    more = [name for name in WIDE if name not in names and program.sizes.pe * program.sizes.simd <= SMALL]
    for name in (*names, emit.TOP, *more):
        yield EngineUnit("engine", parts[name], name, design)


def _program(seed: int) -> EngineProgram:
    if seed in SHAPES:
        network, pe, simd = SHAPES[seed]
        return timing.gaps(build(match(GRAPHS[network]()), pe, simd))
    engine = random_engines.drawn(seed)
    made = build(match(engine.graph), engine.pe, engine.simd)
    return timing.gaps(drawing(made, 1.0) if seed % 4 == 1 else made)


def counts(units: Sequence[EngineUnit], target: str) -> list[Cells]:
    """Cells of units of one engine."""
    names = [unit.name for unit in units if unit.name != emit.TOP]
    found = apart.synthesize(units[0].design, names, target)
    return [found[apart.TOP if unit.name == emit.TOP else unit.name] for unit in units]
