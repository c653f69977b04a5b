"""Checkpoints of language models against the packages that define their formats, and against networks that run them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import checkpoint_files as files
import gguf
import numpy as np
import pytest
import torch
from checkpoint_files import KINDS, Gguf

from accel import checkpoints
from accel.checkpoints import gguf as gguf_reader
from accel.checkpoints import gguf_tokenizer
from accel.checkpoints.configuration import FAMILIES, shapes
from accel.checkpoints.ggml import BLOCKS
from accel.checkpoints.huggingface_config import ConfigFile, llama3
from accel.checkpoints.mapped import MappedFile
from accel.checkpoints.weight import FLOATS
from models import gpt2, llama

#: transformers computes norms and angles in float32 whatever the weights are; logits are of the order of 1 here.
FLOAT32 = 1e-4
STORY = """\
Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, \
red ball. She wanted to play with it, but it was too high.
Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what to do. She said, "I want to play with \
your ball, but I can't find it."
Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
Lily didn't want to help her mom, so she said, "I'm sorry, mom. I didn't know what to do." Her mom said, "Don't worry, \
Lily. We can help you."""
"""Printed by llama2.c's run.c, compiled with gcc -O2, at temperature 0 and 256 steps."""


def network(checkpoint: checkpoints.Checkpoint, dtype: torch.dtype = torch.float64) -> Any:
    return (gpt2 if checkpoint.configuration.family == "gpt2" else llama).load(checkpoint, dtype)


def greedy(checkpoint: checkpoints.Checkpoint, prompt: str, tokens: int) -> str:
    """Text of a prompt and the likeliest tokens behind it."""
    model, tokenizer, memory = network(checkpoint, torch.float32), checkpoint.tokenizer(), llama.Memory()
    found = new = tokenizer.encode(prompt)
    for _ in range(tokens):
        new = [int(model(torch.tensor([new]), memory)[0, -1].argmax())]
        if new[0] in tokenizer.ends:
            break
        found = found + new
    return tokenizer.decode(found)


@torch.no_grad()
def test_stories_are_those_of_llama2c() -> None:
    checkpoint = checkpoints.load(files.stories())
    assert greedy(checkpoint, "", 256) == STORY
    assert checkpoint.configuration.parameters == 260_032
    assert STORY.startswith(greedy(checkpoint, "Once upon a time", 8))


# ---- Hugging Face


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_gives_the_logits_of_transformers(kind: str, tmp_path: Path) -> None:
    theirs = files.save(kind, tmp_path).double()
    identifiers = torch.randint(300, (2, 24), generator=torch.Generator().manual_seed(1))
    ours = network(checkpoints.load(tmp_path))(identifiers)
    wanted = theirs(identifiers).logits
    assert float(wanted.std()) > 0.1
    torch.testing.assert_close(ours, wanted, rtol=0, atol=FLOAT32 * float(wanted.abs().max()))


