"""The folder of a training: its state after every epoch, so that an interrupted training continues exactly."""

from __future__ import annotations

import io
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from accel.errors import UserError
from accel.files import write_atomic, writing
from models.encoder import Encoder
from models.fitting import Fit
from models.recipe import Recipe

RECIPE, METRICS = "recipe.json", "metrics.json"


class Resumable:
    """Keeps and restores stages in a folder; without one, nothing is kept."""

    def __init__(self, recipe: Recipe, folder: Path | str | None) -> None:
        """Raises UserError when the folder is another recipe's, or cannot be written."""
        self.folder = Path(folder) if folder is not None else None
        self.seconds_before, self._start = 0.0, time.perf_counter()
        if self.folder:
            self._claim(self.folder, json.dumps(asdict(recipe), indent=1) + "\n")

    @staticmethod
    def _claim(folder: Path, text: str) -> None:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        note = folder / RECIPE
        if note.exists() and note.read_text(encoding="utf-8") != text:
            raise UserError(f"{folder} is the training of another recipe: remove it, or choose another folder")
        write_atomic(note, text)

    def keep(self, stage: str, fit: Fit, losses: list[float]) -> None:
        """Write a stage's state after an epoch; the file is complete or the one before it."""
        if not self.folder:
            return
        state = {
            **fit.state(),
            "losses": losses,
            "seconds": self.seconds_before + time.perf_counter() - self._start,
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_atomic(self.folder / f"{stage}.pt", buffer.getvalue())

    def finish(self, metrics: dict[str, object]) -> None:
        """Write the figures of a finished training."""
        if not self.folder:
            return
        write_atomic(self.folder / METRICS, json.dumps(metrics, indent=1) + "\n")

    def restore(self, stage: str, model: Encoder) -> dict[str, Any]:
        """Bring a stage's model to where it was; the rest of what was kept (`Fit.restore` takes it), or nothing.

        Raises UserError on a damaged file.
        """
        path = self.folder / f"{stage}.pt" if self.folder else None
        if not path or not path.exists():
            return {"losses": []}
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True)
            model.load_state_dict(state["model"])
            self.seconds_before = float(state["seconds"])
        except Exception as error:  # the unpickler raises many kinds on damaged files
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:120]
            raise UserError(f"{path}: damaged, or of another version ({reason}): remove {path.parent}") from None
        return state
