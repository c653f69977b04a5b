"""A float network as ONNX: a file, or a torch module that a function of the user's returns."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from accel.errors import UserError
from accel.onnx_import.source import parse
from accel.quantization.samples import Samples, matched
from accel.spelling import printable

if TYPE_CHECKING:
    import torch

OPSET = 20
OUTPUT = "output"
"""The name of an exported module's output."""


def load(model: Path | str | torch.nn.Module, data: Samples) -> onnx.ModelProto:
    """The ONNX form of a file, of `module:factory`, or of a module; exported for one sample of `data`.

    Raises UserError when there is no such model, or when torch cannot export it.
    """
    if not isinstance(model, (str, Path)):
        return export(model, data)
    module, separator, factory = str(model).partition(":")
    if separator and not Path(model).exists():
        return export(_made(module, factory), data)
    if Path(model).suffix in (".pt", ".pth", ".bin", ".safetensors"):
        raise UserError(
            f"{model} holds weights alone; name the function that makes the network: package.module:function"
        )
    return _in_memory(parse(Path(model)))


def _in_memory(model: onnx.ModelProto) -> onnx.ModelProto:
    """A model whose data were read from a file beside it, without the reference to that file."""
    for tensor in model.graph.initializer:
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]
    return model


def _made(name: str, factory: str) -> torch.nn.Module:
    """Result of the function `factory` of a Python module."""
    import torch

    sys.path.insert(0, "")  # as `python -m` has it: modules in the current folder
    try:
        module = importlib.import_module(name)
    except Exception as error:  # whatever the user's module raises
        missing = isinstance(error, ModuleNotFoundError) and error.name == name.partition(".")[0]
        remedy = "; run this in the folder that holds it" if missing else ""
        raise UserError(f"cannot import {name}: {type(error).__name__}: {error}{remedy}") from None
    finally:
        sys.path.remove("")
    if not callable(function := getattr(module, factory, None)):
        raise UserError(f"{name} has no function {factory!r}")
    made = function()
    if not isinstance(made, torch.nn.Module):
        raise UserError(f"{name}:{factory} returned {type(made).__name__}; return a torch.nn.Module")
    return made


def export(module: torch.nn.Module, data: Samples) -> onnx.ModelProto:
    """A module in eval mode as ONNX with batch 1 and one output, the first that it returns.

    torch's newer exporter is tried before its older one; each can do what the other cannot. Raises UserError.
    """
    import torch

    where = type(module).__name__
    parameters = inspect.signature(module.forward).parameters.values()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    required = [p.name for p in parameters if p.name in names and p.default is p.empty] or names[:1]
    given = matched(data, names, required, where)
    network = _single(module, list(given.arrays))
    examples = tuple(torch.from_numpy(array[:1]) for array in given.arrays.values())
    failures = []
    for dynamo in (True, False):
        try:
            return _exported(network, examples, list(given.arrays), dynamo)
        except Exception as error:  # torch and the module raise many kinds
            failures.append(_reason(error))
    raise UserError(f"torch cannot export {where}: {failures[-1]}")


def _exported(
    network: torch.nn.Module, examples: tuple[object, ...], names: list[str], dynamo: bool
) -> onnx.ModelProto:
    import torch

    with tempfile.TemporaryDirectory() as folder, silence(), torch.no_grad():
        path = str(Path(folder) / "model.onnx")
        torch.onnx.export(
            network, examples, path, input_names=names, output_names=[OUTPUT], opset_version=OPSET, dynamo=dynamo
        )
        return onnx.load(path)


def _reason(error: Exception) -> str:
    """The first line of the innermost error: torch wraps the cause in pages of advice."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return printable(f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}", 300)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """A block in which nothing prints, logs or warns: exporters and quantizers do, about their own affairs."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        logging.disable(before)


def _single(module: torch.nn.Module, names: list[str]) -> torch.nn.Module:
    """The module with its inputs by position and one tensor as its result."""
    import torch

    class Single(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = module

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            found = self.network(**dict(zip(names, inputs, strict=True)))
            return found if isinstance(found, torch.Tensor) else found[0]

    return Single().eval()
