"""`python -m models.train`: train a recipe on one process, or on as many as torchrun starts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from accel.errors import UserError
from models import presets
from models.parallel import Parallel, processes
from models.parallel.training import run
from models.recipe import Recipe


@click.command()
@click.option("--data", default="digits", show_default=True, help="digits, fashion, vowels, text, bible or names.")
@click.option("--recipe", default="W4A8", show_default=True, help="One of models/presets.py.")
@click.option("--parallel", default="data=1", show_default=True, help="data, tensor, pipeline, sharded, schedule, …")
@click.option("--checkpoint", type=click.Path(path_type=Path), required=True, help="Folder that is continued.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of weights, batches and augmentation.")
@click.option("--float-epochs", type=int, help="Instead of the recipe's.")
@click.option("--quant-epochs", type=int, help="Instead of the recipe's.")
def main(parallel: str, checkpoint: Path, **chosen: Any) -> None:
    """Train a transformer on many processes: float on the first one, then quantization-aware on all of them.

    The folder of --checkpoint, which every process has to see, gets the state after every epoch and at the end
    model.pt, which `accel export` reads. The same command goes on where it was, under any --parallel.

    \b
    Examples:
      python -m models.train --checkpoint build/run
      torchrun --nproc-per-node 2 -m models.train --parallel data=2,sharded=true --checkpoint build/run
      torchrun --nproc-per-node 4 -m models.train --parallel data=2,tensor=2 --checkpoint build/run
      torchrun --nproc-per-node 4 -m models.train --parallel pipeline=4,schedule=gpipe,microbatches=8 \\
               --data text --checkpoint build/gpt
    """
    with processes.group() as device:
        try:
            layout = Parallel.parse(parallel)
            made = run(_recipe(**chosen), layout, checkpoint, device, _tell())
        except UserError as error:
            if processes.rank() == 0:
                click.echo(f"error: {error}", err=True)
            processes.leave(2)
    if processes.rank() == 0:
        click.echo(f"wrote {made}")
    processes.leave(0)


def _recipe(data: str, recipe: str, seed: int, float_epochs: int | None, quant_epochs: int | None) -> Recipe:
    plain = replace(presets.recipe(data, recipe), seed=seed)
    return replace(
        plain,
        float_epochs=plain.float_epochs if float_epochs is None else float_epochs,
        quant_epochs=plain.quant_epochs if quant_epochs is None else quant_epochs,
    )


def _tell() -> Callable[[str], None]:
    """Lines with the seconds since the start."""
    start = time.perf_counter()
    return lambda text: click.echo(f"{time.perf_counter() - start:7.1f} s  {text}")


if __name__ == "__main__":
    main()
