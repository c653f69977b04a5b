"""Trained networks on disk: weights and configuration in one file, loaded without executing anything from it."""

from __future__ import annotations

import io
import pickle
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from accel.design import write_atomic
from accel.errors import UserError
from models.encoder import Encoder, EncoderConfig
from models.train import Recipe, Trained

FORMAT = 1


def save(trained: Trained, path: Path | str) -> Path:
    """Write a trained network; the file is complete or absent."""
    path = Path(path)
    content = {
        "format": FORMAT,
        "recipe": asdict(trained.recipe),
        "accuracy": {"float": trained.float_accuracy, "quantized": trained.quantized_accuracy},
        "seconds": trained.seconds,
        "state": trained.model.state_dict(),
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomic(path, buffer.getvalue())
    return path


def load(path: Path | str) -> Trained:
    """Read what `save` wrote. Raises UserError for a missing, truncated, foreign or newer file."""
    path = Path(path)
    content = _content(path)
    try:
        if content["format"] > FORMAT:
            raise UserError(f"{path}: format {content['format']} is newer than this accel reads ({FORMAT}); upgrade")
        recipe = content["recipe"]
        recipe = Recipe(**{**recipe, "model": EncoderConfig(**recipe["model"])})
        model = Encoder(recipe.model)
        model.load_state_dict(content["state"])
        figures = content["accuracy"]
    except (KeyError, TypeError, RuntimeError, AttributeError) as error:
        raise UserError(f"{path}: not a checkpoint of this version ({str(error).splitlines()[0]}); train again") from None
    return Trained(model.eval(), recipe, figures["float"], figures["quantized"], content["seconds"])


def _content(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}; `accel train --out {path}` writes a checkpoint") from None
    except (RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile, ValueError) as error:
        reason = str(error).splitlines()[0][:120]
        raise UserError(f"{path}: not a checkpoint or truncated ({reason}); `accel train` writes one") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a checkpoint; `accel train` writes one")
    return content
