"""`accel build`: an HLS project goes through its vendor's tool."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli.display import json_option, show_json, show_table, working
from accel.verbs.build import SAMPLES, build

if TYPE_CHECKING:
    from hls.projects.reports import Span
    from hls.projects.vendor import Built


@click.command(short_help="Run a vendor's tool on an HLS project.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--tool", help="vitis, vivado, vivado-accelerator, quartus, catapult, oneapi, libero.  [default: the project's]"
)
@click.option("--cosim", is_flag=True, help="Also simulate the tool's RTL and compare it with the reference.")
@click.option("--data", type=click.Path(path_type=Path), help="Samples in an .npy file for --cosim (default: random).")
@click.option(
    "--samples",
    type=click.IntRange(min=2),
    default=SAMPLES,
    show_default=True,
    help="Maximum number of samples for --cosim.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Seed of random samples.")
@click.option("--export", is_flag=True, help="Also export the IP or implement it, whichever the tool does.")
@json_option
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write.  [default: FOLDER-TOOL]")
def command(
    folder: Path,
    tool: str | None,
    cosim: bool,
    data: Path | None,
    samples: int,
    seed: int,
    export: bool,
    as_json: bool,
    out: Path | None,
) -> int:
    """Synthesize the HLS project in FOLDER with its vendor's tool, and show what it reports.

    The tool's project, its logs and reports, and build.json with every figure are written to --out.

    \b
    Examples:
      accel lower model.onnx --target vitis --out build/vitis
      accel build build/vitis
      accel build build/vitis --cosim --data x.npy --export
    """
    with working("build") as progress:
        wanted = samples if cosim else 0
        built = build(folder, out, tool, progress, cosim=wanted, data=data, seed=seed, export=export)
    if as_json:
        show_json(asdict(built))
    else:
        _show(built)
    if built.cosim and built.cosim.difference:
        click.echo(f"accel: {built.cosim.difference}", err=True)
    return int(built.cosim is not None and built.cosim.mismatches > 0)


def _show(built: Built) -> None:
    show_table(f"{built.tool}: {built.version}", ("", "design", "available"), _rows(built))
    parts = [(part.name, _span(part.latency), _span(part.interval), _used(part.used)) for part in built.report.parts]
    if parts:
        show_table("functions", ("", "latency", "interval", "uses"), parts)


def _rows(built: Built) -> list[tuple[str, str, str]]:
    report = built.report
    rows = [(name, f"{count}", f"{report.available.get(name, '')}") for name, count in report.used.items()]
    rows += [("latency, cycles", _span(report.latency), ""), ("interval, cycles", _span(report.interval), "")]
    if report.clock_ns is not None:
        wanted = f"{report.target_ns:g}" if report.target_ns is not None else ""
        rows.append(("clock, ns (asked for)", f"{report.clock_ns:.3f}", wanted))
    if built.cosim:
        rows += [
            ("co-simulated samples", f"{built.cosim.samples}", ""),
            ("mismatches", f"{built.cosim.mismatches}", ""),
        ]
        rows += [(f"{what} in simulation", _span(s), "") for what, s in _measured(built)]
    return rows


def _measured(built: Built) -> list[tuple[str, Span | None]]:
    return [("latency", built.latency), ("interval", built.interval)]


def _span(span: Span | None) -> str:
    """Cycles, or that the tool gives none."""
    if span is None:
        return "not given"
    return f"{span[0]}" if span[0] == span[1] else f"{span[0]} to {span[1]}"


def _used(used: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in used.items() if count)
