"""Small GPT-2s that learned real text, in folders of Hugging Face: no package brings one with its weights."""

from __future__ import annotations

from pathlib import Path
from pydoc_data import topics

import tokenizers
import torch

CONTEXT, BATCH, RATE = 64, 32, 3e-3


def text() -> tuple[str, str]:
    """Python's help topics: what is learned, and the last tenth, which is not."""
    whole = "\n".join(topics.topics[name] for name in sorted(topics.topics))
    cut = len(whole) * 9 // 10
    return whole[:cut], whole[cut:]


def save(folder: Path, width: int = 64, layers: int = 4, steps: int = 600, seed: int = 0) -> float:
    """Train a GPT-2 with 4 heads on bytes, write it and its tokenizer, and return the last loss in nats per byte."""
    import transformers

    torch.manual_seed(seed)
    config = transformers.GPT2Config(
        n_embd=width, n_layer=layers, n_head=4, vocab_size=256, n_positions=CONTEXT, resid_pdrop=0, embd_pdrop=0,
        attn_pdrop=0, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    network, tokenizer = transformers.GPT2LMHeadModel(config), _bytes()
    ids = torch.tensor(tokenizer.encode(text()[0]).ids)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    for _ in range(steps):
        places = torch.randint(len(ids) - CONTEXT, (BATCH, 1)) + torch.arange(CONTEXT)
        loss = network(ids[places], labels=ids[places]).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return float(loss.detach())


def _bytes() -> tokenizers.Tokenizer:
    """A byte-level BPE without merges."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    found = tokenizers.Tokenizer(tokenizers.models.BPE({piece: i for i, piece in enumerate(alphabet)}, []))
    found.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = tokenizers.decoders.ByteLevel()
    return found
