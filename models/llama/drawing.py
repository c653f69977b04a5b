"""Text that a network draws itself: what weights are fitted to, so that nothing but the checkpoint is needed."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.llama.network import Memory


def drawn(network: nn.Module, begin: int, windows: int, tokens: int, seed: int) -> Tensor:
    """Identifiers (windows, tokens), each window from `begin` on, every token with the network's own probability."""
    dice = torch.Generator().manual_seed(seed)
    x = torch.full((windows, 1), begin)
    memory, new = Memory(), x
    with torch.inference_mode():
        while x.shape[1] < tokens:
            new = torch.multinomial(network(new, memory)[:, -1].softmax(-1), 1, generator=dice)
            x = torch.cat((x, new), dim=1)
    return x.clone()
