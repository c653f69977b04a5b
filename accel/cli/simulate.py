"""`accel simulate`: a design folder in the cycle-accurate simulation."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli.display import json_option, show_json, show_table, working
from accel.cli.inputs import load_samples
from accel.cli.lower import DESIGN_FILE
from accel.cli.output import whole_file
from accel.design import GRAPH_FILE
from accel.errors import UserError

if TYPE_CHECKING:
    from accel.design import Design
    from accel.graph import Graph
    from accel.verification.levels import Outcome
    from hls.simulation.deadlock import BufferUse
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

    `data`, `samples` and `seed` are explained in `accel.cli.inputs.load_samples`. The other arguments are for RTL
    designs: `stall` is the probability that either end pauses in a cycle, `watch` records the use of buffers, and
    `waves` is a VCD file to write, with the names and times that `hls.simulation.simulate.run` explains. Raises
    UserError when the folder holds neither a design nor a project, or when waves of an HLS project are asked for.
    """
    from accel import reference, storage
    from accel.cli.levels import Rtl, csim
    from accel.design import Design
    from accel.verification.levels import verify

    folder = Path(folder)
    is_project = (folder / GRAPH_FILE).exists() and not (folder / DESIGN_FILE).exists()
    if is_project and waves:
        raise UserError(f"{folder} is an HLS project, whose C++ has no cycles: waves are those of an RTL design")
    design = None if is_project else Design.load(folder)
    graph = storage.load(folder / GRAPH_FILE)
    x = load_samples(graph, data, samples, seed)
    expected = reference.run(graph, x)
    if design is None:
        from hls.projects import project

        made = project.load(folder)
        made.compile()
        return Simulated(graph, verify(graph, csim(made), x, expected))
    with whole_file(Path(waves)) if waves else nullcontext() as file:
        rtl = Rtl(design, stall=stall, seed=seed, watch=watch, waves=file)
        outcome = verify(graph, rtl.level, x, expected)
    return Simulated(graph, outcome, design, rtl.simulation)


@click.command(short_help="Simulate a design and compare it.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Samples in an .npy file (default: random).")
@click.option("--samples", type=click.IntRange(min=1), default=64, show_default=True, help="Maximum number of samples.")
@click.option("--stall", type=click.FloatRange(0, 0.95), default=0.0, help="Probability of a pause at either end.")
@click.option("--seed", type=int, default=0, help="Seed of random samples and pauses.")
@click.option("--buffers", is_flag=True, help="Also show how full each buffer of an RTL design became.")
@click.option("--waves", type=click.Path(path_type=Path), help="Write the streams of an RTL design to this VCD file.")
@json_option
def command(
    folder: Path,
    data: Path | None,
    samples: int,
    stall: float,
    seed: int,
    buffers: bool,
    waves: Path | None,
    as_json: bool,
) -> int:
    """Simulate the RTL design (cycle by cycle) or HLS project (C++) in FOLDER and compare it with the reference.

    \b
    Examples:
      accel simulate build/rtl
      accel simulate build/rtl --data x.npy --stall 0.3
      accel simulate build/rtl --buffers
      accel simulate build/rtl --samples 2 --waves build/rtl.vcd    (for GTKWave or Surfer)
    """
    with working("simulate"):
        done = simulate(folder, data, samples, stall=stall, seed=seed, watch=buffers, waves=waves)
    outcome = done.outcome
    if as_json:
        show_json(_entry(done))
    else:
        _show(done, stall, buffers)
    if waves:
        click.echo(f"wrote {waves}", err=as_json)
    if outcome.difference:
        click.echo(f"accel: {outcome.difference}", err=True)
    return int(outcome.mismatches > 0)


def _entry(done: Simulated) -> dict[str, object]:
    """Measured figures as plain data."""
    found: dict[str, object] = {
        "level": done.outcome.level,
        "samples": done.outcome.samples,
        "mismatches": done.outcome.mismatches,
    }
    if done.design and done.simulation:
        ran, depths = done.simulation, done.design.info["schedule"]["depths"]
        found |= {
            "latency": ran.latency,
            "interval": ran.interval,
            "predicted": done.design.info["predicted"],
            "mac_utilization": _utilization(done.design, ran.interval),
            "cycles_per_second": ran.cycles_per_second,
        }
        if ran.buffers:
            found["buffers"] = {name: {"most": use.most, "depth": depths[name]} for name, use in ran.buffers.items()}
    return found


def _show(done: Simulated, stall: float, buffers: bool) -> None:
    outcome = done.outcome
    rows = [("samples", f"{outcome.samples}", ""), ("mismatches", f"{outcome.mismatches}", "")]
    if done.design and done.simulation:
        ran = done.simulation
        predicted = {} if stall else done.design.info["predicted"]  # what is predicted holds without pauses
        rows += [
            ("latency, cycles", f"{ran.latency}", f"{predicted.get('latency', '')}"),
            ("interval, cycles", f"{ran.interval:g}", f"{predicted.get('interval', '')}"),
            ("MAC utilization", f"{_utilization(done.design, ran.interval):.1%}", ""),
            ("simulation, cycles/s", f"{ran.cycles_per_second:,.0f}", ""),
        ]
    show_table(f"{done.graph.name}: {outcome.level}", ("", "measured", "predicted"), rows)
    if buffers and done.design and done.simulation and done.simulation.buffers:
        _show_buffers(done.simulation.buffers, done.design.info["schedule"]["depths"])


def _utilization(design: Design, interval: float) -> float:
    """Useful products per multiplier and cycle at a measured interval."""
    predicted: dict[str, float] = design.info["predicted"]
    return float(design.info["mac_utilization"] * predicted["interval"] / interval)


def _show_buffers(buffers: dict[str, BufferUse], depths: dict[str, int]) -> None:
    """A table, the fullest first, of these the deepest."""
    names = sorted(buffers, key=lambda name: (-buffers[name].most / depths[name], -depths[name]))
    rows = [(name, buffers[name].most, depths[name]) for name in names]
    show_table("buffers, most full first", ("", "most used", "depth"), rows)
