"""Pruning: weights that become zero during training, and heads, neurons and layers that are removed."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import nn

from accel.errors import UserError
from models.config import EncoderConfig
from models.encoder import Encoder
from models.layers import Attention, FeedForward
from models.recipe import Pruning


class Masks:
    """Keeps weights at zero during training; while it ramps up, the smallest ones are chosen anew after every step.

    The share of zeros follows s·(1 − (1 − t)³) (Zhu, Gupta 2017). Zeros are symmetric quantizers' zeros, so that they
    are the integers' too. Nothing is stored but the weights: what is zero stays zero. A layer whose inputs are no whole
    groups, as patches of 49 pixels, keeps all of its weights.
    """

    def __init__(self, model: Encoder, pruning: Pruning) -> None:
        self.pruning = pruning
        dense = {name: m.weight for name, m in model.named_modules() if isinstance(m, nn.Linear)}
        self.weights = {name: weight for name, weight in dense.items() if weight.shape[1] % (pruning.group or 1) == 0}
        self.kept: list[torch.Tensor] = []
        self.ramping = bool(pruning.ramp)
        if model.config.weight_bits == 1:
            raise UserError("binary weights have no zero: prune weights of 2 or more bits")
        if not self.weights:
            raise UserError(f"no layer has whole groups of {pruning.group} inputs: choose another Pruning.group")
        for weight in self.weights.values():
            if not pruning.ramp:
                weight.data.mul_(self._choose(weight.data, 1.0))

    def before(self, done: float) -> None:
        self.ramping = done < self.pruning.ramp
        self.kept = [weight != 0 for weight in self.weights.values()]

    @torch.no_grad()
    def after(self, done: float) -> None:
        for kept, weight in zip(self.kept, self.weights.values(), strict=True):
            weight.mul_(self._choose(weight, min(1.0, done / self.pruning.ramp)) if self.ramping else kept)

    def _choose(self, weight: torch.Tensor, ramped: float) -> torch.Tensor:
        """True for the weights that stay when that much of the ramp is over."""
        size = weight.abs()
        if self.pruning.group:
            return n_of_m(size, self.pruning.kept, self.pruning.group)
        count = round(self.pruning.weights * (1 - (1 - ramped) ** 3) * size.numel())
        mask = torch.ones(size.numel(), dtype=torch.bool, device=size.device)
        mask[size.flatten().argsort(dim=0, stable=True)[:count]] = False
        return mask.reshape(size.shape)


def n_of_m(size: torch.Tensor, kept: int, group: int) -> torch.Tensor:
    """True for the `kept` largest of every `group` following elements of a row, the first where they are equal."""
    groups = size.unflatten(1, (-1, group))
    order = groups.argsort(dim=-1, descending=True, stable=True)[..., :kept]
    return torch.zeros_like(groups, dtype=torch.bool).scatter_(-1, order, True).flatten(1)


def shrunk(network: Encoder, pruning: Pruning) -> Encoder:
    """A smaller float network without the least important neurons and heads of every layer, and the last layers.

    Importance is the L2 norm of all weights that a neuron or head reads and writes (torch-pruning's group norm).
    """
    config = network.config
    heads, hidden = (_left(n, share) for n, share in ((config.heads, pruning.heads), (config.hidden, pruning.neurons)))
    layers = config.layers - pruning.layers
    if layers < 1:
        raise UserError(f"Pruning.layers takes {pruning.layers} of {config.layers} layers: leave one")
    if config.kv_heads or config.shared or config.rank:
        raise UserError("networks with shared keys, shared layers or low rank are not shrunk further")
    small = Encoder(replace(config, heads=heads, head_size=config.head_channels, hidden=hidden, layers=layers))
    parts = copy.deepcopy(network)
    del parts.blocks[layers:]
    for block in parts.layers:
        _take_neurons(block.feed_forward, hidden)
        _take_heads(block.attention, config, heads)
    small.load_state_dict(parts.state_dict())
    return small


def _left(count: int, share: float) -> int:
    return max(1, count - round(count * share))


def _take_neurons(layer: FeedForward, left: int) -> None:
    from torch_pruning import prune_linear_in_channels, prune_linear_out_channels

    importance = _squares(layer.up, 1) + _squares(layer.down, 0)
    gone = importance.argsort()[: len(importance) - left].tolist()
    prune_linear_out_channels(layer.up, gone)
    prune_linear_in_channels(layer.down, gone)


def _take_heads(layer: Attention, config: EncoderConfig, left: int) -> None:
    from torch_pruning import prune_linear_in_channels, prune_linear_out_channels

    readers = (layer.query, layer.key, layer.value)
    size = torch.stack([*(_squares(reader, 1) for reader in readers), _squares(layer.out, 0)]).sum(0)
    importance = size.reshape(config.heads, -1).sum(1)
    rows = torch.arange(config.query_channels).reshape(config.heads, -1)
    gone = rows[importance.argsort()[: config.heads - left]].flatten().tolist()
    for reader in readers:
        prune_linear_out_channels(reader, gone)
    prune_linear_in_channels(layer.out, gone)


def _squares(layer: nn.Module, axis: int) -> torch.Tensor:
    """Sum of squares of a Dense's weights, per row (axis 1) or column (axis 0)."""
    return layer.get_parameter("weight").square().sum(axis)
