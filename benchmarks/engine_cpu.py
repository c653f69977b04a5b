"""The same networks in float on one core of this machine: tokens per second of the processor beside the engine's.

microGPT is `engine_micro.c`, whose logits are compared with torch first. stories260K is `run` of karpathy/llama2.c
(at 350e04f), compiled by whoever measures: LLAMA2C=PATH names the program; without it the row stays as it was.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from figures import markdown
from torch.nn import functional

from accel import tools

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import checkpoint_files  # noqa: E402 - a helper of the tests

RESULTS = Path(__file__).parent / "results" / "engine.json"
SOURCE, FLAGS = Path(__file__).with_name("engine_micro.c"), ("-O3", "-march=native", "-ffast-math")
SHAPES = {
    "token": (27, 16), "position": (16, 16), "query": (16, 16), "key": (16, 16), "value": (16, 16),
    "output": (16, 16), "up": (64, 16), "down": (16, 64), "head": (27, 16),
}  # fmt: skip
"""Matrices of microGPT in the order of the file that the program reads."""
TOKENS, ROUNDS, TOLERANCE = 2_000_000, 5, 1e-4
STORY = 340
"""Tokens of the greedy story of stories260K, which ends a little later."""

Weights = dict[str, torch.Tensor]


def random_weights(seed: int = 0) -> Weights:
    """Float weights; the program's speed does not depend on them."""
    generator = torch.Generator().manual_seed(seed)
    return {name: 0.3 * torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}


def logits(weights: Weights, tokens: list[int]) -> torch.Tensor:
    """Logits (positions, 27) of a sequence, in double precision."""
    w = {name: value.double() for name, value in weights.items()}
    positions = len(tokens)

    def norm(x: torch.Tensor) -> torch.Tensor:
        return functional.rms_norm(x, (16,), eps=1e-5)

    def heads(x: torch.Tensor) -> torch.Tensor:
        return x.reshape(positions, 4, 4).transpose(0, 1)

    x = norm(w["token"][tokens] + w["position"][:positions])
    q, k, v = (heads(norm(x) @ w[name].T) for name in ("query", "key", "value"))
    mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(0, 1).reshape(positions, 16)
    x = x + mixed @ w["output"].T
    x = x + torch.relu(norm(x) @ w["up"].T) @ w["down"].T
    return x @ w["head"].T


class Micro:
    """The compiled program and a file of weights in a folder."""

    def __init__(self, folder: Path, weights: Weights) -> None:
        self._program, self._weights = folder / "engine_micro", folder / "weights"
        compiler = os.environ.get("CC", "gcc")
        tools.run([compiler, *FLAGS, SOURCE, "-lm", "-o", self._program], folder, folder / "gcc.log")
        self._weights.write_bytes(b"".join(value.numpy().tobytes() for value in weights.values()))

    def _run(self, *words: object) -> list[float]:
        command = [str(self._program), str(self._weights), *map(str, words)]
        found = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8").stdout
        return [float(word) for word in found.split()]

    def logits(self, tokens: list[int]) -> np.ndarray:
        return np.array(self._run("logits", *tokens)).reshape(len(tokens), 27)

    def speed(self) -> float:
        """Tokens per second of the processor."""
        return median(self._run("speed", TOKENS)[0] for _ in range(ROUNDS))


def microgpt() -> float:
    weights, tokens = random_weights(), [(7 * i + 3) % 27 for i in range(16)]
    with tempfile.TemporaryDirectory() as folder:
        program = Micro(Path(folder), weights)
        error = float(np.abs(program.logits(tokens) - logits(weights, tokens).numpy()).max())
        if error > TOLERANCE:
            raise SystemExit(f"engine_micro.c is {error:.2g} from torch")
        return program.speed()


def stories(program: str) -> float:
    """Tokens per second of the processor of a story, without what the program needs to start."""
    model, tokenizer = checkpoint_files.stories(), checkpoint_files.stories().with_name("tok512.bin")

    def told(count: int) -> Callable[[], object]:
        command = [program, str(model), "-z", str(tokenizer), "-t", "0", "-n", str(count)]
        return lambda: subprocess.run(command, check=True, capture_output=True)

    spans = [[_seconds(told(count)) for count in (1, STORY)] for _ in range(4 * ROUNDS)]
    return (STORY - 1) / median(long - short for short, long in spans)


def _seconds(call: Callable[[], object]) -> float:
    """Seconds of the processor that children need."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    call()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _row(program: str, model: str, speed: float, engine: dict[str, Any]) -> dict[str, Any]:
    """A row; `ratio` is the engine's tokens per second, of its fastest size, over the program's."""
    fastest = max(
        (row.get("tokens_per_s") or 0 for row in engine.get("models", []) if row["model"] == model), default=0
    )
    ratio = round(fastest / speed, 2) if fastest else None
    return {"program": program, "model": model, "tokens_per_s": round(speed), "ratio": ratio, "processor": processor()}


def processor() -> str:
    """The processor's name and its widest vectors."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if sys.platform == "linux" else []
    facts = dict(reversed([[part.strip() for part in line.split(":", 1)] for line in lines if ":" in line]))
    widest = "AVX-512" if "avx512f" in facts.get("flags", "") else "AVX2" if "avx2" in facts.get("flags", "") else ""
    return f"{facts.get('model name', 'unknown')}, {widest}".removesuffix(", ")


def rows() -> list[dict[str, Any]]:
    kept: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    found = [_row(f"engine_micro.c, gcc {' '.join(FLAGS)}", "microGPT", microgpt(), kept)]
    if program := os.environ.get("LLAMA2C"):
        return [*found, _row(f"llama2.c run, gcc {' '.join(FLAGS)}", "stories260K", stories(program), kept)]
    return [*found, *(row for row in kept.get("cpu", []) if row["model"] == "stories260K")]


def table(found: list[dict[str, Any]]) -> str:
    """Markdown."""
    heads = "program", "network", "processor", "tokens/s", "engine's ratio"
    rows = (
        (row["program"], row["model"], row["processor"], f"{row['tokens_per_s']:,}", row["ratio"] or "")
        for row in found
    )
    return markdown(heads, rows)
