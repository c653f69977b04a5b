"""Holds an imported file to the file itself: onnxruntime without optimizations, or qonnx where it has Quant nodes.

Every quantizer of the file gives integers. Between them the graph gets the file's own integers, so that no error is
hidden behind another and none is counted twice: an operator may be off by the bound that docs/architecture.md states.
Samples go in, and results come out, in the file's shapes.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx_session import opened, showing
from random_onnx import drawn

from accel import onnx_import, reference
from accel.arrays import named
from accel.errors import UserError
from accel.graph import Graph, Node
from accel.onnx_import.deviation import computed, segment
from accel.onnx_import.execute import in_steps
from accel.onnx_import.importer import Imported
from accel.onnx_import.runner import QonnxRunner
from accel.ops.norm.op import Norm
from accel.ops.softmax.op import Softmax

EXACT, NEAR, REFUSED, WRONG = "exact", "near", "refused", "wrong"
NOISE = 2.0**-21
"""Of the largest number that a sum meets: what float32 may lose there."""


@dataclass(frozen=True)
class Verdict:
    """A file that imports gives its own integers ("exact"), is off within the bounds ("near"), or is wrong.

    `text` is the refusal, or what is wrong.
    """

    kind: str
    text: str = ""

    @property
    def reason(self) -> str:
        """The refusal without names and numbers."""
        text = self.text.split(": ", 2)[-1]
        return re.sub(r"\(.*?\)|'[^']*'|-?\d+(\.\d+)?(e-?\d+)?", "…", text.split(" | ")[0])[:120]


def judged(path: Path, x: np.ndarray | dict[str, np.ndarray]) -> Verdict:
    """What the import makes of a file, on the only input, or all by name, in the file's own shapes."""
    try:
        imported = onnx_import.read(path)
        graph = imported.graph
        x = x if isinstance(x, dict) else {imported.source.inputs[0].name: x}
        shaped = imported.samples({edge: x[name][None] for name, edge in imported.entered.items()})
        given = reference.inputs_by(graph, shaped, reference.as_integers)
    except UserError as error:
        return Verdict(REFUSED, str(error))
    tensors = _executed(path, imported, x)
    found, problem = _integers(imported, tensors)
    if problem:
        return Verdict(WRONG, problem)
    largest = max(float(np.abs(array - found[name]).max()) for name, array in given.items())
    if largest > (0 if imported.is_exact else 1):
        return Verdict(WRONG, "an input is quantized otherwise")
    if text := _host(imported, found, tensors):
        return Verdict(WRONG, text)
    for layer in found.keys() - graph.inputs.keys():
        off, allowed, kinds = _compared(imported, layer, found)
        if off > allowed:
            return Verdict(WRONG, f"{layer} ({kinds}) is {off:.0f} steps off, {allowed:.1f} allowed")
        largest = max(largest, off)
    outputs = named(graph.outputs, reference.run(graph, given))
    same = all(np.array_equal(y, found[name]) for name, y in outputs.items())
    if imported.is_exact and not same and _peak(graph) < 1 << 24:
        return Verdict(WRONG, "the whole graph differs although it is exact")
    return Verdict(NEAR if largest else EXACT)


def _host(imported: Imported, found: dict[str, np.ndarray], tensors: dict[str, np.ndarray]) -> str:
    """What is wrong with the results in the file's shapes, the endings that stay with the host included."""
    graph = imported.graph
    results = imported.results({name: found[name] for name in graph.outputs})
    step = max(float(np.max(np.asarray(tensor.scale))) for tensor in graph.outputs.values())
    for end in imported.source.endings:
        expected, got = tensors[end.output], results[end.output] if isinstance(results, dict) else results
        got = got if got.ndim == expected.ndim else got[0]
        exact = 0.51 * step + 2.0**-50 * float(np.abs(expected).max())  # a step may be finer than float64 is there
        if got.shape != expected.shape or np.abs(got - expected).max() > exact:
            return f"result {end.output} has another order or shape: {got.shape} instead of {expected.shape}"
    return ""


def _peak(graph: Graph) -> int:
    return max(node.op.peak(*(graph.tensors[name] for name in node.inputs)) for node in graph)


