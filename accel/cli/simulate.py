"""`accel simulate`: a design folder in the cycle-accurate simulation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli.display import show_table, working
from accel.cli.inputs import load_samples
from accel.cli.lower import DESIGN_FILE, GRAPH_FILE

if TYPE_CHECKING:
    from accel.design import Design
    from accel.graph import Graph
    from accel.levels import Outcome
    from hls.simulate import Simulation


@dataclass(frozen=True)
class Simulated:
    """How what a folder holds compares with the reference, and the cycles of an RTL design."""

    graph: Graph
    outcome: Outcome
    design: Design | None = None
    simulation: Simulation | None = None


def simulate(
    folder: Path | str, data: Path | str | None = None, samples: int = 64, *, stall: float = 0.0, seed: int = 0
) -> Simulated:
    """Simulate the RTL design or HLS project in `folder` and compare its outputs with the graph saved beside it.

    `data`, `samples` and `seed` as in `accel.cli.inputs.load_samples`; `stall` is the probability that either end
    of an RTL design pauses in a cycle. Raises UserError when the folder holds neither.
    """
    from accel import reference, storage
    from accel.cli.engines import Rtl, csim
    from accel.design import Design
    from accel.levels import verify

    folder = Path(folder)
    is_project = (folder / GRAPH_FILE).exists() and not (folder / DESIGN_FILE).exists()
    design = None if is_project else Design.load(folder)
    graph = storage.load(folder / GRAPH_FILE)
    x = load_samples(graph, data, samples, seed)
    expected = reference.run(graph, x)
    if design is None:
        from hls import project

        made = project.load(folder)
        made.compile()
        return Simulated(graph, verify(graph, csim(made), x, expected))
    rtl = Rtl(design, stall=stall, seed=seed)
    return Simulated(graph, verify(graph, rtl.level, x, expected), design, rtl.simulation)


@click.command(short_help="Run an RTL design cycle by cycle.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Samples in an .npy file (default: random).")
@click.option("--samples", type=click.IntRange(min=1), default=64, show_default=True, help="At most this many.")
@click.option("--stall", type=click.FloatRange(0, 0.95), default=0.0, help="Probability of a pause at either end.")
@click.option("--seed", type=int, default=0, help="Of random samples and pauses.")
def command(folder: Path, data: Path | None, samples: int, stall: float, seed: int) -> int:
    """Simulate the RTL design (cycle by cycle) or Vitis project (C++) in FOLDER and compare it with the reference.

    \b
    Examples:
      accel simulate build/rtl
      accel simulate build/rtl --data x.npy --stall 0.3
    """
    with working("simulate"):
        done = simulate(folder, data, samples, stall=stall, seed=seed)
    outcome = done.outcome
    rows = [("samples", f"{outcome.samples}", ""), ("mismatches", f"{outcome.mismatches}", "")]
    if done.design and done.simulation:
        ran = done.simulation
        predicted = {} if stall else done.design.info["predicted"]  # what is predicted holds without pauses
        rows += [
            ("latency, cycles", f"{ran.latency}", f"{predicted.get('latency', '')}"),
            ("interval, cycles", f"{ran.interval:g}", f"{predicted.get('interval', '')}"),
            ("simulation, cycles/s", f"{ran.cycles_per_second:,.0f}", ""),
        ]
    show_table(f"{done.graph.name}: {outcome.level}", ("", "measured", "predicted"), rows)
    if outcome.difference:
        click.echo(f"accel: {outcome.difference}", err=True)
    return int(outcome.mismatches > 0)
