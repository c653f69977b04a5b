"""`accel lm check` of small models of both families, down to the hardware."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import accel

SIZES: dict[str, dict[str, Any]] = {
    "Llama": {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
        "intermediate_size": 24, "vocab_size": 20, "max_position_embeddings": 8,
    },
    "GPT2": {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_inner": 24, "vocab_size": 20, "n_positions": 8},
}  # fmt: skip


@pytest.mark.parametrize("level", ["csim", "rtl"])
@pytest.mark.parametrize("family", SIZES)
def test_every_level_has_the_logits_of_torch(family: str, level: str, tmp_path: Path) -> None:
    import torch
    import transformers

    torch.manual_seed(0)
    head = "LMHeadModel" if family == "GPT2" else "ForCausalLM"
    config = getattr(transformers, f"{family}Config")(**SIZES[family])
    network = getattr(transformers, family + head)(config)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.3)
    network.save_pretrained(tmp_path)
    told = accel("lm", "check", tmp_path, "--levels", f"reference,{level}", "--tokens", 4, "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)[level]["mismatches"] == 0
