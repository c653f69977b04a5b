"""`accel train`: a transformer, trained as a recipe says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from accel.progress import Progress
from accel.verbs.output import whole_file

if TYPE_CHECKING:
    from models.training import Trained

CHECKPOINT = Path("build/model.pt")
RECIPE = "W4A8"


def train(
    out: Path | str = CHECKPOINT,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    data: str | None = None,
    recipe: str = RECIPE,
    folder: Path | None = None,
) -> Trained:
    """Train a recipe of `models.presets` and write its checkpoint to `out`; `data` are the digits by default.

    With `folder`, every epoch is kept there, and the same call continues an interrupted training. Raises UserError when
    the recipe is unknown, its data are not installed, or a file cannot be written.
    """
    import models
    from models import presets
    from models.training import in_words

    chosen = replace(presets.chosen(data, recipe), seed=seed)
    tell = in_words(progress) if progress else None
    with whole_file(Path(out)) as path:
        trained: Trained = models.train(chosen, folder=folder, progress=tell)
        models.save(trained, path)
    return trained
