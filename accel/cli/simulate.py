"""`accel simulate`: a design folder in the cycle-accurate simulation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli.display import json_option, show_json, show_table, working
from accel.verbs.simulate import Simulated, simulate

if TYPE_CHECKING:
    from accel.design import Design
    from hls.simulation.deadlock import BufferUse


@click.command(short_help="Simulate a design and compare it.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Samples in an .npy or .npz file (default: random).")
@click.option("--samples", type=click.IntRange(min=1), default=64, show_default=True, help="Maximum number of samples.")
@click.option("--stall", type=click.FloatRange(0, 0.95), default=0.0, help="Probability of a pause at either end.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Seed of random samples and pauses.")
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
        predicted = done.design.predicted
        ran, depths = done.simulation, done.design.schedule.depths
        found |= {
            "latency": ran.latency,
            "interval": ran.interval,
            "predicted": {"latency": predicted.latency, "interval": predicted.interval},
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
        ran, predicted = done.simulation, done.design.predicted
        rows += [  # what is predicted holds without pauses
            ("latency, cycles", f"{ran.latency}", "" if stall else f"{predicted.latency}"),
            ("interval, cycles", f"{ran.interval:g}", "" if stall else f"{predicted.interval}"),
            ("MAC utilization", f"{_utilization(done.design, ran.interval):.1%}", ""),
            ("simulation, cycles/s", f"{ran.cycles_per_second:,.0f}", ""),
        ]
    show_table(f"{done.graph.name}: {outcome.level}", ("", "measured", "predicted"), rows)
    if buffers and done.design and done.simulation and done.simulation.buffers:
        _show_buffers(done.simulation.buffers, done.design.schedule.depths)


def _utilization(design: Design, interval: float) -> float:
    """Useful products per multiplier and cycle at a measured interval."""
    return design.predicted.mac_utilization * design.predicted.interval / interval


def _show_buffers(buffers: dict[str, BufferUse], depths: dict[str, int]) -> None:
    """A table, the fullest first, of these the deepest."""
    names = sorted(buffers, key=lambda name: (-buffers[name].most / depths[name], -depths[name]))
    rows = [(name, buffers[name].most, depths[name]) for name in names]
    show_table("buffers, most full first", ("", "most used", "depth"), rows)
