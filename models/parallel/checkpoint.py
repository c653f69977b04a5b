"""Sharded checkpoints: every process writes its parts, and any other layout reads them.

A checkpoint is a folder `step-N`. It is written under another name, and gets its own when all of it is there, so that a
half-written one is never found. The folder that holds them is on a file system that all processes see.
"""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import asdict
from pathlib import Path

import torch
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_loader import load as load_parts
from torch.distributed.checkpoint.state_dict_saver import save as save_parts

from accel.errors import UserError
from accel.files import writing
from models.encoder import Encoder
from models.parallel import processes
from models.parallel.trainer import Trainer

NOTES = "notes.json"
_MOMENTS = ("exp_avg", "exp_avg_sq")


def save(trainer: Trainer, folder: Path) -> Path:
    """Write the state after `trainer.done` steps; older checkpoints are removed. All processes call it."""
    final = folder / f"step-{trainer.done}"
    partial = folder / f"{final.name}.partial"
    processes.agreed(lambda: _prepare(trainer, partial) if processes.rank() == 0 else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save_parts(_state(trainer), checkpoint_id=partial)
    processes.agreed(lambda: _publish(partial, final) if processes.rank() == 0 else None)
    return final


def restore(trainer: Trainer, folder: Path) -> int:
    """Continue at the newest checkpoint of a folder: the number of steps done, 0 without one. All processes call it.

    Raises UserError, on every rank, for a damaged checkpoint or one of another recipe.
    """
    found = processes.agreed(lambda: newest(folder))
    if not found:
        return 0
    processes.agreed(lambda: _check(trainer, found))
    _read(_state(trainer), found)
    trainer.continue_at(number(found))
    for state in trainer.optimizer.state.values():
        state["step"].fill_(trainer.done)
    return trainer.done


def whole(model: Encoder, path: Path) -> Encoder:
    """The network of a checkpoint on this process alone, whatever the layout that wrote it; changes `model`."""
    _read({f"model.{name}": p.detach() for name, p in model.named_parameters()}, path, alone=True)
    return model


def newest(folder: Path) -> Path | None:
    """The checkpoint of most steps; what is half-written has another name."""
    return max(folder.glob("step-*[0-9]"), key=number, default=None)


def number(path: Path) -> int:
    """Number of steps before a checkpoint."""
    return int(path.name.removeprefix("step-"))


def _state(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Name → this process' part of it. Reading writes into these tensors, so that nothing has to be set afterwards."""
    parts = {}
    for name, parameter in trainer.model.named_parameters():
        state = trainer.optimizer.state[parameter]
        if not state:
            state["step"] = torch.zeros(())
            state.update({moment: torch.zeros_like(parameter).detach() for moment in _MOMENTS})
        parts[f"model.{name}"] = parameter.detach()
        parts.update({f"{moment}.{name}": state[moment] for moment in _MOMENTS})
    return parts


def _notes(trainer: Trainer) -> dict[str, object]:
    recipe: dict[str, object] = json.loads(json.dumps(asdict(trainer.recipe)))
    return {"recipe": recipe, "steps": trainer.steps}


def _prepare(trainer: Trainer, partial: Path) -> None:
    with writing(partial):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        notes = {**_notes(trainer), "layout": str(trainer.layout)}
        (partial / NOTES).write_text(json.dumps(notes, indent=1) + "\n", encoding="utf-8")


def _publish(partial: Path, final: Path) -> None:
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    for old in final.parent.glob("step-*[0-9]"):
        if old != final:
            shutil.rmtree(old)


def _check(trainer: Trainer, path: Path) -> None:
    try:
        notes = json.loads((path / NOTES).read_text(encoding="utf-8"))
        same = {name: notes[name] for name in ("recipe", "steps")} == _notes(trainer)
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{path / NOTES} is damaged: remove {path}") from None
    if not same:
        raise UserError(f"{path} is the training of another recipe: remove it, or choose another folder")


def _read(state: dict[str, torch.Tensor], path: Path, alone: bool = False) -> None:
    """Read the state in place. When one process cannot read its part, all of them fail."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load_parts(state, checkpoint_id=path, no_dist=alone)
    except CheckpointException as error:
        reasons = sorted(
            {f"{type(met[0]).__name__}: {met[0]}".splitlines()[0][:120] for met in error.failures.values()}
        )
        raise UserError(f"{path}: damaged ({reasons[0]}): remove it") from None
