"""`accel simulate`: a design folder in the cycle-accurate simulation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli.display import show_table, working
from accel.cli.inputs import load_samples
from accel.cli.lower import GRAPH_FILE
from accel.errors import UserError

if TYPE_CHECKING:
    from accel.design import Design
    from accel.levels import Outcome
    from hls.simulate import Simulation


@dataclass(frozen=True)
class Simulated:
    """A simulation and how it compares with the reference."""

    design: Design
    simulation: Simulation
    outcome: Outcome


def simulate(
    folder: Path | str, data: Path | str | None = None, samples: int = 64, stall: float = 0.0, seed: int = 0
) -> Simulated:
    """Simulate the design in `folder` and compare its outputs with the graph that was saved beside it.

    `data`, `samples` and `seed` as in `accel.cli.inputs.load_samples`; `stall` is the probability that either end
    pauses in a cycle. Raises UserError when the folder holds no design.
    """
    from accel import reference, storage
    from accel.cli.engines import Rtl
    from accel.design import Design
    from accel.levels import verify

    folder = Path(folder)
    design = Design.load(folder)
    if not (folder / GRAPH_FILE).exists():
        raise UserError(f"{folder / GRAPH_FILE} is missing: write the folder again with `accel lower`")
    graph = storage.load(folder / GRAPH_FILE)
    x = load_samples(graph, data, samples, seed)
    rtl = Rtl(design, stall=stall, seed=seed)
    outcome = verify(graph, rtl.level, x, reference.run(graph, x))
    return Simulated(design, rtl.simulation, outcome)


@click.command(short_help="Run an RTL design cycle by cycle.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Samples in an .npy file (default: random).")
@click.option("--samples", type=click.IntRange(min=1), default=64, show_default=True, help="At most this many.")
@click.option("--stall", type=click.FloatRange(0, 0.95), default=0.0, help="Probability of a pause at either end.")
@click.option("--seed", type=int, default=0, help="Of random samples and pauses.")
def command(folder: Path, data: Path | None, samples: int, stall: float, seed: int) -> int:
    """Simulate the RTL design in FOLDER cycle by cycle and compare it with the reference.

    \b
    Examples:
      accel simulate build/rtl
      accel simulate build/rtl --data x.npy --stall 0.3
    """
    with working("simulate"):
        done = simulate(folder, data, samples, stall=stall, seed=seed)
    ran = done.simulation
    predicted = {} if stall else done.design.info["predicted"]  # what is predicted holds without pauses
    show_table(
        f"{done.design.name} ({done.design.hash[:12]})",
        ("", "measured", "predicted"),
        [
            ("latency, cycles", f"{ran.latency}", predicted.get("latency", "")),
            ("interval, cycles", f"{ran.interval:g}", predicted.get("interval", "")),
            ("simulation, cycles/s", f"{ran.cycles_per_second:,.0f}", ""),
            ("samples", f"{done.outcome.samples}", ""),
            ("mismatches", f"{done.outcome.mismatches}", ""),
        ],
    )
    if done.outcome.difference:
        click.echo(f"accel: {done.outcome.difference}", err=True)
    return int(done.outcome.mismatches > 0)
