"""hls4ml's back ends on a digits-like encoder: what is written, what is compiled here, and how many samples are right.

`compiled` means by g++ as the project is. For oneAPI and Libero it is false, since their compilers are not free to
install: `tests/cosim/test_backends.py` compiles those projects with stand-ins for the vendors' headers.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from figures import markdown
from utilization import graph_of

from accel import reference
from accel.errors import UserError
from accel.graph import Graph
from hls.projects import project
from hls.projects.backends import BACKENDS, IO_TYPES, Backend
from models.config import EncoderConfig

MODEL = EncoderConfig(layers=1)
SAMPLES = 64


def measure(graph: Graph, backend: Backend, io_type: str, x: np.ndarray) -> dict[str, Any]:
    """One project: a row without `refused` was written; one without `samples` was not compiled."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = project.write(graph, Path(folder) / "project", backend.name, io_type)
        except UserError as error:
            return {"written": False, "compiled": False, "samples": 0, "mismatches": 0, "refused": str(error)}
        row = {"written": True, "compiled": False, "samples": 0, "mismatches": 0, "refused": None}
        if backend.compiler == "g++":
            made.compile()
            wrong = made.predict(x) != reference.run(graph, x)
            row |= {"compiled": True, "samples": len(x), "mismatches": int(wrong.any(axis=(1, 2)).sum())}
        return row


def rows() -> dict[str, dict[str, Any]]:
    """Rows per back end: both io_types together, and each by itself under `io`."""
    graph = graph_of(MODEL)
    rng = np.random.default_rng(0)
    x = rng.integers(graph.input.lo, graph.input.hi + 1, (SAMPLES, *graph.input.shape))
    return {
        name: _together({io: measure(graph, backend, io, x) for io in IO_TYPES}) for name, backend in BACKENDS.items()
    }


def _together(io: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Written and compiled if any io_type is; `refused` lists the reasons for the others."""
    either = {key: any(row[key] for row in io.values()) for key in ("written", "compiled")}
    sums = {key: sum(row[key] for row in io.values()) for key in ("samples", "mismatches")}
    return {**either, **sums, "refused": [row["refused"] for row in io.values() if row["refused"]], "io": io}


def table(value: dict[str, dict[str, Any]]) -> str:
    """Markdown of `rows()`."""
    heads = "back end", "written", "compiled here", "samples", "mismatches", "refused"
    cells = (
        (name, "yes" if row["written"] else "no", "yes" if row["compiled"] else "no", row["samples"], row["mismatches"],
         "; ".join(row["refused"]))
        for name, row in value.items()
    )  # fmt: skip
    return markdown(heads, cells)


if __name__ == "__main__":
    print(table(rows()))
