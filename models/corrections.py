"""Post-training corrections of a calibrated network: roundings that compensate each other, and bias correction.

Nothing is left behind but other weights and biases, so that the network is exact as before.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import brevitas.nn as qnn
import torch
from torch import nn

from models.encoder import Encoder
from models.layers import LowRank

BATCH = 64


def equalize(model: Encoder) -> None:
    """Cross-layer equalisation (Nagel et al. 2019), in place, before calibration; the real function stays the same.

    A channel between two matrices is divided by s where it is written and multiplied by s where it is read, so that
    its largest weights on both sides are equal. That needs a function between them that s passes through: attention
    does for values, a ReLU does, and a low-rank product has none.
    """
    with torch.no_grad():
        for block in dict.fromkeys(model.layers):
            attention, feed_forward = block.attention, block.feed_forward
            if not model.config.kv_heads:
                _equalize(attention.value, attention.out)
            ends = feed_forward.up, feed_forward.down
            if model.config.activation == "relu":
                writer, reader = (_matrices(end) for end in ends)
                _equalize(writer[-1], reader[0])
            for end in ends:
                if isinstance(end, LowRank):
                    _equalize(end.first, end.second)


def _matrices(end: nn.Module) -> tuple[nn.Module, ...]:
    return (end.first, end.second) if isinstance(end, LowRank) else (end,)


def _equalize(writer: nn.Module, reader: nn.Module) -> None:
    written, read = writer.get_parameter("weight"), reader.get_parameter("weight")
    rows, columns = written.abs().amax(1), read.abs().amax(0)
    factor = torch.where((rows > 0) & (columns > 0), (rows / columns).sqrt(), torch.ones_like(rows))
    written.div_(factor[:, None])
    if writer.bias is not None:
        writer.get_parameter("bias").div_(factor)
    read.mul_(factor)


def correct(model: Encoder, samples: torch.Tensor, corrections: Iterable[str]) -> None:
    """GPTQ or GPFQ, then bias correction, where `corrections` name them; in place, on a calibrated network."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about an optional package for GPUs
        from brevitas.graph.gpfq import gpfq_mode
        from brevitas.graph.gptq import gptq_mode

    batches, wanted = samples.split(BATCH), set(corrections)
    with torch.no_grad():
        for name, mode in (("gptq", gptq_mode), ("gpfq", gpfq_mode)):
            if name in wanted:
                _choose_roundings(model, batches, mode)
        if "bias" in wanted and model.config.biases:
            _correct_biases(model, batches)
        for layer in _denses(model):
            layer._buffers.pop("weight_orig", None)  # what the two above compare with


def _choose_roundings(model: Encoder, batches: tuple[torch.Tensor, ...], mode: Any) -> None:
    """Dense by Dense, the roundings of a column's weights make up for those of the columns before it."""
    with _fixed_scales(model):
        with mode(model, act_order=True) as running:
            for _ in range(running.num_layers):
                for batch in batches:
                    model(batch)
                running.update()
        del model.forward  # the mode leaves an attribute in front of the method
        for layer in _denses(model):
            layer.weight.data.copy_(layer.quant_weight().value)


def _correct_biases(model: Encoder, batches: tuple[torch.Tensor, ...]) -> None:
    """Every Dense keeps the mean of each of its outputs."""
    from brevitas.graph.calibrate import bias_correction_mode

    with bias_correction_mode(model):
        for batch in batches:
            model(batch)


def _denses(model: Encoder) -> list[qnn.QuantLinear]:
    return [module for module in model.modules() if isinstance(module, nn.Linear)]


@contextmanager
def _fixed_scales(model: Encoder) -> Iterator[None]:
    """Weight scales stay what they are: a larger scale would round again what has been rounded."""
    quantizers = [layer.weight_quant.tensor_quant for layer in _denses(model)]
    scalings = [quantizer.scaling_impl for quantizer in quantizers]
    for layer, quantizer, scaling in zip(_denses(model), quantizers, scalings, strict=True):
        quantizer.scaling_impl = _Fixed(scaling)
        layer.quant_weight()
    try:
        yield
    finally:
        for quantizer, scaling in zip(quantizers, scalings, strict=True):
            quantizer.scaling_impl = scaling


class _Fixed(nn.Module):
    """The first scale of a Brevitas scaling, ever after."""

    def __init__(self, scaling: nn.Module) -> None:
        super().__init__()
        self.scaling = scaling
        self.value: torch.Tensor | None = None

    def forward(self, *args: object) -> torch.Tensor:
        if self.value is None:
            self.value = self.scaling(*args).detach()
        return self.value
