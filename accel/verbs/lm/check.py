"""Do all levels give the same logits for a language model?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from accel import arguments
from accel.errors import UserError
from accel.progress import Progress
from accel.verbs.level_table import Subject, in_turn
from accel.verification.levels import Outcome, verify_all

if TYPE_CHECKING:
    from accel.graph import Graph

KNOWN = ("reference", "native", "decode", "csim", "rtl", "rtl_stalled")
"""In the order in which they run. Every one is compared with the first."""


def chosen(names: Sequence[str] | str) -> tuple[str, ...]:
    """Levels in the order in which they run, each once. Raises UserError for one that is not known, and for none."""
    names = arguments.texts("a level", names)
    if unknown := [name for name in names if name not in KNOWN]:
        raise UserError(f"unknown level {unknown[0]!r}; there are {', '.join(KNOWN)}")
    if not names:
        raise UserError(f"no level is named; there are {', '.join(KNOWN)}")
    return tuple(name for name in KNOWN if name in names)


def check(graph: Graph, names: Sequence[str], x: np.ndarray, seed: int, progress: Progress) -> tuple[Outcome, ...]:
    """Outcomes of levels, which `chosen` gave, on identifiers (samples, tokens, 1)."""
    return tuple(verify_all(graph, in_turn(Subject(graph, seed=seed), names, progress), x))
