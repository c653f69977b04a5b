"""Folders in the layout of Hugging Face: config.json, model.safetensors or its parts, tokenizer.json."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from accel.checkpoints import safetensors
from accel.checkpoints.checkpoint import Checkpoint, checked, split
from accel.checkpoints.configuration import Configuration
from accel.checkpoints.folder import inside
from accel.checkpoints.huggingface_config import ConfigFile, configuration
from accel.checkpoints.huggingface_tokenizer import tokenizer
from accel.checkpoints.mapped import MappedFile, read_json
from accel.checkpoints.weight import Weight
from accel.errors import UserError
from accel.spelling import printable

CONFIG, WHOLE, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
MOST_PARTS = 1000
NAMES = {
    "model.embed_tokens.weight": "embedding",
    "model.norm.weight": "norm",
    "lm_head.weight": "head",
    "wte.weight": "embedding",
    "wpe.weight": "positions",
    "ln_f.weight": "norm",
    "ln_f.bias": "norm.bias",
}
LLAMA = {
    "input_layernorm": "attention.norm",
    "self_attn.q_proj": "attention.q",
    "self_attn.k_proj": "attention.k",
    "self_attn.v_proj": "attention.v",
    "self_attn.o_proj": "attention.out",
    "self_attn.q_norm": "attention.q_norm",
    "self_attn.k_norm": "attention.k_norm",
    "post_attention_layernorm": "feedforward.norm",
    "mlp.gate_proj": "feedforward.gate",
    "mlp.up_proj": "feedforward.up",
    "mlp.down_proj": "feedforward.down",
}
GPT2 = {
    "ln_1": "attention.norm",
    "attn.c_attn": "attention.qkv",
    "attn.c_proj": "attention.out",
    "ln_2": "feedforward.norm",
    "mlp.c_fc": "feedforward.up",
    "mlp.c_proj": "feedforward.down",
}
LAYER = re.compile(r"(?:model\.layers|h)\.(0|[1-9][0-9]{0,3})\.([\w.]+)\.(weight|bias)")
CONSTANT = re.compile(r"(h\.\d+\.attn\.(bias|masked_bias)|model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq)")
"""Tensors of older files that are no weights: masks of a causal attention, frequencies."""


def load(folder: Path) -> Checkpoint:
    """Open a folder. Raises UserError when a file is missing, damaged, outside of it, or of an unknown model."""
    path = inside(folder, CONFIG)
    if path is None:
        raise UserError(f"{folder}: has no {CONFIG}; name a folder of Hugging Face, or the .gguf file in it")
    settings = ConfigFile(path, read_json(path))
    shape = configuration(settings)
    stored = _stored(folder)
    tensors = {name.removeprefix("transformer."): weight for name, weight in stored.items()}
    if len(tensors) < len(stored):
        raise UserError(
            f"{folder}: has tensors with and without `transformer.` in front of one name; download it again"
        )
    found = _gpt2(tensors) if shape.family == "gpt2" else _llama(tensors, shape)
    if shape.tied:
        found.pop("head", None)  # a copy of the embedding
    weights = checked(MappedFile(path), shape, found)
    return Checkpoint(folder, shape, weights, partial(tokenizer, folder, shape.vocabulary))


def _stored(folder: Path) -> dict[str, Weight]:
    """All tensors of the folder's safetensors files, by their names."""
    if (whole := inside(folder, WHOLE)) is not None:
        return safetensors.read(whole)
    if (index := inside(folder, INDEX)) is not None:
        return _parts(folder, index, read_json(index))
    pickles = [*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")]
    if pickles:
        raise UserError(
            f"{pickles[0]}: is a PyTorch file, which can run programs, so it is never opened; "
            "save the model with save_pretrained, as safetensors"
        )
    raise UserError(f"{folder}: has neither {WHOLE} nor {INDEX}; download the model's safetensors files")


def _parts(folder: Path, index: Path, contents: dict[str, object]) -> dict[str, Weight]:
    file, places = MappedFile(index), contents.get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise file.refused("damaged: its weight_map names no files")
    names = sorted({*places.values()})
    if len(names) > MOST_PARTS:
        raise file.refused(f"names {len(names)} files, at most {MOST_PARTS} are opened")
    found: dict[str, Weight] = {}
    for name in names:
        part = inside(folder, name)
        if part is None:
            raise file.refused(f"the file {printable(name)!r} is missing", "download all parts of the model")
        tensors = safetensors.read(part)
        if wrong := [tensor for tensor in tensors if places.get(tensor) != name]:
            raise file.refused(f"damaged: tensor {printable(wrong[0])!r} is in {printable(name)!r}, not where it says")
        found |= tensors
    if missing := [tensor for tensor in places if tensor not in found]:
        raise file.refused(f"damaged: tensor {printable(missing[0])!r} is not in {printable(places[missing[0]])!r}")
    return found


def _llama(tensors: dict[str, Weight], shape: Configuration) -> dict[str, Weight]:
    found = _renamed(tensors, LLAMA)
    if shape.family == "gemma":  # its gains are stored less one
        found = {n: replace(w, added=1.0) if n.endswith("norm") else w for n, w in found.items()}
    return found


def _gpt2(tensors: dict[str, Weight]) -> dict[str, Weight]:
    """GPT-2 stores its matrices as (inputs, outputs), and queries, keys and values as one."""
    found: dict[str, Weight] = {}
    for name, weight in _renamed(tensors, GPT2).items():
        is_matrix = name.startswith("layers.") and len(weight.shape) == 2
        weight = weight.transposed() if is_matrix else weight
        if ".qkv" in name:
            found |= split(weight, *(name.replace("qkv", part) for part in "qkv"))
        else:
            found[name] = weight
    return found


def _renamed(tensors: dict[str, Weight], inner: dict[str, str]) -> dict[str, Weight]:
    """Tensors by their canonical names; those that have none by their own."""
    found: dict[str, Weight] = {}
    for name, weight in tensors.items():
        if CONSTANT.fullmatch(name):
            continue
        layer = LAYER.fullmatch(name)
        known = NAMES.get(name)
        if layer is not None and layer[2] in inner:
            known = f"layers.{layer[1]}.{inner[layer[2]]}{'.bias' if layer[3] == 'bias' else ''}"
        if known is not None and known in found:
            raise weight.file.refused(
                f"damaged: tensors {printable(found[known].name)!r} and {printable(name)!r} are one"
            )
        found[known or name] = weight
    return found
