"""Generations of a decode engine on a virtual board while its serial line is damaged in both directions.

python benchmarks/engine_line.py [--generations 200] [--faults 10000] [--seed 0]

The engine of a small untrained GPT: the line does not look at values. Every token is compared with the reference as
soon as it comes. Exit code 1 when a token was wrong or something hung.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import torch

import accel
import boards
import models
from accel import reference
from accel.arrays import single
from accel.graph import Graph
from accel.verbs.engine import making
from accel.verbs.engine.making import Wanted
from boards.faults import virtual_soak_generations
from hls.engine import emit
from models import presets
from models.quantization import quantize

BOARD, PRODUCTS, TEXTS = "ulx3s-85f", 64, 40
CONFIG = replace(
    presets.GPT, layers=2, tokens=16, vocabulary=27, classes=27, channels=16, heads=4, hidden=64, quantized=False
)


def network() -> Graph:
    """The integer graph of an untrained network, through its file."""
    torch.manual_seed(0)
    made = quantize(models.Encoder(CONFIG), torch.randint(0, CONFIG.vocabulary, (64, CONFIG.tokens)))
    with tempfile.TemporaryDirectory() as folder:
        return accel.load(models.export(made, Path(folder) / "names.onnx"))


def texts(graph: Graph, seed: int) -> list[tuple[list[int], list[int]]]:
    """Random prompts, each with the tokens that the reference chooses behind it."""
    rng, decoder, found = Random(seed), reference.decode(graph), []
    for _ in range(TEXTS):
        size = rng.randint(1, CONFIG.tokens // 2)
        prompt = [rng.randrange(CONFIG.vocabulary) for _ in range(size)]
        known = list(prompt)
        for _ in range(rng.randint(1, CONFIG.tokens - size + 1)):
            decoder.restart()
            logits = single(decoder.append(np.array(known)[None, :, None], last=True))[0, -1]
            known.append(int(logits.argmax()))
        found.append((prompt, known[size:]))
    return found


def rows(generations: int = 200, faults: int = 10_000, seed: int = 0) -> dict[str, int]:
    """Generations with all tokens right, faults, wrong tokens and hangs."""
    graph = network()
    design = emit.design(making.program(graph, Wanted(products=PRODUCTS), BOARD))
    tally = virtual_soak_generations(
        design, boards.get(BOARD), texts(graph, seed), generations=generations, faults=faults, seed=seed
    )
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
