"""`accel simulate`: a design folder in the cycle-accurate simulation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from accel.design import DESIGN_FILE, GRAPH_FILE
from accel.errors import UserError
from accel.verbs.inputs import load_samples
from accel.verbs.output import whole_file

if TYPE_CHECKING:
    from accel.design import Design
    from accel.graph import Graph
    from accel.verification.levels import Outcome
    from hls.simulation.simulate import Simulation


@dataclass(frozen=True)
class Simulated:
    """How what a folder holds compares with the reference, and the cycles of an RTL design."""

    graph: Graph
    outcome: Outcome
    design: Design | None = None
    simulation: Simulation | None = None


def simulate(
    folder: Path | str,
    data: Path | str | None = None,
    samples: int = 64,
    *,
    stall: float = 0.0,
    seed: int = 0,
    watch: bool = False,
    waves: Path | str | None = None,
) -> Simulated:
    """Simulate the RTL design or HLS project in `folder` and compare its outputs with the graph saved beside it.

    `data`, `samples` and `seed` are explained in `accel.verbs.inputs.load_samples`. The other arguments are for RTL
    designs: `stall` is the probability that either end pauses in a cycle, `watch` records the use of buffers, and
    `waves` is a VCD file to write, with the names and times that `hls.simulation.simulate.run` explains. Raises
    UserError when the folder holds neither a design nor a project, or when waves of an HLS project are asked for.
    """
    from accel import reference, storage
    from accel.design import Design
    from accel.verbs.levels import Rtl, csim
    from accel.verification.levels import verify

    folder = Path(folder)
    is_project = (folder / GRAPH_FILE).exists() and not (folder / DESIGN_FILE).exists()
    if is_project and waves:
        raise UserError(f"{folder} is an HLS project, whose C++ has no cycles: waves are those of an RTL design")
    design = None if is_project else Design.load(folder, ("rtl",))
    if design:
        design.require_dataflow("there are no samples to simulate")
    graph = storage.load(folder / GRAPH_FILE)
    x = load_samples(graph, data, samples, seed)
    if design is None:
        from hls.projects import project

        made = project.load(folder)
        made.compile()
        return Simulated(graph, verify(graph, csim(made), x, reference.run(graph, x)))
    with whole_file(Path(waves)) if waves else nullcontext() as file, ThreadPoolExecutor(1) as pool:
        rtl = Rtl(design, stall=stall, seed=seed, watch=watch, waves=file)
        running = pool.submit(rtl.level.run, x)  # other processes compile and run it while torch is imported here
        expected = reference.run(graph, x)
        outcome = verify(graph, replace(rtl.level, run=lambda _: running.result()), x, expected)
    return Simulated(graph, outcome, design, rtl.simulation)
