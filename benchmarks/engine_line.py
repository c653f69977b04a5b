"""Generations of microGPT's decode engine on a simulated board while its serial line is damaged in both directions.

python benchmarks/engine_line.py [--generations 200] [--faults 10000] [--seed 0]

Every token is compared with the reference as soon as it comes. Time is the board's own, so a busy machine changes
nothing. Exit code 1 when a token was wrong or something hung.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from random import Random

import engine_models
import numpy as np

import boards
from accel import reference
from accel.arrays import single
from accel.graph import Graph
from accel.verbs.engine import making
from accel.verbs.engine.making import Wanted
from boards.faults import soak_generations
from hls.engine import emit

BOARD, MODEL, PRODUCTS, TEXTS = "ulx3s-85f", "microGPT", 128, 40


def texts(graph: Graph, seed: int) -> list[tuple[list[int], list[int]]]:
    """Random prompts, each with the tokens that the reference chooses behind it."""
    rng, decoder, found = Random(seed), reference.decode(graph), []
    context, vocabulary = graph.input.tokens, graph.input.hi + 1
    for _ in range(TEXTS):
        size = rng.randint(1, context // 2)
        prompt = [rng.randrange(vocabulary) for _ in range(size)]
        known = list(prompt)
        for _ in range(rng.randint(1, context - size + 1)):
            decoder.restart()
            logits = single(decoder.append(np.array(known)[None, :, None], last=True))[0, -1]
            known.append(int(logits.argmax()))
        found.append((prompt, known[size:]))
    return found


def rows(generations: int = 200, faults: int = 10_000, seed: int = 0) -> dict[str, int]:
    """Generations with all tokens right, faults, wrong tokens and hangs."""
    graph, board = engine_models.MODELS[MODEL].graph(), boards.get(BOARD)
    design = emit.design(making.program(graph, Wanted(products=PRODUCTS), BOARD))
    with boards.SimulatedBoard(design, board) as link:
        tally = soak_generations(link, design, texts(graph, seed), generations=generations, faults=faults, seed=seed)
    return {"generations": tally.inferences, "faults": tally.faults, "wrong": tally.wrong, "hangs": tally.hangs}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generations", type=int, default=200)
    parser.add_argument("--faults", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    start = time.perf_counter()
    figures = rows(**vars(parser.parse_args()))
    print(json.dumps(figures), f"{time.perf_counter() - start:.0f} s")
    return int(figures["wrong"] > 0 or figures["hangs"] > 0)


if __name__ == "__main__":
    sys.exit(main())
