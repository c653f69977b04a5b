"""Trained networks on disk: weights and recipe in one file, loaded without executing anything from it."""

from __future__ import annotations

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter

from accel.errors import UserError
from accel.files import kind, require_ordinary, write_atomic
from models.config import EncoderConfig
from models.encoder import Encoder
from models.recipe import Recipe
from models.training import Epoch, Trained

FORMAT = 2
TRAIN = "`accel train` writes one"
OTHERS = {
    "a Python program": "run it: brevitas.export.export_qonnx or torch.onnx.export writes the file that accel reads",
    "an ONNX file": "it needs no export, `accel check` reads it",
}
"""What to do with a file of another kind."""
FIGURES = ("float_accuracy", "quantized_accuracy", "float_nats", "quantized_nats", "seconds")


def save(trained: Trained, path: Path | str) -> Path:
    """Write a trained network; the file is complete or absent. Raises UserError where it cannot be written."""
    figures = {name: getattr(trained, name) for name in FIGURES}
    content = {
        "format": FORMAT,
        "recipe": asdict(trained.recipe),
        "model": asdict(trained.model.config),
        "figures": figures,
        "history": [asdict(epoch) for epoch in trained.history],
        "state": trained.model.state_dict(),
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    write_atomic(Path(path), buffer.getvalue())
    return Path(path)


def load(path: Path | str) -> Trained:
    """Read what `save` wrote. Raises UserError for a missing, truncated, foreign, damaged or newer file."""
    path = Path(path)
    content = _content(path)
    try:
        return _trained(content)
    except (UserError, KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise UserError(
            f"{path}: not a checkpoint of this version ({_line(error)}); `accel train` writes one"
        ) from None


def _trained(content: dict[str, Any]) -> Trained:
    recipe = TypeAdapter(Recipe).validate_python(content["recipe"])
    state = content["state"]
    broken = [name for name, value in state.items() if not torch.isfinite(value).all()]
    if broken:
        raise ValueError(f"{broken[0]} holds values that are not finite")
    model = Encoder(TypeAdapter(EncoderConfig).validate_python(content["model"]))
    model.load_state_dict(state)
    history = TypeAdapter(tuple[Epoch, ...]).validate_python(content["history"])
    figures = {name: float(content["figures"][name]) for name in FIGURES}
    return Trained(model=model.eval(), recipe=recipe, history=history, **figures)


def _content(path: Path) -> dict[str, Any]:
    require_ordinary(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror}; `accel train --out {path}` writes a checkpoint"
        ) from None
    try:
        content = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises many kinds on damaged files
        if (other := kind(path, raw)) not in (None, "a PyTorch file", "a zip archive"):
            raise UserError(f"{path}: is {other}, no checkpoint; {OTHERS.get(other or '', TRAIN)}") from None
        advice = "weights_only" in str(error)  # torch's own, how to run what is in the file
        why = "it holds objects of another program" if advice else _line(error)
        raise UserError(f"{path}: truncated or not a checkpoint ({why}); `accel train` writes one") from None
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise UserError(f"{path}: not a checkpoint; `accel train` writes one")
    if content["format"] > FORMAT:
        raise UserError(f"{path}: format {content['format']} is newer than this accel reads ({FORMAT}); upgrade")
    return content


def _line(error: BaseException) -> str:
    """An error's text in one line, short."""
    return " ".join((str(error).strip() or type(error).__name__).split())[:120]
