"""CPU seconds and memory of lowering and exploring causal encoders, by tokens, channels and layers.

    python benchmarks/lowering.py                writes the keys `lowering` and `explore` of results/contract.json
    python benchmarks/lowering.py lower 256 6 64  one case, in this process: channels, layers, tokens

Every case runs in a process of its own, imports included. `lower` chooses the schedule of `accel lower` and makes the
whole design; `slow` does so with the smallest units, one product per cycle; `explore` tries twelve speeds for a ULX3S.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import figures

from accel.dataflow import folding

RESULTS = Path(__file__).parent / "results" / "contract.json"
CASES = [(64, 1, 64), (128, 1, 64), (256, 1, 64), (256, 1, 128), (64, 6, 64), (256, 2, 64), (256, 4, 64), (256, 6, 64)]
EXPLORED = [(64, 1, 64), (64, 6, 64), (256, 6, 64)]
BOARD = "ulx3s-85f"


def case(what: str, channels: int, layers: int, tokens: int) -> None:
    """Run one case."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from encoders import Shape, encoder

    shape = Shape(tokens, 64, channels, max(1, channels // 32), 4 * channels, layers, classes=10, causal=True)
    graph = encoder(shape)
    if what == "explore":
        import boards
        from accel.verbs.explore import explore

        explore(graph, boards.get(BOARD))
        return
    from hls import rtl

    rtl.lower(graph, folding.fold_for(graph, 1 << 40) if what == "slow" else None)


def measure(what: str, channels: int, layers: int, tokens: int) -> dict[str, float | int]:
    """One case in a process of its own."""
    run = subprocess.Popen([sys.executable, __file__, what, str(channels), str(layers), str(tokens)])
    _, status, used = os.wait4(run.pid, 0)
    if status:
        raise SystemExit(f"{what} {channels} {layers} {tokens} failed")
    found = {"d": channels, "layers": layers, "tokens": tokens,
             "cpu_s": round(used.ru_utime + used.ru_stime, 2), "rss_mb": used.ru_maxrss // 1024}  # fmt: skip
    print(what, found, flush=True)
    return found


def main() -> None:
    """All cases; other keys of the file stay."""
    found = {
        "lowering": [measure("lower", *sizes) for sizes in CASES],
        "lowering_slow": [measure("slow", *sizes) for sizes in CASES],
        "explore": [measure("explore", *sizes) for sizes in EXPLORED],
    }
    figures.keep(RESULTS, found)


if __name__ == "__main__":
    if sys.argv[1:]:
        case(sys.argv[1], *map(int, sys.argv[2:]))
    else:
        main()
