"""Valid protobuf that says something hostile: changes to the structure of an ONNX file, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Model = onnx.ModelProto
Change = Callable[[Model, np.random.Generator], None]


def _quants(model: Model) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type == "Quant"]


def _pick(items: Any, rng: np.random.Generator) -> Any:
    items = list(items)
    return items[int(rng.integers(len(items)))]


def _set(model: Model, name: str, values: Any) -> None:
    """Replace the constant `name`, an initializer or the output of a Constant node, for all who read it."""
    array = np.asarray(values)
    array = array.astype(np.float32) if array.dtype.kind == "f" else array
    for tensor in model.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(array, name))
            return
    producer = next(node for node in model.graph.node if name in node.output)
    del producer.attribute[:]
    producer.op_type, producer.domain = "Constant", ""
    del producer.input[:]
    producer.attribute.append(helper.make_attribute("value", numpy_helper.from_array(array)))


def _quant_input(index: int, value: Any) -> Change:
    return lambda model, rng: _set(model, _pick(_quants(model), rng).input[index], value)


def _input_shape(*dims: Any) -> Change:
    def change(model: Model, rng: np.random.Generator) -> None:
        value = model.graph.input[0]
        value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, None if dims == (None,) else dims))

    return change


def _attribute(value: Any) -> Change:
    """Change an attribute of any node."""

    def change(model: Model, rng: np.random.Generator) -> None:
        node = _pick((node for node in model.graph.node if node.attribute), rng)
        attribute = _pick(node.attribute, rng)
        attribute.CopyFrom(helper.make_attribute(attribute.name, value))

    return change


def _tensor(edit: Callable[[TensorProto], None]) -> Change:
    """Change the largest initializer."""
    return lambda model, rng: edit(max(model.graph.initializer, key=lambda tensor: tensor.ByteSize()))


def _dims(*dims: int) -> Change:
    def edit(tensor: TensorProto) -> None:
        del tensor.dims[:]
        tensor.dims.extend(dims)

    return _tensor(edit)


def _typed(kind: int) -> Change:
    return _tensor(lambda tensor: setattr(tensor, "data_type", kind))


def _rewire(model: Model, rng: np.random.Generator) -> None:
    """An input of one node is taken from another place of the graph."""
    node = _pick(model.graph.node, rng)
    if node.input:
        node.input[int(rng.integers(len(node.input)))] = _pick(
            (name for other in model.graph.node for name in other.input), rng
        )


def _swap(model: Model, rng: np.random.Generator) -> None:
    node = _pick((node for node in model.graph.node if len(node.input) > 1), rng)
    node.input[0], node.input[1] = node.input[1], node.input[0]


def _cycle(model: Model, rng: np.random.Generator) -> None:
    first = next(node for node in model.graph.node if model.graph.input[0].name in node.input)
    first.input[list(first.input).index(model.graph.input[0].name)] = model.graph.output[0].name


def _each(edit: Callable[[onnx.NodeProto], None]) -> Change:
    """Apply `edit` to one node, picked at random."""
    return lambda model, rng: edit(_pick(model.graph.node, rng))


def _insert(*nodes: onnx.NodeProto, constants: tuple[TensorProto, ...] = ()) -> Change:
    """Nodes between the network and its output: the first reads "OUT", the last writes "NEW"."""

    def change(model: Model, rng: np.random.Generator) -> None:
        old = model.graph.output[0].name
        for node in nodes:
            added = model.graph.node.add()
            added.CopyFrom(node)
            for i, name in enumerate(added.input):
                added.input[i] = old if name == "OUT" else name
        model.graph.initializer.extend(constants)
        model.graph.output[0].name = "NEW"

    return change


def _int64(name: str, *values: int) -> TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


def _node(op: str, *inputs: str, out: str = "NEW", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, list(inputs), [out], name=f"hostile {op}", **attributes)


def _chain(length: int, last: str) -> Change:
    nodes = [_node("Relu", "OUT" if i == 0 else f"r{i - 1}", out=f"r{i}") for i in range(length)]
    return _insert(*nodes, _node(last, f"r{length - 1}"))


def _unknown_chain(length: int) -> Change:
    nodes = [
        helper.make_node(f"Op{i}", ["OUT" if i == 0 else f"u{i - 1}"], [f"u{i}"], name="n" * 50) for i in range(length)
    ]
    return _insert(*nodes, _node("Identity", f"u{length - 1}"))


def _doubling(levels: int) -> Change:
    """x + x, again and again: a small file whose numbers grow."""
    nodes = [_node("Add", *(["OUT" if i == 0 else f"a{i - 1}"] * 2), out=f"a{i}") for i in range(levels)]
    return _insert(*nodes, _node("Identity", f"a{levels - 1}"))


def _largest(model: Model) -> str:
    return max(model.graph.initializer, key=lambda tensor: tensor.ByteSize()).name


def _shape(model: Model) -> list[int]:
    return list(max(model.graph.initializer, key=lambda tensor: tensor.ByteSize()).dims)


def _untyped(attributes: Any) -> None:
    for attribute in attributes:
        attribute.ClearField("type")


def _reorder(model: Model, nodes: list[onnx.NodeProto]) -> None:
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)


HUGE = (1 << 31, 1 << 31)
LYING = TensorProto(name="t", data_type=TensorProto.FLOAT, dims=[1 << 40, 1 << 40], raw_data=bytes(4))
BRANCH = helper.make_graph([helper.make_node("Identity", ["in"], ["b"])], "branch", [], [])
SUBGRAPHS = {"then_branch": BRANCH, "else_branch": BRANCH}

CHANGES: dict[str, tuple[Change, bool]] = {
    **{f"scale {s!r}": (_quant_input(1, s), True) for s in (np.nan, np.inf, -np.inf, 0.0, -0.5)},
    **{f"scale {s!r}": (_quant_input(1, s), False) for s in (1e-45, 2.0**-126, 2.0**120, 0.3, 1e38)},
    "scale of another shape": (_quant_input(1, np.full((3, 5, 7), 0.5)), True),
    "empty scale": (_quant_input(1, np.zeros(0)), True),
    "scale of a million elements": (_quant_input(1, np.full(1 << 20, 0.5)), True),
    **{f"zero point {z!r}": (_quant_input(2, z), True) for z in (np.nan, 0.5, 1e30, -np.inf)},
    **{f"zero point {z!r}": (_quant_input(2, z), False) for z in (2.0, 3.0, -128.0, 2.0**31)},
    **{f"bit width {b!r}": (_quant_input(3, b), True) for b in (0.0, -1.0, 7.5, np.nan, np.inf, 1e9, 2.0**31)},
    **{f"bit width {b!r}": (_quant_input(3, b), False) for b in (1.0, 32.0, 31.0)},
    "bit widths per channel": (_quant_input(3, [4.0, 8.0]), True),
    "bit width as integers": (_quant_input(3, np.array(8, np.int64)), False),
    "NaN weights": (lambda m, rng: _set(m, _largest(m), np.full(_shape(m), np.nan)), True),
    "infinite weights": (lambda m, rng: _set(m, _largest(m), np.full(_shape(m), np.inf)), True),
    "weights of 1e38": (lambda m, rng: _set(m, _largest(m), np.full(_shape(m), 1e38)), False),
    "denormal weights": (lambda m, rng: _set(m, _largest(m), np.full(_shape(m), 1e-45)), False),
    **{
        f"input shape {dims}": (_input_shape(*dims), True)
        for dims in ((), (None,), (1, 0, 4), (1, -1, 4), (1, 1 << 40, 1 << 22), (1, *HUGE), (1, "tokens", 4), (7,) * 60)
    },
    **{f"input shape {dims}": (_input_shape(*dims), False) for dims in ((1, 1, 1), (3, 5, 7), (1, 4096, 1024))},
    "input of another type": (
        lambda m, rng: setattr(m.graph.input[0].type.tensor_type, "elem_type", TensorProto.STRING),
        False,
    ),
    "input that is a sequence": (
        lambda m, rng: m.graph.input[0].type.sequence_type.elem_type.tensor_type.SetInParent(),
        True,
    ),
    **{f"weights of dims {d}": (_dims(*d), True) for d in (HUGE, (-1, 4), (1 << 62, 1 << 62), (3, 5), (0,))},
    **{f"weights of type {kind}": (_typed(kind), True) for kind in (0, 8, 99, -1)},
    **{f"weights of type {kind}": (_typed(kind), False) for kind in (6, 9, 10, 16, 17, 22)},
    "weights without data": (_tensor(lambda tensor: tensor.ClearField("raw_data")), True),
    "weights with two kinds of data": (_tensor(lambda tensor: tensor.float_data.extend([1.0] * 9)), False),
    "weights cut short": (_tensor(lambda tensor: setattr(tensor, "raw_data", tensor.raw_data[:-3])), True),
    **{f"attribute {str(v)[:20]}": (_attribute(v), False) for v in (-1, 1 << 62, 0.3, "x", [1 << 62], [0.5], ["a"])},
    "attribute a tensor": (_attribute(numpy_helper.from_array(np.zeros(3))), False),
    "attribute a graph": (_attribute(BRANCH), False),
    "attribute without a type": (lambda m, rng: _untyped(_pick(_quants(m), rng).attribute), False),
    "attributes twice": (_each(lambda node: node.attribute.extend(list(node.attribute))), False),
    "attributes gone": (_each(lambda node: node.ClearField("attribute")), False),
    "inputs gone": (_each(lambda node: node.ClearField("input")), False),
    "outputs gone": (_each(lambda node: node.ClearField("output")), True),
    "an input more": (_each(lambda node: node.input.append(node.input[0])), False),
    "a hundred inputs": (_each(lambda node: node.input.extend(list(node.input[:1]) * 100)), False),
    "an empty input": (_each(lambda node: node.input.__setitem__(0, "")), False),
    "inputs swapped": (_swap, False),
    **{f"rewired {i}": (_rewire, False) for i in range(6)},
    "a cycle": (_cycle, True),
    "a missing tensor": (_each(lambda node: node.input.__setitem__(0, "lost")), True),
    "an initializer gone": (lambda m, rng: m.graph.initializer.remove(_pick(m.graph.initializer, rng)), True),
    "an initializer twice": (lambda m, rng: m.graph.initializer.append(_pick(m.graph.initializer, rng)), False),
    "a node twice": (lambda m, rng: m.graph.node.append(_pick(m.graph.node, rng)), True),
    "nodes reversed": (lambda m, rng: _reorder(m, m.graph.node[::-1]), False),
    "no nodes": (lambda m, rng: m.graph.ClearField("node"), True),
    "no output": (lambda m, rng: m.graph.ClearField("output"), True),
    "no input": (lambda m, rng: m.graph.ClearField("input"), True),
    "two outputs": (lambda m, rng: m.graph.output.add(name=m.graph.node[0].output[0]), False),
    "the same output twice": (lambda m, rng: m.graph.output.append(m.graph.output[0]), True),
    "output is the input": (lambda m, rng: setattr(m.graph.output[0], "name", m.graph.input[0].name), True),
    "an unknown domain": (_each(lambda node: setattr(node, "domain", "os")), True),
    "a domain like a path": (_each(lambda node: setattr(node, "domain", "../../evil")), True),
    "an unknown operator": (_each(lambda node: setattr(node, "op_type", "\x1b[31mBad\n")), True),
    "names of a megabyte": (_each(lambda node: setattr(node, "name", "x" * (1 << 20))), False),
    "a hostile name": (_each(lambda node: setattr(node, "name", "a\nb\x1b[2J\u202e$(id)`id`'\";\0")), False),
    "no opset": (lambda m, rng: m.ClearField("opset_import"), True),
    "an opset of the far future": (lambda m, rng: setattr(m.opset_import[0], "version", 1 << 40), False),
    "a negative opset": (lambda m, rng: setattr(m.opset_import[0], "version", -7), False),
    "opset 1": (lambda m, rng: setattr(m.opset_import[0], "version", 1), False),
    "an ir_version of the far future": (lambda m, rng: setattr(m, "ir_version", 1 << 40), False),
    "no ir_version": (lambda m, rng: m.ClearField("ir_version"), False),
    "If": (_insert(_node("If", "OUT", **SUBGRAPHS)), True),
    "Loop": (_insert(_node("Loop", "", "", "OUT", body=BRANCH)), True),
    "Scan": (_insert(_node("Scan", "OUT", body=BRANCH, num_scan_inputs=1)), True),
    "a local function": (lambda m, rng: m.functions.add(name="Relu", domain=""), False),
    "ConstantOfShape": (
        _insert(_node("ConstantOfShape", "s", out="t"), _node("Add", "OUT", "t"), constants=(_int64("s", *HUGE),)),
        True,
    ),
    "Expand": (_insert(_node("Expand", "OUT", "s"), constants=(_int64("s", *HUGE, 1),)), True),
    "Tile": (_insert(_node("Tile", "OUT", "s"), constants=(_int64("s", 1 << 31, 1 << 31),)), True),
    "Range": (
        _insert(
            _node("Range", "s", "e", "d", out="t"),
            _node("Add", "OUT", "t"),
            constants=(_int64("s", 0), _int64("e", 1 << 60), _int64("d", 1)),
        ),
        True,
    ),
    "Reshape to 2^120": (_insert(_node("Reshape", "OUT", "s"), constants=(_int64("s", 1 << 60, 1 << 60),)), True),
    "Reshape to zeros": (_insert(_node("Reshape", "OUT", "s"), constants=(_int64("s", 0, 0, 0, 0, 0),)), True),
    "Reshape to sixty axes": (_insert(_node("Reshape", "OUT", "s"), constants=(_int64("s", *[1] * 60),)), True),
    "Unsqueeze by far axes": (_insert(_node("Unsqueeze", "OUT", "s"), constants=(_int64("s", 1 << 62),)), True),
    "Transpose by far axes": (_insert(_node("Transpose", "OUT", perm=[1 << 40, -1])), True),
    "Gather far outside": (_insert(_node("Gather", "OUT", "s", axis=1 << 40), constants=(_int64("s", 1 << 62),)), True),
    "Cast to strings": (_insert(_node("Cast", "OUT", to=8)), True),
    "a chain of 300 nodes": (_chain(300, "Identity"), False),
    "an unknown operator after 3000 others": (_chain(3000, "Mystery"), True),
    "3000 unknown operators": (_unknown_chain(3000), True),
    "doubled 30 times": (_doubling(30), False),
    "doubled 200 times": (_doubling(200), True),
    "Constant of 2^80 elements": (_insert(_node("Constant", out="t", value=LYING), _node("Add", "OUT", "t")), True),
}
"""What is changed, and whether the result can be no valid model. "OUT" and "NEW": see `_insert`."""
