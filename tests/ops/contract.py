"""What every operator must hold, inherited by one test class per operator.

A subclass draws an operator with its input tensors and says how far the integers may be from the real function.
The rest is the same for all: declared ranges contain every output, all carriers agree, a stored graph comes back,
and reference = compiled reference = RTL (with and without stalls, cycles as predicted) = HLS csim on drawn shapes,
widths, values and folds.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from accel import reference
from accel.dataflow.schedule import Schedule, folds_of
from accel.graph import Graph, Node
from accel.numeric import FLOAT32_EXACT, FLOAT64_CARRIED, usable
from accel.op import Op
from accel.ops import Dense, Rescale
from accel.tensor import Tensor

Drawn = tuple[Op, tuple[Tensor, ...]]
# Tests are inherited on purpose, so they run with different executors; nothing is kept between runs.
CHEAP = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.differing_executors],
)
EXAMPLES = range(3)
"""Draws that are compiled. `make test` takes the first one (tests/tiers.py)."""


@st.composite
def tensors(draw: st.DrawFn, max_tokens: int = 6, max_channels: int = 8, max_bits: int = 8) -> Tensor:
    """A tensor of drawn shape with a signed, unsigned or lopsided range."""
    width = draw(st.integers(2, max_bits))
    lo, hi = draw(
        st.sampled_from([(-(1 << (width - 1)), (1 << (width - 1)) - 1), (0, (1 << width) - 1), (-(1 << width) // 3, 5)])
    )
    return Tensor((draw(st.integers(1, max_tokens)), draw(st.integers(1, max_channels))), lo, hi)


def values(tensor: Tensor, samples: int, seed: int) -> np.ndarray:
    """Random samples with saturated and constant ones among them."""
    rng = np.random.default_rng(seed)
    x = rng.integers(tensor.lo, tensor.hi + 1, (samples, *tensor.shape))
    x[0] = tensor.lo
    if samples > 2:
        x[1] = tensor.hi
        x[2] = np.where(rng.random(tensor.shape) < 0.5, tensor.lo, tensor.hi)
    return x


def graph_around(op: Op, inputs: tuple[Tensor, ...], seed: int) -> Graph:
    """A graph in which every input of `op` comes from the one graph input, spread over its whole range."""
    rng = np.random.default_rng(seed)
    source = Tensor((inputs[0].tokens, 4), -128, 127)
    nodes: list[Node] = []
    for index, tensor in enumerate(inputs):
        weight = rng.integers(-8, 8, (tensor.channels, 4))
        dense = Dense(weight, rng.integers(-50, 50, tensor.channels))
        reach = dense.infer(source).magnitude
        multiplier = max(1, 2 * max(tensor.magnitude, 1) * 64 // max(reach, 1))
        clip = Rescale([multiplier], 6, "half_even", tensor.lo, tensor.hi)
        nodes += [Node(f"dense{index}", dense, ("x",)), Node(f"in{index}", clip, (f"dense{index}",))]
    names = tuple(f"in{index}" for index in range(len(inputs)))
    return Graph("contract", {"x": source}, (*nodes, Node("y", op, names)), "y")


def random_schedule(graph: Graph, seed: int) -> Schedule:
    """A random legal fold of every node that has folds."""
    rng = np.random.default_rng(seed)
    folds = {}
    for node in graph:
        if options := folds_of(graph, node):
            folds[node.name] = options[rng.integers(len(options))]
    return Schedule(folds)


def example_of(strategy: st.SearchStrategy[Any], number: int) -> Any:
    """A drawn value; never the simplest one, which hypothesis draws before it draws at random."""
    found = []

    @seed(number)
    @settings(max_examples=2, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def keep(value: Any) -> None:
        found.append(value)

    keep()
    return found[-1]


class OperatorContract:
    """Subclass as TestX with `draw` and `deviation`."""

    def draw(self, draw: st.DrawFn) -> Drawn:
        """An operator and the tensors it is applied to."""
        raise NotImplementedError

    def deviation(self, op: Op, y: np.ndarray, *xs: np.ndarray) -> np.ndarray:
        """|y − real function| minus the derived bound, element by element, in units of the output's LSB: ≤ 0."""
        raise NotImplementedError

    def schedule(self, graph: Graph, seed: int) -> Schedule:
        """How the graph around the operator is folded."""
        return random_schedule(graph, seed)

    def drawn(self, data: st.DataObject) -> Drawn:
        return data.draw(st.composite(self.draw)())

    def compiled(self, number: int) -> Graph:
        """The graph around one of EXAMPLES."""
        op, inputs = example_of(st.composite(self.draw)(), number)
        return graph_around(op, inputs, number)

    @CHEAP
    @given(data=st.data(), seed=st.integers(0, 2**32 - 1))
    def test_real_function(self, data: st.DataObject, seed: int) -> None:
        op, inputs = self.drawn(data)
        xs = [values(t, 5, seed + i) for i, t in enumerate(inputs)]
        y = op.evaluate(*map(torch.from_numpy, xs)).numpy()
        excess = self.deviation(op, y, *xs)
        assert excess.max() <= 1e-9, f"{op} is {excess.max()} LSB beyond its bound"

    @CHEAP
    @given(data=st.data(), seed=st.integers(0, 2**32 - 1))
    def test_range_and_carriers(self, data: st.DataObject, seed: int) -> None:
        op, inputs = self.drawn(data)
        xs = [torch.from_numpy(values(t, 5, seed + i)) for i, t in enumerate(inputs)]
        y, out = op.evaluate(*xs), op.infer(*inputs)
        assert y.dtype == torch.int64
        assert tuple(y.shape[1:]) == out.shape
        assert out.lo <= y.min()
        assert y.max() <= out.hi
        peak = max(op.peak(*inputs), out.magnitude, *(t.magnitude for t in inputs))
        for limit, dtype in ((FLOAT32_EXACT, torch.float32), (FLOAT64_CARRIED, torch.float64)):
            if peak <= limit:
                assert torch.equal(op.evaluate(*(x.to(dtype) for x in xs)).long(), y), dtype
        if dtype := usable(op.narrow(*inputs)):
            assert torch.equal(op.evaluate(*(x.to(dtype) for x in xs)).long(), y), dtype

    @CHEAP
    @given(data=st.data(), seed=st.integers(0, 2**32 - 1), size=st.integers(1, 3))
    def test_errors_of_inputs_are_bounded(self, data: st.DataObject, seed: int, size: int) -> None:
        op, inputs = self.drawn(data)
        rng, xs = np.random.default_rng(seed), [values(t, 5, seed + i) for i, t in enumerate(inputs)]
        pairs = zip(xs, inputs, strict=True)
        others = [np.clip(x + rng.integers(-size, size + 1, x.shape), t.lo, t.hi) for x, t in pairs]
        y, other = (op.evaluate(*map(torch.from_numpy, given)).numpy() for given in (xs, others))
        rounded = int(op.kind == "rescale")
        assert np.abs(y - other).max() <= op.error(inputs, [float(size)] * len(inputs)) + rounded

    @CHEAP
    @given(data=st.data())
    def test_stored_graph_comes_back(self, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
        from accel import storage

        op, inputs = self.drawn(data)
        graph = graph_around(op, inputs, 0)
        path = tmp_path_factory.mktemp("stored") / "graph.npz"
        storage.save(graph, path)
        again = storage.load(path)
        assert again.tensors == graph.tensors
        before, after = _fields(op), _fields(again.nodes[-1].op)
        assert before.keys() == after.keys()
        assert all(np.array_equal(before[key], after[key]) for key in before)

    @pytest.mark.parametrize("number", EXAMPLES)
    def test_native(self, number: int) -> None:
        graph = self.compiled(number)
        x = values(graph.input, 5, number)
        expected, found = reference.trace(graph, x), reference.trace(graph, x, device="native")
        assert all(np.array_equal(found[name], expected[name]) for name in graph.tensors)

    @pytest.mark.parametrize("number", EXAMPLES)
    def test_rtl(self, number: int) -> None:
        from accel.dataflow.prediction import SEQUENCES
        from hls import rtl
        from hls.simulation import simulate

        graph = self.compiled(number)
        design = rtl.lower(graph, self.schedule(graph, number))
        x = values(graph.input, 16, number)
        expected = reference.run(graph, x)
        free = simulate.run(design, x)
        assert np.array_equal(free.outputs, expected)
        assert (free.latency, free.interval) == (design.predicted.latency, design.predicted.interval)
        times = design.structure.prediction.beats
        assert tuple(free.beats[: len(times)]) == times, f"first {SEQUENCES} samples"
        stalled = simulate.run(design, x, stall=0.4, seed=number)
        assert np.array_equal(stalled.outputs, expected)

    @pytest.mark.parametrize("number", EXAMPLES)
    def test_csim(self, number: int, tmp_path: Path) -> None:
        from hls.projects import backends, project

        graph = self.compiled(number)
        x = values(graph.input, 16, number)
        io_type = backends.IO_TYPES[number % 2]
        written = project.write(graph, tmp_path / "project", io_type=io_type, schedule=self.schedule(graph, number))
        written.compile()
        assert np.array_equal(written.predict(x), reference.run(graph, x))


def _fields(op: Op) -> dict[str, Any]:
    return {spec.name: getattr(op, spec.name) for spec in fields(op)}


def widened(tensor: Tensor, channels: int) -> Tensor:
    """The same tensor with another number of channels."""
    return replace(tensor, shape=(tensor.tokens, channels))
