"""Data parallelism: replicas see different rows of a batch and average their gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import distributed, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from models.parallel.layout import Parallel
from models.parallel.pipeline import ModelPart


def replicate(stage: ModelPart, layout: Parallel, mesh: DeviceMesh) -> nn.Module:
    """Wrap `stage` for data parallelism and return what to call instead; `mesh` is the data dimension."""
    if layout.fully_sharded:
        return _shard(stage, mesh, reshard=layout.pipeline == 1)
    if layout.data > 1:
        # Buffers are tables, which follow the scales: they are equal wherever the scales are.
        return DistributedDataParallel(stage, process_group=mesh.get_group(), forward_sync_buffers=False)
    return stage


def _shard(stage: ModelPart, mesh: DeviceMesh, reshard: bool) -> ModelPart:
    """FSDP2, a block at a time. It takes no scalars: scales stay whole, and `reduce` averages their gradients.

    A pipeline's stage keeps the gathered weights until its last microbatch (`reshard` false).
    """
    scalars = {p for p in stage.parameters() if p.ndim == 0}
    for block in dict.fromkeys(stage.blocks):
        fully_shard(block, mesh=mesh, ignored_params=scalars, reshard_after_forward=reshard)
    fully_shard(stage, mesh=mesh, ignored_params=scalars, reshard_after_forward=reshard)
    return stage


def reduce(parameters: Sequence[nn.Parameter], mesh: DeviceMesh, mean: bool) -> None:
    """Sum or average the gradients of scalar parameters over a dimension of the mesh, in one message."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients or mesh.size() == 1:
        return
    message = torch.stack(gradients)
    distributed.all_reduce(message, group=mesh.get_group())
    for gradient, total in zip(gradients, message / mesh.size() if mean else message, strict=True):
        gradient.copy_(total)
