"""Small random models of deployed architectures, from torch.onnx through `accel quantize` to the integer graph.

Every model is what transformers or torch builds from its own configuration class, with few channels and layers and
random weights. A row says whether the file imports, the largest deviation of any operator in steps of its output, and
for three of them whether their SystemVerilog gives the same integers in the cycles that were predicted.

    python benchmarks/architectures.py [NAME …]      # all of them, or some, into benchmarks/results/imports.json
    python benchmarks/architectures.py --keep FOLDER # keeps the quantized files there
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import import_results
import numpy as np
import torch
import transformers
from torch import nn

from accel.errors import UserError
from accel.graph import Graph
from accel.verbs.lower import lower
from accel.verbs.quantize import quantize
from accel.verbs.simulate import simulate

KEY = "transformers"
SAMPLES, WORDS, CHANNELS, HEADS, TOKENS = 16, 64, 32, 4, 8
Built = tuple[nn.Module, dict[str, np.ndarray]]
_COMMON = {
    "hidden_size": CHANNELS, "num_hidden_layers": 2, "num_attention_heads": HEADS, "intermediate_size": 2 * CHANNELS,
}  # fmt: skip
_IMAGES = {"image_size": 16, "patch_size": 4, "num_channels": 3}
_DECODER = {
    **_COMMON, "num_key_value_heads": 2, "vocab_size": WORDS, "max_position_embeddings": TOKENS, "use_cache": False,
}  # fmt: skip


def _real(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(SAMPLES, *shape)).astype(np.float32)


def _words() -> dict[str, np.ndarray]:
    words = np.random.default_rng(0).integers(5, WORDS, (SAMPLES, TOKENS))
    return {"input_ids": words, "attention_mask": np.ones_like(words)}


class Attention(nn.Module):
    """One block of `scaled_dot_product_attention` with a residual path."""

    def __init__(self, causal: bool) -> None:
        super().__init__()
        self.inputs, self.output = nn.Linear(CHANNELS, 3 * CHANNELS), nn.Linear(CHANNELS, CHANNELS)
        self.causal = causal

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        heads = self.inputs(x).reshape(len(x), TOKENS, 3, HEADS, CHANNELS // HEADS).permute(2, 0, 3, 1, 4)
        attended = nn.functional.scaled_dot_product_attention(*heads, is_causal=self.causal)
        return x + self.output(attended.transpose(1, 2).reshape(len(x), TOKENS, CHANNELS))


class SelfAttention(nn.Module):
    """torch's MultiheadAttention with keys and values of its own input."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(CHANNELS, HEADS, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


def _torch(module: Callable[[], nn.Module], name: str = "x") -> Callable[[], Built]:
    return lambda: (module(), {name: _real(TOKENS, CHANNELS)})


