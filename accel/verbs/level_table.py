"""The levels of dataflow that a user names, and how each is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from accel import reference
from accel.arrays import single
from accel.progress import Progress
from accel.verbs import BOARD
from accel.verification.levels import Level

if TYPE_CHECKING:
    from accel.graph import Graph
    from accel.onnx_import import Imported

Make = Callable[[], AbstractContextManager[Level]]


@dataclass(frozen=True)
class Subject:
    """A graph, and what its levels are made with.

    model: the file of the graph, for the level qonnx. board: of the levels board and netlist. device: of the level
    reference. seed: of the pauses of rtl_stalled.
    """

    graph: Graph
    model: Imported | None = None
    board: str = BOARD
    device: str = "cpu"
    seed: int = 0


def in_turn(subject: Subject, names: Sequence[str], progress: Progress) -> Iterator[Level]:
    """Levels of these names, each made when its turn comes; temporary files live as long as their level."""
    make = _table(subject)
    for number, name in enumerate(names, 1):
        progress(f"{number} of {len(names)} levels: {name}")
        with make[name]() as level:
            yield level


def _table(subject: Subject) -> dict[str, Make]:
    import boards
    from accel.verbs import levels
    from hls import rtl

    graph, target = subject.graph, boards.get(subject.board)
    design = cache(lambda: rtl.lower(graph))
    kept: dict[str, Callable[[], Level]] = {
        "reference": lambda: levels.torch_reference(graph, subject.device),
        "native": lambda: Level("native", lambda x: reference.run(graph, x, device=reference.NATIVE)),
        "decode": lambda: Level("decode", lambda x: _decoded(graph, x)),
        "rtl": lambda: levels.Rtl(design()).level,
        "rtl_stalled": lambda: levels.Rtl(design(), stall=levels.STALL, seed=subject.seed).level,
        "board": lambda: levels.board(design(), target),
        "netlist": lambda: levels.netlist(design(), target.target),
    }
    if (model := subject.model) is not None:
        kept["qonnx"] = lambda: levels.qonnx(model)
    return {"csim": lambda: levels.temporary_csim(graph), **{name: _lasting(one) for name, one in kept.items()}}


def _lasting(make: Callable[[], Level]) -> Make:
    """A level that leaves nothing behind."""
    return lambda: nullcontext(make())


def _decoded(graph: Graph, x: np.ndarray) -> np.ndarray:
    """The output of all tokens, of which each is appended by itself."""
    decoder = reference.decode(graph, device=reference.NATIVE)
    return np.concatenate([single(decoder.append(x[:, [token]])) for token in range(x.shape[1])], axis=1)
