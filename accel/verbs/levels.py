"""Every implementation of a graph as a level that `accel.verification.levels.verify` can run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from accel import reference, scratch
from accel.arrays import plain
from accel.errors import MismatchError
from accel.verification.levels import Level

if TYPE_CHECKING:
    from accel.arrays import Arrays
    from accel.design import Design
    from accel.graph import Graph
    from accel.onnx_import import Imported
    from boards.board import Board
    from hls.projects.project import Project
    from hls.simulation.simulate import Simulation
    from models.encoder import Encoder

QONNX_LIMIT = 32  # the executor runs some 100 samples a second
NETLIST_LIMIT = 16  # gates run at some 20,000 cycles a second
BOARD_LIMIT = 8  # every cycle of every bit on the serial line is simulated
STALL = 0.3
"""Probability with which either end of a stalled simulation pauses in a cycle."""


def integers(graph: Graph, real: np.ndarray) -> np.ndarray:
    """The trained network's outputs (samples, …) → integers (samples, tokens, channels) of the graph's output.

    Raises MismatchError when a value is not a multiple of the output's scale.
    """
    steps = real.reshape(len(real), *graph.output_tensor.shape).astype(np.float64) / np.asarray(
        graph.output_tensor.scale
    )
    whole = np.rint(steps)
    off = steps != whole
    if off.any():
        where = tuple(int(i) for i in np.argwhere(off)[0])
        raise MismatchError(f"torch: output at {where} is {steps[where]} steps of its scale, not a whole number")
    return whole.astype(np.int64)


def qonnx(model: Imported) -> Level:
    """The file itself in qonnx's executor."""
    from accel import onnx_import

    graph = model.graph
    return Level(
        "qonnx",
        lambda x: plain(graph.outputs, onnx_import.execute(model, reference.dequantize(graph, x))),
        lambda x: onnx_import.execute(model, reference.dequantize(graph, x), keep=graph.tensors),
        limit=QONNX_LIMIT,
    )


def torch_reference(graph: Graph, device: str = "cpu") -> Level:
    """The integer graph in torch."""
    return Level(
        "reference",
        lambda x: reference.run(graph, x, device=device),
        lambda x: reference.trace(graph, x, device=device),
    )


def trained(graph: Graph, network: Encoder) -> Level:
    """The trained network itself; only its outputs are to be seen."""
    import torch

    import models

    def run(x: np.ndarray) -> np.ndarray:
        real = torch.from_numpy(reference.dequantize(graph, x))
        return integers(graph, models.logits(network, real).numpy())

    return Level("torch", run)


def csim(project: Project) -> Level:
    """A compiled hls4ml project."""
    traced = project.io_type not in project.backend.untraced
    return Level("csim", project.predict, project.trace if traced else None)


@contextmanager
def temporary_csim(graph: Graph) -> Iterator[Level]:
    """The level of a project that exists while the block runs."""
    from hls.projects import project

    with scratch.folder() as folder:
        made = project.write(graph, folder / "project")
        made.compile()
        yield csim(made)


class Rtl:
    """A design in Verilator; `simulation` is the latest one, for its measured cycles."""

    simulation: Simulation

    def __init__(
        self, design: Design, *, stall: float = 0.0, seed: int = 0, watch: bool = False, waves: Path | None = None
    ) -> None:
        """`watch` and `waves` are those of `hls.simulation.simulate.run`."""
        self._design, self._stall, self._seed, self._watch, self._waves = design, stall, seed, watch, waves
        self.level = Level("rtl_stalled" if stall else "rtl", self._run, self._trace)

    def _run(self, x: Arrays) -> Arrays:
        from hls.simulation import simulate

        self.simulation = simulate.run(
            self._design, x, stall=self._stall, seed=self._seed, watch=self._watch, waves=self._waves
        )
        return self.simulation.outputs

    def _trace(self, x: Arrays) -> dict[str, np.ndarray]:
        from hls.simulation import simulate

        return simulate.run(self._design, x, stall=self._stall, seed=self._seed, trace=True).edges or {}


def netlist(design: Design, target: str) -> Level:
    """The netlist that yosys makes of a design for `target`, on cell models.

    Raises MismatchError when a beat comes in another cycle than from the design itself, UserError for a target
    without cell models.
    """

    def run(x: Arrays) -> Arrays:
        from hls.simulation import simulate
        from hls.synthesis import gates

        expected, got = (simulate.run(one, x) for one in (design, gates.synthesize(design, target)))
        for name, beats in got.given.items():
            right = expected.given[name]
            late = np.flatnonzero(beats != right)
            if late.size:
                at, which = int(late[0]), f" of {name!r}" if len(got.given) > 1 else ""
                raise MismatchError(f"netlist: output beat {at}{which} comes in cycle {beats[at]}, not {right[at]}")
        return got.outputs

    return Level("netlist", run, limit=NETLIST_LIMIT)


def board(design: Design, target: Board) -> Level:
    """The board's top level in Verilator, behind its serial port."""

    def run(x: np.ndarray) -> np.ndarray:
        import boards

        return boards.simulate(design, target, x).reshape(len(x), *design.output.tensor.shape)

    return Level("board", run, limit=BOARD_LIMIT)