@pytest.mark.parametrize("kind", ["llama", "mistral", "smollm3", "gpt2"])
def test_tokens_one_by_one_give_the_logits_of_the_whole(kind: str, tmp_path: Path) -> None:
    files.save(kind, tmp_path)
    model, memory = network(checkpoints.load(tmp_path)), llama.Memory()
    identifiers = torch.randint(300, (1, 12), generator=torch.Generator().manual_seed(1))
    steps = [model(part, memory) for part in identifiers.split([5, 1, 1, 3, 2], dim=1)]
    torch.testing.assert_close(torch.cat(steps, dim=1), model(identifiers), rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_parts_and_types_give_the_stored_numbers(dtype: str, tmp_path: Path) -> None:
    model = files.float_network("llama").to(getattr(torch, dtype))
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    assert len([*tmp_path.glob("*.safetensors")]) > 2
    checkpoint = checkpoints.load(tmp_path)
    assert {weight.format for weight in checkpoint.weights.values()} == {{"f": "F", "b": "BF"}[dtype[0]] + dtype[-2:]}
    stored = model.state_dict()
    assert (
        checkpoint["layers.1.feedforward.down"].float32()
        == stored["model.layers.1.mlp.down_proj.weight"].float().numpy()
    ).all()
    assert [*checkpoint.weights] == [*shapes(checkpoint.configuration)]
    assert checkpoint.configuration.parameters == sum(p.numel() for p in model.parameters())


def test_factors_of_llama3_are_those_of_transformers() -> None:
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    config = files.float_network("llama3").config
    frequencies, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    found = np.array(llama3(ConfigFile(Path("config.json"), config.rope_parameters), 10000.0, 16))
    np.testing.assert_allclose(10000.0 ** (-np.arange(0, 16, 2) / 16) / found, frequencies.numpy(), rtol=1e-6)
    assert len({*found}) > 2


# ---- GGUF


@pytest.mark.parametrize("form", BLOCKS)
def test_integers_are_exactly_what_ggml_computes(form: str, tmp_path: Path) -> None:
    block = BLOCKS[form]
    rng = np.random.default_rng(3)
    raw = rng.integers(0, 256, (7, 5 * block.size), np.uint8)
    halves = rng.normal(size=(7, 5, 2)).astype(np.float16)
    halves[0, 0] = 6e-8, 0  # the smallest float16, and none
    halves[0, 1] = -0.0, 65504
    blocks = raw.reshape(7, 5, block.size)
    kind = gguf.GGMLQuantizationType[form]
    places = {"Q6_K": (208,), "TQ1_0": (52,), "TQ2_0": (64,)}.get(
        form, (0, 2) if "_1" in form or form[2:] == "_K" else (0,)
    )
    for i, place in enumerate(places):
        blocks[..., place : place + 2] = halves[..., i : i + 1].view(np.uint8)
    found = block.read(raw)
    assert (found.float32() == gguf.quants.dequantize(raw, kind)).all()
    assert found.q.min() >= block.lowest
    assert found.q.max() <= block.highest
    assert found.q.dtype.itemsize == 1
    assert found.shape == (7, 5 * block.block)
    assert (found.rows(2, 5).integers() == found.integers()[2:5]).all()
    assert np.abs(found.integers()).max() < 1 << 53
    assert (found.scale & 1).any() or (found.offset is not None and (found.offset & 1).any())


def test_a_matrix_of_zeros_has_no_exponent() -> None:
    found = BLOCKS["Q4_1"].read(np.zeros((2, 40), np.uint8))
    assert found.exponent == 0
    assert not found.float32().any()


def permuted(weight: np.ndarray, heads: int) -> np.ndarray:
    """Rows of queries or keys as llama.cpp's converter of Llama orders them: halves become neighbours."""
    rows = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, rows, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "model.layers": "blk",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip
GPT2_NAMES = {
    "transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm",
    "transformer.h": "blk", "ln_1": "attn_norm", "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
}  # fmt: skip


def converted(kind: str, model: Any, path: Path) -> Path:
    """A GGUF file of real numbers, as llama.cpp's converter would make it of a network of transformers."""
    config = model.config
    architecture = {"llama-tied-biased": "llama", "llama3": "llama", "mistral": "llama"}.get(kind, kind)
    file = Gguf(architecture, 0)
    file.tensors.clear()
    if architecture == "gpt2":
        file.values = dict(
            block_count=config.n_layer, context_length=config.n_positions, embedding_length=config.n_embd,
            feed_forward_length=4 * config.n_embd,
            **{"attention.head_count": config.n_head, "attention.layer_norm_epsilon": config.layer_norm_epsilon},
        )  # fmt: skip
    else:
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        file.values = dict(
            block_count=config.num_hidden_layers, context_length=64, embedding_length=config.hidden_size,
            feed_forward_length=config.intermediate_size,
            **{"attention.head_count": config.num_attention_heads, "attention.key_length": size},
            **{"attention.head_count_kv": config.num_key_value_heads, "attention.value_length": size},
            **{"attention.layer_norm_rms_epsilon": config.rms_norm_eps, "rope.dimension_count": size},
            **{"rope.freq_base": float(config.rope_parameters["rope_theta"])},
        )  # fmt: skip
    for name, values in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        array = values.float().numpy()
        for theirs, ours in (GPT2_NAMES if architecture == "gpt2" else NAMES).items():
            name = name.replace(theirs, ours)
        if architecture == "gpt2" and array.ndim == 2 and name.startswith("blk"):
            array = array.T
        if architecture in ("llama", "smollm3") and "attn_q." in name:
            array = permuted(array, config.num_attention_heads)
        if architecture in ("llama", "smollm3") and "attn_k." in name:
            array = permuted(array, config.num_key_value_heads)
        if architecture == "gemma" and "norm" in name:
            array = array + 1
        file.add(name, np.ascontiguousarray(array), "F32")
    if kind == "llama3":
        inner = ConfigFile(path, config.rope_parameters)
        file.add("rope_freqs.weight", np.array(llama3(inner, 10000.0, size)), "F32")
    if kind == "mistral":
        file.values["attention.sliding_window"] = config.sliding_window
    return file.write(path)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "linear"])