def _encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(CHANNELS, HEADS, 2 * CHANNELS, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


def _model(name: str, data: Callable[[], dict[str, np.ndarray]], **options: Any) -> Callable[[], Built]:
    """transformers' `<name>Config` and the class of the model that a task would use."""

    def build() -> Built:
        config, network = (getattr(transformers, part) for part in name.split(":"))
        return network(config(**options)), data()

    return build


def _whisper() -> Built:
    config = transformers.WhisperConfig(
        d_model=CHANNELS, num_mel_bins=8, encoder_layers=2, encoder_attention_heads=HEADS,
        encoder_ffn_dim=2 * CHANNELS, decoder_layers=1, decoder_attention_heads=HEADS, max_source_positions=16,
        vocab_size=WORDS, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
    )  # fmt: skip
    return transformers.WhisperModel(config).get_encoder(), {"input_features": _real(8, 32)}


def _places() -> dict[str, np.ndarray]:
    """RoBERTa counts its positions from the words unless they are given."""
    return {**_words(), "position_ids": np.tile(np.arange(2, TOKENS + 2), (SAMPLES, 1))}


def _image() -> dict[str, np.ndarray]:
    return {"pixel_values": _real(3, 16, 16)}


MODELS: dict[str, Callable[[], Built]] = {
    "SDPA": _torch(lambda: Attention(False)),
    "MultiheadAttention": _torch(SelfAttention),
    "TransformerEncoder": _torch(_encoder, "src"),
    "causal SDPA": _torch(lambda: Attention(True)),
    "BERT": _model("BertConfig:BertForSequenceClassification", _words, **_COMMON, vocab_size=WORDS,
                   max_position_embeddings=TOKENS),
    "DistilBERT": _model("DistilBertConfig:DistilBertForSequenceClassification", _words, dim=CHANNELS, n_layers=2,
                         n_heads=HEADS, hidden_dim=2 * CHANNELS, vocab_size=WORDS, max_position_embeddings=TOKENS),
    "RoBERTa": _model("RobertaConfig:RobertaForSequenceClassification", _places, **_COMMON, vocab_size=WORDS,
                      max_position_embeddings=TOKENS + 2),
    "ModernBERT": _model("ModernBertConfig:ModernBertForSequenceClassification", _words, **_COMMON, vocab_size=WORDS,
                         max_position_embeddings=TOKENS, pad_token_id=0, cls_token_id=1, sep_token_id=2,
                         bos_token_id=1, eos_token_id=2),
    "GPT-2": _model("GPT2Config:GPT2LMHeadModel", _words, n_embd=CHANNELS, n_layer=2, n_head=HEADS, vocab_size=WORDS,
                    n_positions=TOKENS, use_cache=False, bos_token_id=1, eos_token_id=2),
    "llama": _model("LlamaConfig:LlamaForCausalLM", _words, **_DECODER),
    "qwen2": _model("Qwen2Config:Qwen2ForCausalLM", _words, **_DECODER),
    "CLIP text": _model("CLIPTextConfig:CLIPTextModel", _words, **_COMMON, vocab_size=WORDS,
                        max_position_embeddings=TOKENS, bos_token_id=1, eos_token_id=2, pad_token_id=0),
    "T5 encoder": _model("T5Config:T5EncoderModel", _words, d_model=CHANNELS, d_kv=CHANNELS // HEADS,
                         d_ff=2 * CHANNELS, num_layers=2, num_heads=HEADS, vocab_size=WORDS),
    "ViT": _model("ViTConfig:ViTForImageClassification", _image, **_COMMON, **_IMAGES),
    "DeiT": _model("DeiTConfig:DeiTForImageClassification", _image, **_COMMON, **_IMAGES),
    "SigLIP": _model("SiglipVisionConfig:SiglipVisionModel", _image, **_COMMON, **_IMAGES),
    "Swin": _model("SwinConfig:SwinForImageClassification", lambda: {"pixel_values": _real(3, 32, 32)},
                   image_size=32, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4),
    "MobileViT": _model("MobileViTConfig:MobileViTForImageClassification",
                        lambda: {"pixel_values": _real(3, 64, 64)}, image_size=64, hidden_sizes=[16, 24, 32],
                        neck_hidden_sizes=[8, 8, 16, 16, 24, 32, 64], num_attention_heads=HEADS,
                        initializer_range=0.6),  # its default leaves nothing of the numbers behind ten convolutions
    "PatchTST": _model("PatchTSTConfig:PatchTSTForPrediction", lambda: {"past_values": _real(32, 2)},
                       num_input_channels=2, context_length=32, patch_length=4, patch_stride=4, d_model=CHANNELS,
                       num_hidden_layers=2, num_attention_heads=HEADS, ffn_dim=2 * CHANNELS, prediction_length=8),
    "Whisper": _whisper,
    "wav2vec2": _model("Wav2Vec2Config:Wav2Vec2ForCTC", lambda: {"input_values": _real(640)}, **_COMMON,
                       conv_dim=[16, 16, 16], conv_stride=[5, 4, 2], conv_kernel=[10, 8, 4], vocab_size=WORDS,
                       num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2),
}  # fmt: skip
"""Name → the module, random, and samples for its inputs."""

IN_RTL = ("BERT", "ViT", "GPT-2")


def build(name: str) -> Built:
    """A model in eval mode, always with the same weights."""
    torch.manual_seed(0)
    module, data = MODELS[name]()
    return module.eval(), data


def row(name: str, folder: Path) -> dict[str, Any]:
    """One model through the path of `accel quantize`; its file stays in `folder`."""
    module, data = build(name)
    found: dict[str, Any] = {"model": name, "accuracy_or_lsb": None, "imported": False, "reason": None, "rtl": None}
    try:
        done = quantize(module, data, folder / f"{name.replace(' ', '_')}.onnx")
    except UserError as error:
        return found | {"reason": str(error)}
    worst = max(deviation.max_lsb for deviation in done.deviations)
    measured = {"accuracy_or_lsb": worst, "imported": True, "cosine": round(done.cosine, 4)}
    return found | measured | ({"rtl": rtl(done.graph)} if name in IN_RTL else {})


def rtl(graph: Graph) -> dict[str, Any]:
    """A design of the cheapest folds, simulated on two samples: differences, and cycles as predicted and measured."""
    with tempfile.TemporaryDirectory() as folder:
        lower(graph, "rtl", Path(folder) / "rtl")
        done = simulate(Path(folder) / "rtl", samples=2)
    assert done.design
    assert done.simulation
    return {
        "mismatches": done.outcome.mismatches,
        "predicted": done.design.predicted.latency,
        "measured": done.simulation.latency,
    }


def main() -> None:
    """Measure the models that are named on the command line, or all; rows of others stay as they are."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args()
    rows = {found["model"]: found for found in import_results.known(KEY, [])}
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name in chosen.names or MODELS:
            rows[name] = row(name, folder)
            print(json.dumps(rows[name]), flush=True)
    import_results.record(KEY, [rows[name] for name in MODELS if name in rows])


if __name__ == "__main__":
    main()
