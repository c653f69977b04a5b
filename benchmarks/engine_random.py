"""Random causal graphs with sizes of engines that suit them: all logits and all cycles."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import random_engines  # noqa: E402 - a helper of the tests

GRAPHS = 100


def rows() -> dict[str, Any]:
    """How many graphs, logits and tokens, and which seeds failed."""
    failed, tokens, logits = [], 0, 0
    for seed in range(GRAPHS):
        engine = random_engines.drawn(seed)
        found = random_engines.judged(
            engine.program(), random_engines.sequences(engine, seed), dsp=random_engines.multipliers(seed // 2)
        )
        tokens, logits = tokens + found.tokens, logits + found.logits
        if found.fails:
            failed.append(seed)
        print(f"seed {seed}: {found.wrong} wrong of {found.logits}", flush=True)
    return {"graphs": GRAPHS, "tokens": tokens, "logits": logits, "failures": len(failed), "failed": failed}
