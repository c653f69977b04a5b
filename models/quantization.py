"""Float network → quantized network with calibrated scales."""

from __future__ import annotations

import warnings
from dataclasses import replace

import torch

from models.corrections import equalize
from models.encoder import Encoder
from models.layers import AffineNorm, TokenBatchNorm

CALIBRATION_BATCH = 64


def quantize(network: Encoder, samples: torch.Tensor, equalized: bool = False) -> Encoder:
    """The quantized twin of a float network in eval mode, its scales calibrated on real `samples`.

    With `equalized` the weights of following layers are brought to equal ranges first (`corrections.equalize`).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about an optional package for GPUs
        from brevitas.graph.calibrate import calibration_mode

    twin = Encoder(replace(network.config, quantized=True))
    loaded = twin.load_state_dict(fold_norms(network), strict=False)  # the float network has no scales
    misplaced = [*loaded.unexpected_keys, *(name for name in loaded.missing_keys if not name.endswith(".value"))]
    if misplaced:
        raise AssertionError(f"the float and the quantized network differ in {misplaced}")
    if equalized:
        equalize(twin)
    twin.eval()
    with torch.no_grad(), calibration_mode(twin):
        for batch in samples.split(CALIBRATION_BATCH):
            twin(batch)
    return settle(twin, samples)


def settle(model: Encoder, samples: torch.Tensor) -> Encoder:
    """Make every table for the scales as they are now, then eval mode: after calibration and after the last step."""
    with torch.no_grad():
        model.train()(samples[:1])
    return model.eval()


def fold_norms(network: Encoder) -> dict[str, torch.Tensor]:
    """The weights of a float network with every norm's affine part moved into the Dense layers that read it.

    Of LayerNorm and RMSNorm that is gamma and beta; a BatchNorm is γ·(x − mean)/sqrt(var + ε) + β, all of it affine.
    """
    state = {name: value.clone() for name, value in network.state_dict().items()}
    config = network.config
    if config.norm == "none" or not config.biases:
        return state
    first = "up.first" if config.rank else "up"
    readers = {"norm": ["head"]} if config.final_norm else {}
    for i in range(config.layers):
        block = f"blocks.{i}"
        readers[f"{block}.norm1"] = [f"{block}.attention.{name}" for name in ("query", "key", "value")]
        readers[f"{block}.norm2"] = [f"{block}.feed_forward.{first}"]
    for norm, denses in readers.items():
        gamma, beta = _affine(network.get_submodule(norm))
        if norm == "norm" and not config.vocabulary:  # the head reads a sum of tokens
            beta = beta * config.tokens * 2.0**-config.token_shift
        for dense in denses:
            state[f"{dense}.bias"] = state[f"{dense}.bias"] + state[f"{dense}.weight"] @ beta
            state[f"{dense}.weight"] = state[f"{dense}.weight"] * gamma
    return {name: value for name, value in state.items() if name.rpartition(".")[0] not in readers}


def _affine(norm: torch.nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Factor and summand of a norm, per channel."""
    if isinstance(norm, TokenBatchNorm):
        return norm.folded()
    assert isinstance(norm, AffineNorm)
    return norm.weight.detach(), norm.bias.detach()
