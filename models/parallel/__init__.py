"""Quantization-aware training on many processes: data (DDP, FSDP2), tensor and pipeline parallelism, and their hybrids.

with processes.group() as device:                            # torchrun's, or this process alone
    trainer = Trainer(model, Parallel(data=2, tensor=2), recipe, steps, device)
    loss = trainer.step(x, y)                                # of the whole batch, on every rank
    checkpoint.save(trainer, "checkpoints", {})

A step computes what one process would: the mean loss over the whole batch, gradients clipped by their global norm.
"""

from models.parallel.layout import Parallel
from models.parallel.trainer import Trainer

__all__ = ["Parallel", "Trainer"]
