"""Records what synthesis makes of random units: results/cost-samples-<target>.json, and fits the cost model to it.

python benchmarks/cost_samples.py [--target ecp5 ...] [--kinds dense ...] [--jobs 1]

Samples that are there and whose unit and sources are still the same are kept; a run can be interrupted at any time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cost_fit
import engine_units
import units

from accel import image
from accel.files import write_atomic
from accel.logic.part import Part

FITTED = {"dense": 48, "unrolled": 12, "matmul": 32, "softmax": 28, "norm": 28, "rescale": 36, "lookup": 36,
          "position": 24, "rotary": 24, "add": 24, "mul": 24, "pool": 16, "window": 20, "embedding": 20, "l2": 16,
          "exponential": 14, "divide": 16, "blockfloat": 20, "adapter": 24, "buffer": 30, "engine": 8}  # fmt: skip
"""Random operators per kind that the model is fitted on."""
HELD_OUT = {"dense": 10, "unrolled": 2, "matmul": 7, "softmax": 4, "norm": 5, "rescale": 8, "lookup": 3,
            "position": 4, "rotary": 4, "add": 4, "mul": 4, "pool": 3, "window": 3, "embedding": 3, "l2": 4,
            "exponential": 4, "divide": 4, "blockfloat": 5, "adapter": 4, "buffer": 5, "engine": 3}  # fmt: skip
"""Those it never sees; their seeds begin at FIRST_HELD_OUT."""
FIRST_HELD_OUT = 10_000


def wanted(kinds: list[str]) -> list[tuple[str, int]]:
    """(kind, seed) of every sample, held-out ones of every kind first."""
    held = [(kind, FIRST_HELD_OUT + seed) for kind in kinds for seed in range(HELD_OUT[kind])]
    fitted = [(kind, seed) for kind in kinds for seed in range(FITTED[kind])]
    return held + fitted + [("engine", seed) for seed in engine_units.SHAPES if "engine" in kinds]


def describe(part: units.Drawn, seed: int, number: int) -> dict[str, Any]:
    """A sample but for its counts. `sources` is a hash of the files it is made of."""
    digest = hashlib.sha256()
    for _, content in sorted(part.files().items()):
        for some in image.parts(content):
            digest.update(some)
    held = seed >= FIRST_HELD_OUT
    found = {"kind": part.kind, "seed": seed, "number": number, "held_out": held, "sources": digest.hexdigest()[:12]}
    return found | json.loads(json.dumps(asdict(Part.of(part.module))))


def record(target: str, kinds: list[str], jobs: int) -> None:
    """Brings the samples of `kinds` for one target up to date."""
    path = cost_fit.samples(target)
    known = (
        {key(entry): entry for entry in json.loads(path.read_text(encoding="utf-8"))["samples"]}
        if path.exists()
        else {}
    )
    lock = threading.Lock()

    def one(request: tuple[str, int]) -> None:
        kind, seed = request
        parts = units.draw(kind, seed, target)
        entries = [describe(part, seed, number) for number, part in enumerate(parts)]
        stale = [n for n, entry in enumerate(entries) if known.get(key(entry), {}).get("sources") != entry["sources"]]
        for number, entry in enumerate(entries):
            entry["counts"] = known[key(entry)]["counts"] if number not in stale else {}
        made = units.counts([parts[number] for number in stale], target)
        with lock:
            for number, found in zip(stale, made, strict=True):
                entries[number]["counts"] = asdict(found)
                print(target, *key(entries[number]), entries[number]["module"], asdict(found), flush=True)
            known.update({key(entry): entry for entry in entries})
            if stale:
                save(path, target, known)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, wanted([kind for kind in kinds if kind in units.kinds(target)])))
    parts = {(kind, seed) for kind, seed in wanted(list(units.KINDS))}
    save(path, target, {k: v for k, v in known.items() if k[:2] in parts})


def key(entry: dict[str, Any]) -> tuple[str, int, int]:
    return entry["kind"], entry["seed"], entry["number"]


def save(path: Path, target: str, known: dict[tuple[str, int, int], dict[str, Any]]) -> None:
    """One line per sample, with what they were measured with."""
    from hls.synthesis.yosys import family

    made = {"target": target, "command": family(target).command, "yosys": version("pyosys"), "date": f"{date.today()}"}
    lines = ",\n".join(json.dumps(known[k]) for k in sorted(known))
    write_atomic(path, f'{json.dumps(made)[:-1]}, "samples": [\n{lines}\n]}}\n')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", nargs="+", default=cost_fit.families())
    parser.add_argument("--kinds", nargs="+", default=list(units.KINDS), choices=units.KINDS)
    parser.add_argument("--jobs", type=int, default=2, help="syntheses at a time")
    arguments = parser.parse_args()
    for target in arguments.target:
        record(target, arguments.kinds, arguments.jobs)
    cost_fit.write()


if __name__ == "__main__":
    main()
