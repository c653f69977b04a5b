"""The tokenizer of a decode engine: kept beside the design, named, or read from a file."""

from __future__ import annotations

from pathlib import Path

from accel import archive
from accel.archive import DAMAGE, Archive
from accel.checkpoints import Tokenizer, kept_tokenizer
from accel.checkpoints.alphabet import ALPHABETS
from accel.checkpoints.llama2c import read_tokenizer
from accel.checkpoints.mapped import MappedFile
from accel.errors import UserError
from accel.files import require_ordinary
from accel.verbs.lm import kept

TOKENIZER_FILE = "tokenizer.accel"
"""The tokenizer beside a design that was made from a checkpoint."""
MAGIC, FORMAT = "accel-tokenizer", 1
WAYS = f"{', '.join(ALPHABETS)}, a checkpoint, or a tokenizer's file of llama2.c"


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the tokenizer of a checkpoint beside its design."""
    found, arrays = kept_tokenizer.entries(tokenizer)
    archive.write(folder / TOKENIZER_FILE, {"magic": MAGIC, "format": FORMAT, "tokenizer": found}, arrays)


def tokenizer(folder: Path, given: str | None, vocabulary: int) -> Tokenizer:
    """The tokenizer for a design in `folder`: the one that `given` names, or the one that was kept beside the design.

    Raises UserError where there is none, or one of another vocabulary.
    """
    found = _kept(folder) if given is None else _named(given, vocabulary)
    if len(found) != vocabulary:
        raise UserError(
            f"the tokenizer has {len(found)} tokens, the design in {folder} {vocabulary}: name the tokenizer of the "
            "design's own network"
        )
    return found


def _kept(folder: Path) -> Tokenizer:
    path = folder / TOKENIZER_FILE
    if not path.is_file():
        raise UserError(f"{folder} holds no tokenizer; name one with --tokenizer: {WAYS}")
    require_ordinary(path)
    try:
        with Archive(path) as file:
            if (file.header["magic"], file.header["format"]) != (MAGIC, FORMAT):
                raise ValueError("another file")
            return kept_tokenizer.tokenizer(file.header["tokenizer"], file.__getitem__)
    except (OSError, *DAMAGE):
        raise UserError(f"{path}: damaged; write the design again with `accel lower`") from None


def _named(given: str, vocabulary: int) -> Tokenizer:
    if given in ALPHABETS:
        return ALPHABETS[given]()
    path = Path(given)
    if not path.exists():
        raise UserError(f"--tokenizer {given}: no such file; give {WAYS}")
    if kept.is_kept(path):
        return kept.read(path).tokenizer
    if path.suffix == ".bin":
        return read_tokenizer(MappedFile(path), vocabulary)
    from accel import checkpoints

    return checkpoints.load(path).tokenizer()
