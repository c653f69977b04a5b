"""`accel study`: efficiency techniques compared on one model by accuracy, size, cycles and cells."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from accel.cli import interrupts
from accel.cli import names as known
from accel.cli.display import json_option, show_json, show_table, working
from accel.errors import UserError
from accel.verbs.study import OUT, PLOT, TABLE, TEXT, study


def _part(text: str) -> tuple[int, int]:
    try:
        number, count = (int(n) for n in text.split("/"))
    except ValueError:
        raise UserError(f"--part is I/N, as 2/8; got {text!r}") from None
    if not 1 <= number <= count:
        raise UserError(f"--part I/N has I from 1 to N; got {text!r}")
    return number, count


@click.command(short_help="Compare efficiency techniques by training.")
@click.option(
    "--data",
    default="digits",
    show_default=True,
    shell_complete=known.data,
    help="digits, fashion, vowels, text, bible or names.",
)
@click.option(
    "--recipe",
    "names",
    multiple=True,
    shell_complete=known.recipes,
    help="Train only this recipe; can be repeated.  [default: all]",
)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Number of trainings per recipe.")
@click.option(
    "--processes", type=click.IntRange(1), default=2, show_default=True, help="Number of trainings that run at once."
)
@click.option("--part", default="1/1", show_default=True, help="I/N runs every N-th training, starting with the I-th.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=OUT,
    show_default=True,
    help="Folder for results and for interrupted trainings.",
)
@json_option
def command(data: str, names: tuple[str, ...], seeds: int, processes: int, part: str, out: Path, as_json: bool) -> None:
    """Train a model with every recipe (bits, pruning, distillation, activations, norms, mixed precision, parallel
    training, hardware), and measure accuracy, size, cycles in simulation and cells by the cost model.

    Results that OUT already holds are not computed again. Several machines can share OUT and take one part each, in a
    SLURM array with --part $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT. A last run without --part collects the
    results.

    \b
    Examples:
      accel study --recipe W4A8 --recipe 2:4 --seeds 1
      accel study --data fashion --seeds 1 --out build/study-fashion
    """
    with (
        interrupts.resumable(f"{out} keeps every complete epoch: the same command goes on"),
        working("study") as progress,
    ):
        rows = study(data, out, names, seeds, processes, _part(part), progress)
    if as_json:
        show_json([asdict(r) for r in rows])
        return
    show_table(
        f"{out / TABLE}",
        ("recipe", "accuracy", "parameters", "MACs", "cycles", "LUT", "DSP", "BRAM"),
        [(r.recipe, f"{r.accuracy_mean:.2%}", r.parameters, r.macs, r.cycles, r.lut, r.dsp, r.bram) for r in rows],
    )
    click.echo(f"wrote {out / TABLE}, {TEXT} and {PLOT}" if rows else f"nothing complete in {out} yet")
