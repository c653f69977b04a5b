"""Random language models of the family of GPT-2, small ones."""

from __future__ import annotations

import llamas
import numpy as np

from accel.checkpoints import Configuration


def drawn(seed: int) -> tuple[Configuration, llamas.Weights, int]:
    """A configuration, weights, and a number of tokens, the same in every process."""
    rng = np.random.default_rng([seed, 2])
    found = configuration(rng)
    return found, llamas.weights(found, rng), int(rng.integers(4, 13))


def configuration(rng: np.random.Generator) -> Configuration:
    """A GPT-2 of up to 128 channels."""
    heads, head = int(rng.choice([1, 2, 4])), int(rng.choice([8, 16, 32]))
    return Configuration(
        "gpt2", layers=int(rng.integers(1, 4)), width=heads * head, heads=heads, kv_heads=heads, head_size=head,
        hidden=int(rng.choice([1, 2, 4])) * heads * head, vocabulary=int(rng.integers(5, 60)), context=64, eps=1e-5,
        rope=None, tied=rng.random() < 0.8, norm="layer", activation=str(rng.choice(["gelu_tanh", "gelu", "relu"])),
        gated=False, qkv_bias=True, out_bias=True, mlp_bias=True,
    )  # fmt: skip
