"""Opening a checkpoint of any kind, by what it is."""

from __future__ import annotations

from pathlib import Path

from accel.archive import LANGUAGE_MODEL, magic
from accel.checkpoints import gguf, gguf_model, huggingface, llama2c
from accel.checkpoints.checkpoint import Checkpoint
from accel.checkpoints.mapped import MappedFile
from accel.errors import UserError
from accel.files import kind

SAVED, MODEL, DAMAGED = "a graph file of accel", "a language model of accel", "a truncated or damaged file of accel"
NAMED = "name a .gguf file, a .bin file of llama2.c or a folder of Hugging Face"
REMEDIES = {
    "a PyTorch file": "it can run programs, so it is never opened: save the model with save_pretrained, as safetensors",
    "a safetensors file": "name its folder, with config.json in it",
    "an ONNX file": "accel.load reads it",
    SAVED: "accel.storage.load reads it",
    MODEL: "its integers are made; name the checkpoint that it was made from",
    DAMAGED: "save or import it again",
    "a NumPy file": NAMED,
    "a zip archive": f"unpack it, and {NAMED}",
}
"""What to do with a file of another kind."""


def load(path: Path | str, tokenizer: Path | str | None = None) -> Checkpoint:
    """Open a GGUF file, a folder of Hugging Face with safetensors, or a `.bin` file of llama2.c.

    Tensors stay in their files until they are asked for. `tokenizer` names the tokenizer's file of a `.bin` file
    that has none beside it. Raises UserError, naming the file and the remedy, when anything in it is wrong.
    """
    path = Path(path)
    if tokenizer is not None and path.suffix != ".bin":
        raise UserError(f"{path}: has its own tokenizer; one is named for a .bin file of llama2.c alone")
    try:
        if path.is_dir():
            return huggingface.load(path)
    except (OSError, ValueError):
        pass  # no valid name: MappedFile says so
    file = MappedFile(path)
    head = file.bytes(0, min(file.size, 200))
    if head[:4] == gguf.MAGIC:
        return gguf_model.load(path)
    if (found := kind(path, head)) == SAVED:
        found = {"": DAMAGED, LANGUAGE_MODEL: MODEL}.get(magic(path), found)
    if found in REMEDIES:
        raise UserError(f"{path}: is {found}; {REMEDIES[found]}")
    if path.suffix == ".bin":
        return llama2c.load(path, None if tokenizer is None else Path(tokenizer))
    raise file.refused("is no checkpoint", NAMED)