def test_a_gguf_file_gives_the_logits_of_transformers(kind: str, tmp_path: Path) -> None:
    """The rows of queries and keys of Llama are in another order there, and its rotary layout says so."""
    theirs = files.float_network(kind)
    checkpoint = checkpoints.load(converted(kind, theirs, tmp_path / "m.gguf"))
    identifiers = torch.randint(300, (2, 24), generator=torch.Generator().manual_seed(1))
    wanted = theirs.double()(identifiers).logits
    ours = network(checkpoint)(identifiers)
    torch.testing.assert_close(ours, wanted, rtol=0, atol=FLOAT32 * float(wanted.abs().max()))
    if checkpoint.configuration.rope is not None:
        permutes = checkpoint.configuration.family in ("llama", "smollm3")
        assert checkpoint.configuration.rope.layout == ("neighbours" if permutes else "halves")


def test_a_quantized_file_keeps_its_integers(tmp_path: Path) -> None:
    file = Gguf()
    path = file.write(tmp_path / "m.gguf")
    checkpoint = checkpoints.load(path)
    theirs = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    for ours, name in (("layers.1.attention.q", "blk.1.attn_q.weight"), ("embedding", "token_embd.weight")):
        tensor = theirs[name]
        assert (checkpoint[ours].float32() == gguf.quants.dequantize(tensor.data, tensor.tensor_type)).all()
    found = checkpoint["layers.0.feedforward.down"].integers()
    assert (found.q.min(), found.q.max(), found.group) == (0, 15, 32)
    assert found.scale.shape == found.offset.shape == (64, 3)
    exact = (found.scale[..., None] * found.q.reshape(64, 3, 32) + found.offset[..., None]).reshape(64, 96)
    assert (found.integers() == exact).all()
    assert checkpoint.configuration.tied
    assert network(checkpoint)(torch.tensor([[1, 2, 3]])).shape == (1, 3, 300)


# ---- SmolLM2


def test_smollm2_opens_without_reading_its_weights() -> None:
    checkpoint = checkpoints.load(files.smollm())
    c = checkpoint.configuration
    assert (c.layers, c.width, c.heads, c.kv_heads, c.head_size, c.hidden) == (30, 576, 9, 3, 64, 1536)
    assert (c.vocabulary, c.context, c.eps, c.tied, c.parameters) == (49152, 8192, 1e-5, True, 134_515_008)
    assert c.rope == checkpoints.RotaryPositions(100000.0, 64, "neighbours")
    found = checkpoint["layers.11.feedforward.down"].integers()
    assert (found.q.shape, found.group, found.highest) == ((576, 1536), 32, 15)
    assert checkpoint.head.format == "Q8_0"


@torch.no_grad()
@pytest.mark.parametrize(("cuts", "nats"), [("smollm", 2.7438), ("gpt-2", 2.7495)])
def test_smollm2_predicts_text_as_well_as_measured(cuts: str, nats: float) -> None:
    """Nats per token of six windows of 768 tokens of Python's own help, in float32.

    The second was measured with an independent reader and network, on tokens of transformers' conversion of the file,
    which cuts a text as GPT-2 does; the file's own name for the cuts is smollm, which sets digits apart.
    """
    from pydoc_data.topics import topics

    checkpoint = checkpoints.load(files.smollm())
    contents = gguf_reader.read(MappedFile(files.smollm()))
    contents = replace(contents, values={**contents.values, "tokenizer.ggml.pre": cuts})
    model, tokenizer = network(checkpoint, torch.float32), gguf_tokenizer.tokenizer(contents, 49152)
    identifiers = tokenizer.encode("\n\n".join(topics[name] for name in sorted(topics)))
    total = 0.0
    for start in (2000, 14000, 26000, 38000, 50000, 62000):
        window = torch.tensor([identifiers[start : start + 768]])
        total += float(torch.nn.functional.cross_entropy(model(window)[0, :-1], window[0, 1:], reduction="sum"))
    assert total / 4602 == pytest.approx(nats, abs=1e-3)


def test_the_page_of_language_models_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its programs, one after the other, in a folder with the file that they name."""
    page = (files.ROOT / "docs" / "language-models.md").read_text(encoding="utf-8")
    (tmp_path / "model.gguf").symlink_to(files.smollm())
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for program in re.findall(r"^```py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        exec(compile(program, "page", "exec"), names)
    assert "Paris" in capsys.readouterr().out
    assert names["found"].offset is not None


def test_the_page_lists_what_is_read() -> None:
    """Each format and family once, in the rows that are about them."""
    page = (files.ROOT / "docs" / "language-models.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\w+) \| (.*) \|$", page, re.MULTILINE))
    assert sorted(re.findall(r"\b[A-Z]+\d[\w]*", rows["numbers"])) == sorted((*FLOATS, *BLOCKS))
    families = re.sub(r"\(.*?\)|[ -]", "", rows["families"].lower().replace(" and ", ","))
    named = {family for name in families.split(",") for family in FAMILIES if family.startswith(name) or name in family}
    assert named == {*FAMILIES}
