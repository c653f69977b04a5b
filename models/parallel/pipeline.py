"""Pipeline parallelism: consecutive blocks make a stage, and microbatches follow each other through the stages."""

from __future__ import annotations

from collections.abc import Callable

import torch
from brevitas.quant_tensor import IntQuantTensor
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.pipelining import PipelineStage, Schedule1F1B, ScheduleGPipe
from torch.distributed.pipelining.schedules import PipelineScheduleSingle

from accel.qat import quantized
from models.config import EncoderConfig
from models.encoder import Encoder, blank
from models.layers import STREAM_BITS, Block
from models.parallel.layout import Parallel

OutputLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Of logits and targets: the mean over the samples."""
_SCHEDULES = {"1f1b": Schedule1F1B, "gpipe": ScheduleGPipe}


class ModelPart(nn.Module):
    """Stage `index` of `count`: its part of a model's modules, under the names that they have in the whole.

    The residual stream crosses as its real values and their scale, so that gradients of both flow back.
    """

    def __init__(self, model: Encoder, index: int, count: int) -> None:
        super().__init__()
        self.is_first, self.is_last = index == 0, index == count - 1
        self.config: EncoderConfig = model.config
        self.model = model
        layers = len(model.blocks)
        own = range(index * layers // count, (index + 1) * layers // count)
        for name in list(model._modules) + list(model._parameters):
            if name != "blocks" and not (self.is_last if name in model.END else self.is_first):
                delattr(model, name)
        model.blocks = nn.ModuleDict({str(i): model.blocks[i] for i in own})  # type: ignore[assignment]

    @property
    def blocks(self) -> list[Block]:
        """Blocks of this stage, in order; with shared weights one block occurs several times."""
        return list(self.model.blocks.values())  # type: ignore[operator]

    def forward(self, x: torch.Tensor, scale: torch.Tensor | None = None) -> object:
        """The first stage takes samples, the last one gives logits; between them: values and their scale."""
        y = self.model.begin(x) if scale is None else _stream(x, scale, self.training)
        for block in self.blocks:
            y = block(y)
        if self.is_last:
            return self.model.end(y)
        assert isinstance(y, IntQuantTensor)
        return y.value, y.scale


def schedule(
    stage: ModelPart,
    layout: Parallel,
    mesh: DeviceMesh,
    rows: int,
    device: torch.device,
    dtype: torch.dtype,
    loss: OutputLoss,
) -> PipelineScheduleSingle:
    """torch's schedule of this process' stage; `rows` is the size of a microbatch, `mesh` the pipeline dimension."""
    config = stage.config

    def empty(*shape: int) -> torch.Tensor:
        return torch.empty(shape, dtype=dtype, device=device, requires_grad=True)

    stream = (empty(rows, config.tokens, config.channels), empty())
    logits = (rows, config.tokens, config.classes) if config.vocabulary else (rows, config.classes)
    made = PipelineStage(
        stage,
        mesh.get_local_rank(),
        layout.pipeline,
        device,
        input_args=blank(config, rows, dtype, device) if stage.is_first else stream,
        output_args=empty(*logits) if stage.is_last else stream,
        group=mesh.get_group(),
    )
    return _SCHEDULES[layout.schedule](made, n_microbatches=layout.chunks, loss_fn=loss)


def _stream(values: torch.Tensor, scale: torch.Tensor, training: bool) -> IntQuantTensor:
    return quantized(values, 1.0, STREAM_BITS, True, training)._replace(scale=scale)
