"""The reference level: the integer graph in torch, on any device, whole test sets at once.

Each node runs in the cheapest dtype that its `peak` proves exact: float32, float64 or int64, or 8-bit products.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING

import numpy as np

from accel.arrays import Arrays, Results, count, each, named, plain
from accel.errors import UserError
from accel.graph import Graph, Node
from accel.reference import native
from accel.tensor import Tensor

if TYPE_CHECKING:
    import torch

NATIVE = "native"
"""The device that is this processor without torch."""


def quantize(graph: Graph, real: Arrays) -> Results:
    """Real inputs (samples, tokens, channels) → integers of the graph's inputs, rounded half to even, clipped.

    A graph of several inputs takes a dict of arrays by name, and gets one. Raises UserError on a wrong shape, NaN or
    infinity.
    """
    return plain(graph.inputs, inputs_by(graph, real, quantize_to))


def inputs_by(graph: Graph, x: Arrays, make: Callable[[Tensor, np.ndarray], np.ndarray]) -> dict[str, np.ndarray]:
    """The results of `make` for the tensor and the array of every input; of several, an error names which one."""
    return each(named(graph.inputs, x), lambda name, array: make(graph.inputs[name], array))


def quantize_to(spec: Tensor, real: np.ndarray) -> np.ndarray:
    """Like `quantize`, for one input that is known without its graph."""
    real = np.asarray(real, dtype=np.float64)
    _check_shape(spec, real)
    if not np.isfinite(real).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(real))[0])
        raise UserError(
            f"input is {real[where]} at index {where}: clean the data, only finite numbers can be quantized"
        )
    steps = (real - np.asarray(spec.offset)) / np.asarray(spec.scale)
    return np.clip(np.rint(steps), spec.lo, spec.hi).astype(np.int64)


def dequantize(graph: Graph, x: Arrays) -> Results:
    """Integers of the graph's inputs (samples, tokens, channels) → the real numbers that they stand for, float64."""

    def real(spec: Tensor, array: np.ndarray) -> np.ndarray:
        return array * np.asarray(spec.scale) + np.asarray(spec.offset)

    return plain(graph.inputs, inputs_by(graph, x, real))


def run(graph: Graph, x: Arrays, *, device: str = "cpu", batch: int = 1024) -> Results:
    """Integer inputs (samples, tokens, channels) → integer outputs, int64.

    A graph of several inputs takes a dict of arrays by name; one of several outputs gives one. `device` is one of
    torch's, or "native": compiled for this processor, a second or two once per graph and process, faster from then on.
    Raises UserError on wrong names or shapes, a non-integer dtype or values outside the declared range, ToolError where
    "native" finds no compiler.
    """
    return plain(graph.outputs, _run(graph, x, device, batch, tuple(graph.outputs)))


def as_integers(spec: Tensor, x: np.ndarray) -> np.ndarray:
    """Integers of an input for (samples, tokens, channels) in real units; identifiers and masks have a scale of 1.

    Raises UserError on unfit ones, where `quantize` would clip an identifier that does not exist.
    """
    identifiers = x.dtype.kind in "iub" and spec.scale == 1
    return checked_for(spec, x) if identifiers else quantize_to(spec, x)


def trace(graph: Graph, x: Arrays, *, device: str = "cpu", batch: int = 1024) -> dict[str, np.ndarray]:
    """Like `run`, but every edge of the graph by name."""
    return _run(graph, x, device, batch, tuple(graph.tensors))


def _run(graph: Graph, x: Arrays, device: str, batch: int, keep: tuple[str, ...]) -> dict[str, np.ndarray]:
    given = inputs_by(graph, x, checked_for)
    if device == NATIVE:
        return native.compiled(graph).run(given, keep)
    import torch

    target = usable(device)
    parts: list[list[np.ndarray]] = []
    with torch.inference_mode():
        for start in range(0, count(given), batch):
            part = {name: torch.from_numpy(array[start : start + batch]).to(target) for name, array in given.items()}
            values = _evaluate(graph, part, set(keep))
            parts.append([values[name].to("cpu", torch.int64).numpy() for name in keep])
    return {name: np.concatenate(found) for name, found in zip(keep, zip(*parts, strict=True), strict=True)}


def evaluate(graph: Graph, node: Node, values: MutableMapping[str, torch.Tensor]) -> torch.Tensor:
    """One node's output from the integers of its inputs, in the cheapest dtype that is exact.

    The inputs stay in that dtype in `values`: other readers mostly want the same.
    """
    dtype = graph.carriers[node.name]
    for name in node.inputs:
        values[name] = values[name].to(dtype)
    return node.op.evaluate(*(values[name] for name in node.inputs))


def _evaluate(graph: Graph, values: dict[str, torch.Tensor], keep: set[str]) -> dict[str, torch.Tensor]:
    """Every edge in `keep`, from the inputs; others are dropped after their last reader."""
    remaining = {name: len(nodes) for name, nodes in graph.consumers.items()}
    for node in graph:
        values[node.name] = evaluate(graph, node, values)
        for name in node.inputs:
            remaining[name] -= 1
            if not remaining[name] and name not in keep:
                del values[name]
    return values


def usable(name: str) -> torch.device:
    """One of torch's devices. Raises UserError when it is not usable here."""
    import torch

    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"device {name!r} is not usable ({reason}); try --device cpu or native") from None
    return device


def _check_shape(spec: Tensor, x: np.ndarray) -> None:
    if x.ndim != 3 or x.shape[1:] != spec.shape or len(x) == 0:
        want = ", ".join(map(str, spec.shape))
        raise UserError(f"input shape is {x.shape}, the model takes (samples, {want}) with at least one sample")


def checked(graph: Graph, x: Arrays) -> Results:
    """`x` as int64. Raises UserError on a wrong shape, a non-integer dtype or values outside the declared range."""
    return plain(graph.inputs, inputs_by(graph, x, checked_for))


def checked_for(spec: Tensor, x: np.ndarray) -> np.ndarray:
    """Like `checked`, for one input that is known without its graph."""
    x = np.asarray(x)
    _check_shape(spec, x)
    return in_range(spec, x)


def in_range(spec: Tensor, x: np.ndarray) -> np.ndarray:
    """Like `checked_for`, for x of any shape."""
    if x.dtype.kind not in "iub":
        raise UserError(f"input is {x.dtype}, the graph takes integers: use accel.reference.quantize for real values")
    if x.min() < spec.lo or x.max() > spec.hi:
        raise UserError(f"input values {x.min()}..{x.max()} leave the declared range {spec.lo}..{spec.hi}")
    return np.ascontiguousarray(x, dtype=np.int64)
