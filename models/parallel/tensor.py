"""Tensor parallelism: each process has some of the heads and some of the hidden channels of every block.

Query, key, value and up are divided by output (column-parallel), out and down by input (row-parallel), so that a block
communicates twice forward and twice backward. Weights are DTensors; every process quantizes and uses its part of them.
Hooks do what the parts have in common: the scale of a divided matrix is that of the whole one, activations are summed
where the divided region ends, gradients where it begins.
"""

from __future__ import annotations

from dataclasses import replace

import brevitas.nn as qnn
import torch
from brevitas.core.stats.stats_wrapper import _Stats
from brevitas.quant_tensor import IntQuantTensor
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Placement, Replicate, Shard, distribute_tensor

from models.layers import Attention, Block

COLUMN = ("attention.query", "attention.key", "attention.value", "feed_forward.up")
ROW = ("attention.out", "feed_forward.down")
REGIONS = ("attention", "feed_forward")


def divide(block: Block, mesh: DeviceMesh) -> None:
    """Keep this process' part of a block; `mesh` is the tensor dimension."""
    for name in COLUMN:
        _distribute(block.get_submodule(name), mesh, weight=Shard(0), bias=Shard(0))
    for name in ROW:
        _distribute(block.get_submodule(name), mesh, weight=Shard(1), bias=Replicate())
        _leave(block.get_submodule(name), mesh)
    for name in REGIONS:
        _enter(block.get_submodule(name), mesh)
    _keep_heads(block.attention, mesh.size())


def partial_scales(block: Block) -> list[nn.Parameter]:
    """Activation scales inside the divided regions: each process sees the gradient of its own channels only."""
    regions = (block.get_submodule(name) for name in REGIONS)
    return [p for region in regions for p in region.parameters() if not isinstance(p, DTensor)]


def _keep_heads(attention: Attention, parts: int) -> None:
    config = attention.config
    attention.config = replace(
        config, heads=config.heads // parts, kv_heads=config.kv_heads // parts, head_size=config.head_channels
    )


def _enter(region: nn.Module, mesh: DeviceMesh) -> None:
    """The input of a region is the same everywhere; its gradient is the sum of the processes' gradients."""

    def enter(_: nn.Module, inputs: tuple[IntQuantTensor]) -> tuple[IntQuantTensor]:
        (x,) = inputs
        return (x._replace(value=_copied(x.value, mesh), scale=_copied(x.scale, mesh)),)

    region.register_forward_pre_hook(enter)


def _leave(dense: qnn.QuantLinear, mesh: DeviceMesh) -> None:
    """The output of a row-parallel layer is the sum of the processes' outputs, with the bias once."""
    once = float(mesh.get_local_rank() == 0)

    def add_once(_: nn.Module, inputs: object, bias: IntQuantTensor) -> IntQuantTensor:
        return bias._replace(value=bias.value * once)

    def leave(_: nn.Module, inputs: object, y: torch.Tensor) -> torch.Tensor:
        return (
            DTensor.from_local(y, mesh, [Partial()], run_check=False).redistribute(placements=[Replicate()]).to_local()
        )

    dense.bias_quant.register_forward_hook(add_once)
    dense.register_forward_hook(leave)


def _distribute(dense: qnn.QuantLinear, mesh: DeviceMesh, weight: Placement, bias: Placement) -> None:
    """Replace weight and bias by DTensors, of which every process quantizes its part.

    They are written past `register_parameter`, which would make Brevitas set up the quantizers anew, and quantized past
    its `quant_weight`, whose slice of the whole weight would gather the gradient.
    """
    for name, placement in (("weight", weight), ("bias", bias)):
        if dense._parameters[name] is None:
            continue
        whole = dense._parameters[name].detach()
        dense._parameters[name] = nn.Parameter(distribute_tensor(whole, mesh, [placement]))

    def quant_weight(_: object = None) -> IntQuantTensor:
        return dense.weight_quant(_local(dense.weight))

    def local_bias(_: nn.Module, inputs: tuple[DTensor, ...]) -> tuple[torch.Tensor, ...]:
        whole, *others = inputs
        return (_local(whole), *others)

    dense.quant_weight = quant_weight
    dense.bias_quant.register_forward_pre_hook(local_bias)
    _share_statistics(dense.weight_quant, mesh, weight)


def _share_statistics(quantizer: nn.Module, mesh: DeviceMesh, placement: Placement) -> None:
    """Make the statistics from which a weight's scales follow those of the whole matrix."""

    def whole(_: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        (x,) = inputs  # (weights,) for one scale, (outputs, inputs) for one per output
        return (DTensor.from_local(x, mesh, [placement if x.ndim > 1 else Shard(0)], run_check=False),)

    def part(_: nn.Module, inputs: object, statistics: DTensor) -> torch.Tensor:
        if any(p.is_shard() for p in statistics.placements):
            return statistics.to_local()
        return _copied(statistics.full_tensor(), mesh)

    for module in quantizer.modules():
        if isinstance(module, _Stats):  # binary weights have none: their scale is a constant
            module.register_forward_pre_hook(whole)
            module.register_forward_hook(part)


def _local(x: DTensor) -> torch.Tensor:
    """This process' part; the gradient of what all have is the sum of their gradients."""
    kept = x.redistribute(placements=x.placements)  # its gradient is brought back to these placements
    return kept.to_local(grad_placements=[p if p.is_shard() else Partial() for p in x.placements])


def _copied(x: torch.Tensor, mesh: DeviceMesh) -> torch.Tensor:
    """A tensor that all processes share: unchanged forward, gradients summed over the processes backward."""
    return _local(DTensor.from_local(x, mesh, [Replicate()], run_check=False))
