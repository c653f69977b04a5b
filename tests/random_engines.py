"""Random causal graphs with sizes of engines that suit them, and the judge of an engine: every logit, every cycle.

    python tests/random_engines.py 1234      what seed 1234 is, and whether its design equals the reference

Unlike `engine_graphs.drawn`, contexts are several words of keys, and heads lie side by side in words and blocks.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import engine_graphs
import gpt2s
import llamas
import numpy as np

from accel import reference
from accel.checkpoints import Configuration, RotaryPositions
from accel.engine import timing
from accel.engine.isa import EngineProgram
from accel.engine.match import match
from accel.engine.program import build
from accel.graph import Graph
from hls.engine import emit, simulate


@dataclass(frozen=True)
class Engine:
    """A graph and the size of an engine for it."""

    graph: Graph
    pe: int
    simd: int

    def program(self) -> EngineProgram:
        """The program, with its gaps."""
        return timing.gaps(build(match(self.graph), self.pe, self.simd))


@dataclass(frozen=True)
class Judged:
    """Tokens that an engine had, logits, those that are not the graph's, cycles of every token, and predicted ones."""

    tokens: int
    logits: int
    wrong: int
    cycles: tuple[int, ...]
    predicted: tuple[int, ...]

    @property
    def fails(self) -> bool:
        return self.wrong > 0 or self.cycles != self.predicted


def judged(program: EngineProgram, sequences: np.ndarray, *, starved: float = 0.0, dsp: int | None = None) -> Judged:
    """Simulate sequences (count, tokens) and compare all logits with the reference's of whole sequences.

    The reference reads all tokens of the context at once, so what comes behind a sequence are zeros.
    """
    graph, (count, tokens) = program.network.graph, sequences.shape
    whole = np.zeros((count, *graph.input.shape), np.int64)
    whole[:, :tokens, 0] = sequences
    expected = reference.run(graph, whole)[:, :tokens].reshape(count * tokens, -1)
    requests = [(int(token), place) for sequence in sequences for place, token in enumerate(sequence)]
    found = simulate.run(emit.design(program, dsp=dsp), requests, trace=True, starved=starved)
    last = len(program.instructions) - 2  # behind it is END
    logits = np.stack([results[last].ravel()[: expected.shape[1]] for results in found.results])
    wrong = int((logits != expected).sum() + (found.tokens.ravel() != expected.argmax(1)).sum())
    predicted = tuple(timing.cycles(program, place) for _, place in requests)
    return Judged(len(requests), logits.size, wrong, tuple(found.cycles.ravel().tolist()), predicted)


def drawn(seed: int) -> Engine:
    """An engine, the same in every process; graphs are of the three styles in turn."""
    rng = np.random.default_rng([seed, 17])
    pe = int(rng.choice([2, 4, 8]))
    simd = min(16, pe * int(rng.choice([1, 2, 4])))
    tokens = simd * int(rng.choice([1, 2, 3]))
    style = engine_graphs.STYLES[seed % 3]
    make = {"gpt": _trained, "llama": _llama, "gpt2": _gpt2}[style]
    return Engine(make(rng, pe, tokens, f"seed {seed}"), pe, simd)


def multipliers(seed: int) -> int | None:
    """Hard multipliers of a device: enough, none, or those of a part of the array."""
    return (None, 0, 40, 70)[seed % 4]


def _pick(rng: np.random.Generator, *choices: int) -> int:
    return int(rng.choice(choices))


def _trained(rng: np.random.Generator, pe: int, tokens: int, name: str) -> Graph:
    """What Brevitas trains."""
    maker = engine_graphs.BrevitasStyle(rng)
    maker.tokens, maker.size, maker.channels = tokens, _pick(rng, 2, 4, 8, 16), pe * _pick(rng, 1, 2, 3)
    maker.kv_heads, shared = _pick(rng, 1, 2, 4), _pick(rng, 1, 2, 3)
    maker.heads = maker.kv_heads * shared
    return maker.graph_of(name)


def _llama(rng: np.random.Generator, pe: int, tokens: int, name: str) -> Graph:
    """A Llama with rotary positions and gates; its widths suit every `pe`."""
    size, kv_heads = _pick(rng, 4, 8, 16), _pick(rng, 1, 2, 4)
    configuration = replace(
        llamas.configuration(rng, 32), head_size=size, kv_heads=kv_heads, heads=kv_heads * _pick(rng, 1, 2, 3),
        layers=_pick(rng, 1, 2), qk_norm=False,
        rope=RotaryPositions(10000.0, size, str(rng.choice(["halves", "neighbours"]))),
    )  # fmt: skip
    return _static(configuration, rng, tokens, name, alone=False, exponents=not engine_graphs.has_biases(configuration))


def _gpt2(rng: np.random.Generator, pe: int, tokens: int, name: str) -> Graph:
    """A GPT-2 with LayerNorm and biases; its widths suit every `pe`."""
    configuration = replace(gpt2s.configuration(rng), layers=_pick(rng, 1, 2))
    return _static(configuration, rng, tokens, name, alone=True)


def _static(
    configuration: Configuration, rng: np.random.Generator, tokens: int, name: str, *, alone: bool,
    exponents: bool = False,
) -> Graph:  # fmt: skip
    recipe = engine_graphs.formats(rng, alone)
    recipe = engine_graphs.exponents(rng, recipe) if exponents else recipe
    return engine_graphs.static(configuration, llamas.weights(configuration, rng), tokens, recipe, name)


def sequences(engine: Engine, seed: int) -> np.ndarray:
    """Random tokens of a sequence as long as the context, and of a second one."""
    return np.random.default_rng(seed).integers(0, engine.graph.input.hi + 1, (2, engine.graph.input.tokens))


def main() -> None:
    """Judge the engine of a seed."""
    seed = int(sys.argv[1])
    engine = drawn(seed)
    found = judged(engine.program(), sequences(engine, seed), dsp=multipliers(seed))
    cycles = "as predicted" if found.cycles == found.predicted else f"{found.cycles}, predicted {found.predicted}"
    print(f"{engine.graph.name}, {engine.pe} x {engine.simd}: {found.wrong} wrong of {found.logits}, cycles {cycles}")


if __name__ == "__main__":
    main()
