"""Seconds and memory from a file to the first token: SmolLM2-135M beside llama.cpp, with one thread.

    pip install xllamacpp
    python benchmarks/first_token.py

Key `first_token` of benchmarks/results/llm.json. Every figure is the median of processes that begin anew, in turn,
while the file is in the page cache and the compiled library in the user's. Seconds are those of the processor, so that
other work on the machine changes nothing; `compile_s`, what the first start ever takes longer, is on the clock.
`peak_mb` is the highest resident memory (VmHWM) less that of the process when its libraries are imported, `imports_mb`,
pages of mapped files included. `kv_mb` is what keys and values of all tokens of the context take.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from language_speed import MODEL, PEER, model

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "llm.json"
START, CONTEXT, ROUNDS = "Once upon a time", 512, 5
Figures = dict[str, float]


def peak() -> float:
    """MB of this process at most until now."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))


def ours(path: Path) -> Figures:
    import tokenizers  # noqa: F401 - memory of libraries is counted apart

    from accel.reference import native  # noqa: F401
    from accel.reference.edges import storage
    from accel.verbs.lm import loading
    from models import languages  # noqa: F401
    from models.llama import lowering  # noqa: F401

    imports, begin = peak(), time.process_time()
    found = loading.load(path, context=CONTEXT)
    _, graph = found.tokenizer, found.decoder.graph
    loaded = time.process_time()
    found.generate(START, 1)
    end = time.process_time()
    kept = {node.inputs[place] for node in graph for place in node.op.keeps}
    size = sum(storage(graph, name).row(graph.tensors[name].channels) * CONTEXT for name in kept)
    return _figures(imports, loaded - begin, end - loaded, size)


def theirs(path: Path) -> Figures:
    import xllamacpp

    imports, begin = peak(), time.process_time()
    parameters = xllamacpp.CommonParams()
    parameters.model.path, parameters.n_ctx, parameters.n_parallel = str(path), CONTEXT, 1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.warmup, parameters.verbosity = False, -1
    server = xllamacpp.Server(parameters)
    loaded = time.process_time()
    server.handle_completions({"prompt": START, "n_predict": 1, "max_tokens": 1, "temperature": 0.0})
    end = time.process_time()
    return _figures(imports, loaded - begin, end - loaded, 30 * 2 * CONTEXT * 192 * 2)  # float16


def _figures(imports: float, load: float, first: float, kept: int) -> Figures:
    return {
        "load_s": load, "first_token_s": first, "total_s": load + first, "imports_mb": imports,
        "peak_mb": peak() - imports, "kv_mb": kept / 1e6,
    }  # fmt: skip


def measured(who: str, path: Path, **environment: str) -> Figures:
    """Figures of one process."""
    command = [sys.executable, __file__, "--worker", who, str(path)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, encoding="utf-8", check=True)
    found: Figures = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    return found


def _seconds(saved: Path, *, cold: bool) -> float:
    """Seconds on the clock of a whole process, with an empty cache of compiled code if `cold`."""
    with tempfile.TemporaryDirectory() as empty:
        begin = time.perf_counter()
        measured("ours", saved, **({"XDG_CACHE_HOME": empty} if cold else {}))
        return time.perf_counter() - begin


def rows(saved: Path) -> list[dict[str, object]]:
    """Figures of the GGUF, of the file that accel saves, and of llama.cpp."""
    kinds = {"gguf": ("ours", model()), "saved": ("ours", saved), PEER: ("theirs", model())}
    for who, path in kinds.values():
        measured(who, path)  # fills caches
    rounds = [{name: measured(*kind) for name, kind in kinds.items()} for _ in range(ROUNDS)]
    compiling = max(0.0, _seconds(saved, cold=True) - _seconds(saved, cold=False))
    found: list[dict[str, object]] = []
    for name, (_, path) in kinds.items():
        values = {key: round(median(one[name][key] for one in rounds), 3) for key in rounds[0][name]}
        megabytes = round(path.stat().st_size / 1e6, 1)
        found.append({"model": MODEL, "file": name, "file_mb": megabytes, "context": CONTEXT, **values})
    found[1]["compile_s"] = round(compiling, 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        who, path = chosen.worker
        print(json.dumps((ours if who == "ours" else theirs)(Path(path))), flush=True)
        os._exit(0)  # llama.cpp's threads would be waited for
    import figures

    from accel.verbs import lm

    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "model.accel"
        lm.load(model()).save(saved)
        found = rows(saved)
    figures.keep(RESULTS, {"first_token": found})
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
