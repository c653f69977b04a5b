"""The graph that a decode engine is made from: of an ONNX file, a graph's file or a checkpoint of a language model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accel.errors import UserError
from accel.files import kind, require_ordinary

if TYPE_CHECKING:
    from accel.checkpoints import Tokenizer
    from accel.graph import Graph
    from accel.verbs.inputs import Entry

RECIPE = "E9"
"""The recipe for checkpoints: the fewest cycles, as nothing has an exponent."""


@dataclass(frozen=True)
class CausalModel:
    """A graph, and the tokenizer of the checkpoint that it was made from, if it has one."""

    graph: Graph
    tokenizer: Tokenizer | None = None


def load(
    path: Path | str,
    recipe: str | None = None,
    context: int | None = None,
    tokenizer: Path | str | None = None,
    entry: Entry | None = None,
) -> CausalModel:
    """Read a model of any kind that the engine may run.

    `recipe`, `context` and `tokenizer` are for checkpoints of language models, and for files of `accel lm import`,
    which have a recipe already; `entry` is for ONNX files. Raises UserError for a file that cannot be used, and for
    arguments that are not for its kind.
    """
    path = Path(path)
    require_ordinary(path)
    is_checkpoint = is_language_model(path)
    is_graph = path.is_file() and not is_checkpoint and _kind(path) == "a graph file of accel"
    if (is_graph or is_checkpoint) and any((entry or {}).values()):
        raise UserError(f"--input-scale, --input-bits and --po2-scales are for ONNX files; {path} is none")
    if is_checkpoint:
        return _language_model(path, recipe, context, tokenizer)
    for name, value in (("--recipe", recipe), ("--context", context), ("--tokenizer", tokenizer)):
        if value is not None:
            raise UserError(f"{name} is for checkpoints of language models; {path} has its integers already")
    if is_graph:
        from accel import storage

        return CausalModel(storage.load(path))
    from accel import onnx_import

    return CausalModel(onnx_import.load(path, **entry) if entry else onnx_import.load(path))


def is_language_model(path: Path) -> bool:
    """Whether a path is a checkpoint of a language model, or a file that `accel lm import` wrote."""
    from accel.archive import LANGUAGE_MODEL, magic

    if path.is_dir() or path.suffix.lower() in (".bin", ".gguf"):
        return True
    return path.is_file() and (_kind(path) == "a GGUF file" or magic(path) == LANGUAGE_MODEL)


def _kind(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return kind(path, file.read(200))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; name a model's file") from None


def _language_model(path: Path, recipe: str | None, context: int | None, tokenizer: Path | str | None) -> CausalModel:
    from accel.verbs import lm
    from accel.verbs.lm import kept

    if recipe is None and not kept.is_kept(path):
        recipe = RECIPE
    model = lm.load(path, recipe, context=context, tokenizer=tokenizer)
    try:
        words: Tokenizer | None = model.tokenizer
    except UserError:
        if tokenizer is not None:
            raise
        words = None  # whoever talks to the board names one
    return CausalModel(model.graph(model.context), words)
