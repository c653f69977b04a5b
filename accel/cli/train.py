"""`accel train`: quantization-aware training of the digits transformer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli.display import Progress, working
from accel.cli.output import whole_file

if TYPE_CHECKING:
    from models.training import Trained

CHECKPOINT = Path("build/model.pt")


def train(out: Path | str = CHECKPOINT, seed: int = 0, progress: Progress | None = None) -> Trained:
    """Train the digits transformer and write its checkpoint to `out`. Raises UserError when that is not writable."""
    import models

    def tell(stage: str, done: int, total: int, text: str) -> None:
        if progress:
            progress(f"{stage} epoch {done} of {total}, {text}")

    with whole_file(Path(out)) as path:
        trained: Trained = models.train(models.Recipe(seed=seed), progress=tell)
        models.save(trained, path)
    return trained


@click.command(short_help="Train the digits transformer.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=CHECKPOINT, show_default=True, help="Checkpoint to write."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of weights, batches and augmentation.")
def command(out: Path, seed: int) -> None:
    """Train a transformer on handwritten digits, 4-bit weights and 8-bit activations (under a minute).

    \b
    Example:
      accel train --out build/model.pt
    """
    with working("train") as progress:
        trained = train(out, seed, progress)
    click.echo(f"accuracy on held-out images: {trained.quantized_accuracy:.2%} (float {trained.float_accuracy:.2%})")
    click.echo(f"wrote {out}")
