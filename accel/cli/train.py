"""`accel train`: a transformer, trained as a recipe says."""

from __future__ import annotations

from pathlib import Path

import click

from accel.cli import interrupts, names
from accel.cli.display import json_option, show_json, working
from accel.verbs.train import CHECKPOINT, RECIPE, train

NOT_KEPT = "nothing half-written was left behind; with --folder an interrupted training can go on"


@click.command(short_help="Train a transformer.")
@click.option(
    "--data",
    shell_complete=names.data,
    help="digits, fashion, vowels, text, bible or names.  [default: digits, or those of the recipe]",
)
@click.option(
    "--recipe",
    default=RECIPE,
    show_default=True,
    shell_complete=names.recipes,
    help="Name of a recipe, such as W4A8 or 2:4, or microgpt: a small language model of names.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of weights, batches and augmentation.",
)
@click.option("--folder", type=click.Path(path_type=Path), help="Keep every epoch here, to continue if interrupted.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=CHECKPOINT, show_default=True, help="Checkpoint to write."
)
@json_option
def command(data: str | None, recipe: str, seed: int, folder: Path | None, out: Path, as_json: bool) -> None:
    """Train a transformer.

    By default, it learns handwritten digits with 4-bit weights and 8-bit activations, in about a minute.

    \b
    Examples:
      accel train --out build/model.pt
      accel train --data text --folder build/gpt --out build/gpt.pt
      accel train --recipe 2:4
      accel train --recipe microgpt --out build/microgpt.pt
    """
    kept = f"{folder} keeps every complete epoch: the same command goes on" if folder else NOT_KEPT
    with interrupts.resumable(kept), working("train") as progress:
        trained = train(out, seed, progress, data=data, recipe=recipe, folder=folder)
    if as_json:
        figures = ("float_accuracy", "quantized_accuracy", "float_nats", "quantized_nats", "seconds")
        show_json({"checkpoint": out, **{name: getattr(trained, name) for name in figures}})
        return
    click.echo(f"accuracy on held-out data: {trained.quantized_accuracy:.2%} (float {trained.float_accuracy:.2%})")
    if trained.model.config.vocabulary:
        before = _bigram(trained.recipe.data)
        click.echo(
            f"nats per identifier: {trained.quantized_nats:.3f} "
            f"(float {trained.float_nats:.3f}; guessed from the one before alone {before:.3f})"
        )
    click.echo(f"wrote {out}")


def _bigram(data: str) -> float:
    """Nats per identifier of a data set where each is guessed from the one before alone."""
    from models.data import load
    from models.scoring import bigram

    return bigram(load(data))
