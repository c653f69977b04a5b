"""Integer graph → hls4ml `ModelGraph` through hls4ml's public extension API; knows kernels, not operators.

One layer class, one config template and one call template serve every operator: they are filled from `accel.kernel`
data. Layers, variables and types are called by index (`n0`, `n1`, …), so a name from a file never reaches generated
code. hls4ml's front ends and its precision inference take no part: every width is given, and checked afterwards.

Importing this module imports hls4ml; `hls.projects.project` does it while its output goes to a log.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from hls4ml.backends import get_backend
from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.attributes import Attribute
from hls4ml.model.graph import ModelGraph
from hls4ml.model.layers import Layer, register_layer
from hls4ml.model.types import IntegerPrecisionType, NamedType, Source
from hls4ml.utils.config import create_config

from accel.errors import ToolError
from accel.kernel import Kernel, Precision
from accel.ops import OPERATORS, folder
from accel.tensor import Tensor
from hls.projects import backends
from hls.projects.backends import Options
from hls.projects.calls import Plan

_INT_MAX = (1 << 31) - 1

#: Passes that may report a change: they type, validate, clone and format layers and leave our integers alone.
_PASSES = {
    "clone_function_template",
    "clone_output",
    "clone_stream_function_template",
    "clone_task_sequence_template",
    "init_base_layer",
    "register_bram_weights",
    "set_pipeline_style",
    "transform_types",
    "validate_ac_types",
    "validate_std_cpp_types",
}


def convert(plan: Plan, source: Tensor, top: str, home: Path, options: Options) -> ModelGraph:
    """The `ModelGraph` that writes a project into `home`: `source` is the plan's input, `top` the function's name.

    Raises ToolError when hls4ml changed what it was given.
    """
    backend = backends.get(options.backend)
    _register_sources(backend.name)
    templates = _register_templates(backend.inherits or backend.name)
    config = create_config(
        output_dir=str(home),
        project_name=top,
        backend=options.backend,
        part=options.part,
        clock_period=options.clock_period_ns,
        io_type=options.io_type,
        **({"board": options.board} if options.board else {}),
        **backend.options,
    )
    precision = f"{'' if source.signed else 'u'}int<{source.width}>"
    layers = {call.name: {"ReuseFactor": call.kernel.reuse, "Strategy": call.kernel.strategy} for call in plan.calls}
    config["HLSConfig"] = {
        "Model": {
            "Precision": {"default": "fixed<16,6>"},
            "ReuseFactor": 1,
            "Strategy": "resource",
            "PipelineStyle": "dataflow",
        },
        "LayerName": {plan.source: {"Precision": {"result": precision}}, **layers},
    }
    config["TraceOutput"] = True
    listed = _layers(plan, source, options.io_type not in backend.untraced)
    model = ModelGraph.from_layer_list(config, listed, inputs=[plan.source], outputs=[plan.result])
    _check(model, plan, source, templates)
    _partition(model)
    return model


def write(model: ModelGraph, project: Path, backend: str) -> None:
    """Write the project, and repair what hls4ml is known to write wrong. Raises ToolError when a layer is left out."""
    model.write()
    adapter(backend).finish(project, model)
    path = project / backends.get(backend).firmware / f"{model.config.get_project_name()}.cpp"
    _mend_ports(model, path)
    _check_written(model, path)


def _mend_ports(model: ModelGraph, path: Path) -> None:
    """hls4ml declares every array a bundle of wires; one that is cut into few memories is a memory port each."""
    ports = [*model.get_input_variables(), *model.get_output_variables()]
    modes = [f"{'ap_vld' if port.pragma == 'partition' else 'ap_memory'} port={port.name}" for port in ports]
    lines = "\n".join(f"    #pragma HLS INTERFACE {mode}" for mode in modes)
    path.write_text(
        re.sub(r"^ *#pragma HLS INTERFACE ap_vld .*$", lines, path.read_text(encoding="utf-8"), flags=re.MULTILINE),
        encoding="utf-8",
    )


def _check_written(model: ModelGraph, path: Path) -> None:
    """The written top function must call every layer, which hls4ml drops silently otherwise, and trace its output."""
    source = path.read_text(encoding="utf-8")
    for layer in model.get_layers():
        calls = _calls(layer)
        if layer.name not in model.inputs and not all(_once(call, source) for call in calls):
            raise ToolError(f"hls4ml wrote no call of layer {layer.name} ({layer.class_name}) into {path.name}")
        point = f'({layer.get_output_variable().name}, "{layer.name}", '
        if layer.get_attr("trace") and source.count(point) != 1:
            raise ToolError(f"hls4ml does not trace layer {layer.name} where it is computed in {path.name}")


def _once(call: str, source: str) -> bool:
    """Is the call there, once? `n1.async();` is no part of `clone_n1.async();`."""
    return bool(call) and len(re.findall(rf"(?<!\w){re.escape(call)}", source)) == 1


def _calls(layer: Layer) -> list[str]:
    """Text of a layer in the top function: its call, or the declaration and start of its task."""
    tasks = [layer.get_attr(key) for key in ("task_sequence_cpp", "stream_function_cpp")]
    found = tasks if is_stream(layer) and any(tasks) else [layer.get_attr("function_cpp")]
    return [str(call or "") for call in found]


def _layers(plan: Plan, source: Tensor, trace: bool) -> list[dict[str, object]]:
    shape = [source.size // plan.lanes, plan.lanes]
    layers: list[dict[str, object]] = [{"name": plan.source, "class_name": "InputLayer", "input_shape": shape}]
    for call in plan.calls:
        layers.append(
            {
                "name": call.name,
                "class_name": KernelLayer.__name__,
                "inputs": list(call.inputs),
                "outputs": list(call.outputs),
                "kernel": call.kernel,
                "edge": call.edge,
                "da_codegen": Source(call.kernel.source),
                "trace": trace and call.node is not None,
            }
        )
    return layers


def _partition(model: ModelGraph) -> None:
    """Arrays between kernels are cut into as many memories as a beat has elements (hls4ml: into single elements).

    FIFOs keep the depth that hls4ml gives them: all beats of a sample. Every process can then finish a sample whatever
    the others do, so that no graph can deadlock.
    """
    for layer in model.get_layers():
        for variable in layer.get_variables():
            if variable.pragma in ("partition", "reshape"):
                beats, lanes = variable.shape
                variable.pragma = "partition" if beats == 1 else ("partition", "cyclic", lanes)


OUTPUT = "y"
"""The output port of the top function; its input port is `x`."""


class KernelLayer(Layer):  # type: ignore[misc]
    """Any operator: attributes `kernel` (accel.kernel.Kernel) and `edge` (the output's accel.graph.Tensor).

    `da_codegen` is where hls4ml keeps the text that its strategy distributed_arithmetic generates.
    """

    _expected_attributes = [  # noqa: RUF012
        Attribute("kernel", value_type=Kernel),
        Attribute("edge", value_type=Tensor),
        Attribute("da_codegen", value_type=Source),
    ]

    def initialize(self) -> None:
        kernel, edge = self.get_attr("kernel"), self.get_attr("edge")
        for number, name in enumerate(self.outputs):
            self.add_output_variable(
                [edge.size // kernel.out_lanes, kernel.out_lanes],
                out_name=name,
                var_name=self._variable(name, number),
                precision=IntegerPrecisionType(edge.width, edge.signed),
            )
        for name, precision in kernel.types.items():
            self.set_attr(f"{name}_t", NamedType(f"{name}{self.index}_t", IntegerPrecisionType(*precision)))
        for name, table in kernel.tables.items():
            self.add_weights_variable(
                name, var_name=name + "{index}", precision=IntegerPrecisionType(*table.precision), data=table.values
            )

    def _variable(self, edge: str, number: int) -> str:
        """Name of an output's variable; hls4ml replaces that of a wrapped network letter by letter, so no `y` there."""
        wrapped = backends.get(self.model.config.backend.name).wrapper
        return (
            OUTPUT
            if edge in self.model.outputs and not wrapped
            else "layer{index}_out" + (str(number) if number else "")
        )


class KernelConfig(LayerConfigTemplate):  # type: ignore[misc]
    """The CONFIG struct of one call. `element` and `table_element` make a value's type of an edge's or a table's."""

    element, table_element = "", ""

    def __init__(self) -> None:
        super().__init__(KernelLayer)

    def format(self, node: Layer) -> str:
        kernel: Kernel = node.get_attr("kernel")
        streams = is_stream(node)
        element = "::value_type" if streams else self.element
        out = node.get_output_variable().type.name
        lines = [_constant(name, value) for name, value in kernel.constants.items()]
        ports = {f"in{i}": node.get_input_variable(name).type.name for i, name in enumerate(node.inputs)} | {"out": out}
        lines += [f"typedef {type_}{element} {port}_t;" for port, type_ in ports.items()]
        lines += [f"typedef {node.get_attr(f'{name}_t').name} {name}_t;" for name in kernel.types]
        lines += [f"typedef {node.get_weights(name).type.name}{self.table_element} {name}_t;" for name in kernel.tables]
        lines.append(f"typedef nnet::{f'accel_streams<{out}>' if streams else 'accel_arrays'} io;")
        return "\n".join([f"struct config{node.index} {{", *(f"    {line}" for line in lines), "};\n"])


class KernelCall(FunctionCallTemplate):  # type: ignore[misc]
    """The call of one kernel, and the header that declares it. `table_pointer` makes a pointer of a table's name."""

    table_pointer = ""

    def __init__(self) -> None:
        super().__init__(KernelLayer)

    def transform(self, model: ModelGraph, node: Layer) -> bool:
        super().transform(model, node)
        node.set_attr("include_header", [f"nnet_utils/{node.get_attr('kernel').header.name}"])
        return False

    def format(self, node: Layer) -> str:
        kernel: Kernel = node.get_attr("kernel")
        arguments = [node.get_input_variable(name).name for name in node.inputs]
        arguments += [node.get_output_variable(name).name for name in node.outputs]
        arguments += [node.get_weights(name).name + self.table_pointer for name in kernel.tables]
        return f"nnet::{kernel.function}<config{node.index}>({', '.join(arguments)});"


def is_stream(node: Layer) -> bool:
    """Are edges streams?"""
    streams: bool = node.model.config.get_config_value("IOType") == "io_stream"
    return streams


def _constant(name: str, value: int) -> str:
    kind = "int" if abs(value) <= _INT_MAX else "long long"
    return f"static const {kind} {name} = {value};"


@cache
def _register_layer() -> None:
    register_layer(KernelLayer.__name__, KernelLayer)


def adapter(backend: str) -> ModuleType:
    """The module with the templates of a back end, and what it needs besides (`hls.projects.adapters`)."""
    return import_module(f"hls.projects.adapters.{backends.get(backend).adapter}")


@cache
def _register_templates(backend: str) -> set[str]:
    """Teach hls4ml our layer, once per back end: a second registration raises. Returns the names as passes."""
    _register_layer()
    templates = adapter(backend).TEMPLATES
    for template in templates:
        get_backend(backend).register_template(template)
    return {template().get_name() for template in templates}


@cache
def _register_sources(backend: str) -> None:
    """Teach hls4ml our headers, once per back end."""
    target = get_backend(backend)
    adapter(backend).prepare(target)
    for home in (folder("common"), *map(folder, OPERATORS)):
        for header in sorted(home.glob("accel_*.h")):
            target.register_source(header.resolve())


def _check(model: ModelGraph, plan: Plan, source: Tensor, templates: set[str]) -> None:
    """hls4ml must have applied known passes only and kept every shape and precision."""
    applied = {
        name.rpartition(":")[2] for group in model._applied_flows for passes in group.values() for name in passes
    }
    unknown = sorted(applied - _PASSES - templates)
    if unknown:
        raise ToolError(f"hls4ml applied {', '.join(unknown)}, which may change values; accel knows hls4ml 1.3.0")
    edges = {plan.source: (source, plan.lanes)}
    edges |= {name: (call.edge, call.kernel.out_lanes) for call in plan.calls for name in call.outputs}
    for layer in model.get_layers():
        edge, lanes = edges[layer.name if layer.name in edges else layer.inputs[0]]
        for variable in layer.get_variables():
            _check_precision(layer.name, variable.type.precision, (edge.width, edge.signed))
            shape = (edge.size // lanes, lanes)
            if tuple(variable.shape) != shape:
                raise ToolError(f"hls4ml gave edge {layer.name} shape {variable.shape}; the graph says {shape}")
        for name, precision in _inner(layer).items():
            _check_precision(f"{layer.name}.{name}", layer.get_attr(f"{name}_t").precision, precision)


def _inner(layer: Layer) -> dict[str, Precision]:
    """Widths inside a kernel: its own types and its tables'. Nothing for layers that are not ours."""
    kernel: Kernel | None = layer.get_attr("kernel")
    return kernel.types | {name: table.precision for name, table in kernel.tables.items()} if kernel else {}


def _check_precision(where: str, got: object, want: Precision) -> None:
    if not isinstance(got, IntegerPrecisionType) or (got.width, got.signed) != want:
        sign = "" if want[1] else "u"
        raise ToolError(f"hls4ml gave {where} precision {got}; the graph says {sign}int<{want[0]}>")
