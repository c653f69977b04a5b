"""Do all levels give the same logits for a language model?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from accel import reference
from accel.arrays import single
from accel.errors import UserError
from accel.progress import Progress
from accel.verbs.lm import requests
from accel.verification.levels import Level, Outcome, verify_all

if TYPE_CHECKING:
    from accel.graph import Graph

KNOWN = ("reference", "native", "decode", "csim", "rtl", "rtl_stalled")
"""In the order in which they run. Every one is compared with the first."""


def chosen(names: Sequence[str] | str) -> tuple[str, ...]:
    """Levels in the order in which they run, each once. Raises UserError for one that is not known, and for none."""
    names = requests.texts("a level", names)
    if unknown := [name for name in names if name not in KNOWN]:
        raise UserError(f"unknown level {unknown[0]!r}; there are {', '.join(KNOWN)}")
    if not names:
        raise UserError(f"no level is named; there are {', '.join(KNOWN)}")
    return tuple(name for name in KNOWN if name in names)


def check(graph: Graph, names: Sequence[str], x: np.ndarray, seed: int, progress: Progress) -> tuple[Outcome, ...]:
    """Outcomes of levels, which `chosen` gave, on identifiers (samples, tokens, 1)."""
    return tuple(verify_all(graph, _levels(graph, names, seed, progress), x))


def _levels(graph: Graph, names: Sequence[str], seed: int, progress: Progress) -> Iterator[Level]:
    from accel.verbs import levels
    from hls import rtl

    design = cache(lambda: rtl.lower(graph))
    make: dict[str, Callable[[], AbstractContextManager[Level]]] = {
        "reference": lambda: nullcontext(levels.torch_reference(graph)),
        "native": lambda: nullcontext(Level("native", lambda x: reference.run(graph, x, device=reference.NATIVE))),
        "decode": lambda: nullcontext(Level("decode", lambda x: _decoded(graph, x))),
        "csim": lambda: levels.temporary_csim(graph),
        "rtl": lambda: nullcontext(levels.Rtl(design()).level),
        "rtl_stalled": lambda: nullcontext(levels.Rtl(design(), stall=levels.STALL, seed=seed).level),
    }
    for number, name in enumerate(names, 1):
        progress(f"{number} of {len(names)} levels: {name}")
        with make[name]() as level:
            yield level


def _decoded(graph: Graph, x: np.ndarray) -> np.ndarray:
    """Logits of all tokens, of which each is appended by itself."""
    decoder = reference.decode(graph, device=reference.NATIVE)
    return np.concatenate([single(decoder.append(x[:, [token]])) for token in range(x.shape[1])], axis=1)
