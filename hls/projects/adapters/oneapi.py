"""oneAPI: arrays are `std::array`, streams are pipes (types, not objects), and every kernel is a task of its own.

hls4ml writes an empty network for streams unless each layer has a task sequence and its start.
"""

from __future__ import annotations

from pathlib import Path

from hls4ml.backends.backend import Backend
from hls4ml.backends.oneapi.oneapi_template import StreamFunctionCallTemplate, TaskSequenceTemplate
from hls4ml.model.graph import ModelGraph
from hls4ml.model.layers import Layer

from accel.kernel import Kernel
from hls.projects.adapters import repair
from hls.projects.conversion import KernelCall, KernelConfig, KernelLayer, is_stream

PIPES = Path(__file__).with_name("accel_pipes.h")


class ArrayConfig(KernelConfig):
    """Like everywhere, but edges and tables are arrays as values; with pipes, the kernel's task is a member."""

    element, table_element = "::value_type", "::value_type"

    def format(self, node: Layer) -> str:
        kernel: Kernel = node.get_attr("kernel")
        tables = [f'#include "weights/{node.get_weights(name).name}.h"\n' for name in kernel.tables]
        text = "".join(tables) + super().format(node)
        return text.replace("};\n", _task(node) + "};\n") if is_stream(node) else text


def _task(node: Layer) -> str:
    """A function of pipes for one sample, as a member of the CONFIG struct."""
    ports = [f"in{i}" for i in range(len(node.inputs))] + ["out"]  # hls4ml clones streams: kernels have one output
    parameters = ", ".join(f"class {port.upper()}" for port in ports)
    lines = [f"template <{parameters}> static void task() {{"]
    lines += [f"    nnet::accel_pipe<{port.upper()}> {port};" for port in ports]
    kernel: Kernel = node.get_attr("kernel")
    arguments = [*ports, *(f"{node.get_weights(name).name}.data()" for name in kernel.tables)]
    lines += [f"    nnet::{kernel.function}<config{node.index}>({', '.join(arguments)});", "}"]
    return "".join(f"    {line}\n" for line in lines)


class ArrayCall(KernelCall):
    """Tables are passed as pointers."""

    table_pointer = ".data()"

    def transform(self, model: ModelGraph, node: Layer) -> bool:
        super().transform(model, node)
        node.set_attr("include_header", [*node.get_attr("include_header"), f"nnet_utils/{PIPES.name}"])
        return False


class Task(TaskSequenceTemplate):  # type: ignore[misc]
    """Declares the task of a layer."""

    def __init__(self) -> None:
        super().__init__(KernelLayer)

    def format(self, node: Layer) -> str:
        pipes = [node.get_input_variable(name).pipe_name for name in node.inputs]
        pipes.append(node.get_output_variable().pipe_name)
        return f"task_sequence<config{node.index}::task<{', '.join(pipes)}>> {node.name};"


class Start(StreamFunctionCallTemplate):  # type: ignore[misc]
    """Starts it."""

    def __init__(self) -> None:
        super().__init__(KernelLayer)

    def format(self, node: Layer) -> str:
        return f"{node.name}.async();"


TEMPLATES = (ArrayConfig, ArrayCall, Task, Start)


def prepare(backend: Backend) -> None:
    """The header through which kernels read and write pipes."""
    backend.register_source(PIPES)


def finish(project: Path, model: ModelGraph) -> None:
    """The test bench copies expected outputs into a list that is empty."""
    bench = project / "src" / f"{model.config.get_project_name()}_test.cpp"
    copied = "std::copy(pr.cbegin(), pr.cend(), predictions.back().begin());"
    repair(bench, copied, "predictions.push_back(pr);")