def _executed(path: Path, imported: Imported, x: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every tensor of the file that an edge is found in."""
    model, source = onnx.load(path), imported.source
    if any(node.domain not in ("", "ai.onnx") for node in model.graph.node):
        return QonnxRunner(imported).run_part(dict(x))
    names = {end.output for end in source.endings} | {origin.tensor for origin in imported.origins.values()}
    wanted = sorted(names - x.keys())
    session = opened(showing(model, wanted))
    return {**x, **dict(zip(wanted, session.run(wanted, dict(x)), strict=True))}


def _integers(imported: Imported, tensors: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], str]:
    """Edges that the file's quantizers make, and the output, in steps; what is wrong where these are no integers."""
    graph, found = imported.graph, {}
    for name in graph.tensors:
        origin = imported.origins.get(name)
        if name in graph.outputs or (origin is not None and origin.quantized):
            assert origin is not None
            try:
                steps = in_steps(name, origin, tensors[origin.tensor])
            except Exception as error:  # a layout that is not the tensor's
                return {}, f"{name}: {error}"
            found[name] = np.rint(steps)
            if origin.quantized and np.abs(steps - found[name]).max() > 0.02:
                return {}, f"{name}: {origin.tensor} holds no integers at the edge's scale"
    return found, ""


def _compared(imported: Imported, layer: str, file: dict[str, np.ndarray]) -> tuple[float, float, str]:
    """Steps by which an edge is off, and may be, with the kinds of the operators up to it."""
    graph = imported.graph
    nodes = segment(graph, layer, set(file))
    values = computed(graph, nodes, file)
    numbers = {name: value.to(torch.float64).numpy() for name, value in values.items()}
    off = float(np.abs(numbers[layer] - file[layer]).max())
    return off, _allowed(imported, layer, nodes, numbers), " ".join(node.op.kind for node in nodes)


def _allowed(imported: Imported, layer: str, nodes: list[Node], values: dict[str, np.ndarray]) -> float:
    """One step, what float32 loses in the file's sums, and what the import's own roundings become on their way."""
    graph = imported.graph
    step = _scale(graph, layer)
    edges = {node.name for node in nodes} - {layer} | {name for node in nodes for name in node.inputs}
    largest = max((float(np.abs(values[name]).max()) * _scale(graph, name) for name in edges), default=0.0)
    errors: dict[str, float] = {}
    for node in nodes:
        last = node.name == layer and imported.origins[layer].quantized  # the file rounds there, too
        own = 0.0 if last else _own(imported, node, values)
        errors[node.name] = _passed(graph, node, [errors.get(name, 0.0) for name in node.inputs], values) + own
    return 1 + NOISE * max(largest, float(np.abs(values[layer]).max()) * step) / step + errors[layer]


def _own(imported: Imported, node: Node, values: dict[str, np.ndarray]) -> float:
    """What a node that the import has chosen is wrong by, in its own steps."""
    chosen = node.name in imported.approximate
    if node.op.kind == "rescale":
        return 0.52 if chosen or node.name not in imported.origins else 0.0
    if node.op.kind in ("add", "rotary") and chosen:  # a multiplier, or an entry of one or two tables, is rounded
        largest = max(float(np.abs(values[name]).max()) for name in node.inputs)
        return largest if node.op.kind == "rotary" else largest / 2
    return 0.5 if chosen and node.op.kind in ("dense", "position") else 0.0


def _passed(graph: Graph, node: Node, errors: list[float], values: dict[str, np.ndarray]) -> float:
    """What errors of a node's inputs, in their steps, become in its own: the largest that its operator can make."""
    if not any(errors):
        return 0.0
    if isinstance(node.op, Norm):
        return errors[0] * _slope(node.op, values[node.inputs[0]])
    if isinstance(node.op, Softmax):  # p · (1 − p) is at most 1/4, and both a score and the largest one are off
        return errors[0] * _scale(graph, node.inputs[0]) * 2.0**node.op.out_bits / 2
    spans = [(int(values[name].min()), int(values[name].max())) for name in node.inputs]
    pairs = zip(node.inputs, spans, strict=True)
    return node.op.error([replace(graph.tensors[name], lo=lo, hi=hi) for name, (lo, hi) in pairs], errors)


def _slope(norm: Norm, x: np.ndarray) -> float:
    """2 · gamma · sqrt(n) / sigma: how much a norm makes of errors of its input, by the smallest sigma of a row."""
    spread = x.std(-1) if norm.form == "layer" else np.sqrt((x**2).mean(-1))
    deviation = np.sqrt(spread**2 + norm.offset / x.shape[-1] ** 2).min()
    gamma = float(np.abs(norm.gamma).max()) * 2.0 ** (norm.numerator_bits - norm.guard - norm.shift)
    return float(2 * gamma * np.sqrt(x.shape[-1]) / max(deviation, 1e-9))


def _scale(graph: Graph, name: str) -> float:
    return float(np.max(np.asarray(graph.tensors[name].scale)))


def verdict(seed: int, inputs: int = 1) -> Verdict:
    """The verdict of the graph that a seed draws; a wrong one is that of the smallest beginning that is wrong."""
    size = int(np.random.default_rng(seed).integers(2, 11))
    with tempfile.TemporaryDirectory() as folder:
        found = judged(*drawn(seed, size, Path(folder), inputs))
        if found.kind == WRONG:
            for smaller in range(size):
                less = judged(*drawn(seed, smaller, Path(folder), inputs))
                if less.kind == WRONG:
                    return Verdict(WRONG, f"seed {seed}, size {smaller}: {less.text}")
            return Verdict(WRONG, f"seed {seed}, size {size}: {found.text}")
    return found


def counted(seeds: Iterable[int], inputs: int = 1) -> tuple[Counter[str], Counter[str], list[str]]:
    """Verdicts by kind, reasons of refusals, and what is wrong."""
    kinds: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    wrong = []
    for seed in seeds:
        found = verdict(seed, inputs)
        kinds[found.kind] += 1
        if found.kind == REFUSED:
            reasons[found.reason] += 1
        elif found.kind == WRONG:
            wrong.append(found.text)
    return kinds, reasons, wrong
