"""Quantised network → QONNX file, through Brevitas' exporter."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from pathlib import Path

import torch

from accel.errors import UserError
from models.encoder import Encoder

OPSET = 20


def export(model: Encoder, path: Path | str) -> Path:
    """Write `model` (eval mode) as cleaned QONNX with one sample as input shape. The file is complete or absent."""
    from brevitas.export import export_qonnx
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    path = Path(path)
    config = model.config
    sample = torch.zeros(1, config.tokens, config.features)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch, warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)
            raw, clean = Path(scratch) / "raw.onnx", Path(scratch) / "clean.onnx"
            export_qonnx(
                model.eval(), args=(sample,), export_path=str(raw), dynamo=False, opset_version=OPSET,
                input_names=["input"], output_names=["logits"],
            )  # fmt: skip
            cleanup_model(ModelWrapper(str(raw))).save(str(clean))
            os.replace(clean, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose another place") from None
    return path
