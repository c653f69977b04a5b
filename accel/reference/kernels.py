"""Nodes as C++: what `accel.reference.native` compiles.

Every operator's `native.h` is a template over a struct of the node. What the header reads as `N::name` is a constant of
the struct and part of the code. What it reads as `node.name` is filled at run time: numbers, and pointers to constants.
So nodes of one shape share a kernel, and no weight is part of the code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from accel.constants import Constant
from accel.graph import Graph, Node
from accel.numeric import FLOAT32_EXACT, FLOAT64_CARRIED, INT32_EXACT
from accel.reference.edges import storage, stored
from accel.tensor import Tensor

HEADERS = Path(__file__).parents[1] / "ops"


def carried(peak: int) -> str:
    """The C++ type that carries integers of magnitude up to `peak` fastest."""
    if peak <= FLOAT32_EXACT:
        return "float"
    if peak <= INT32_EXACT:
        return "std::int32_t"
    return "double" if peak <= FLOAT64_CARRIED else "std::int64_t"


class Header(NamedTuple):
    """Names that a native.h reads: constants of the code, and members that are filled at run time."""

    constants: frozenset[str]
    members: tuple[str, ...]
    leads: bool
    """Does it tell followers which columns it has finished?"""
    follows: bool
    """Can it work on some columns?"""

    @property
    def prepares(self) -> bool:
        return "prepared" in self.members

    @property
    def whole(self) -> bool:
        """Does it read rows of its inputs beside those that it writes?"""
        return bool({"x_tokens", "b_tokens"} & self.constants)


class NodeKernel(NamedTuple):
    """One node as C++: its header, the text of its struct and of two calls, and values for the struct's members."""

    path: str
    struct: str
    call: str
    prepare: str
    header: Header
    members: list[tuple[str, int | np.ndarray]]

    @property
    def code(self) -> tuple[str, str, str]:
        """The same text for all nodes that share a kernel."""
        return self.path, self.struct, self.call


@cache
def header(path: str) -> Header:
    """Names that a header of an operator reads."""
    text = (HEADERS / path).read_text(encoding="utf-8")
    members = dict.fromkeys(re.findall(r"\bnode\.(\w+)", text))
    leads, follows = "rows.followers" in text, "elements<" in text
    return Header(frozenset(re.findall(r"\bN::(\w+)", text)), tuple(members), leads, follows)


def kernel(graph: Graph, node: Node) -> NodeKernel:
    """The C++ of a node."""
    inputs, output = graph.ends(node)
    form, values = node.op.compiled(*inputs)
    path = f"{node.op.kind}/native{form}.h"
    asked = header(path)
    constants = {"tokens": output.tokens, "channels": output.channels, "bytes": _in_bytes(node, inputs)}
    for prefix, tensor in zip("xb", inputs, strict=False):
        constants |= {f"{prefix}_tokens": tensor.tokens, f"{prefix}_channels": tensor.channels}
    lines = [f"using T = {_carrier(graph, node)};"] if "T" in asked.constants else []
    for name in sorted(asked.constants - {"T"}):
        lines.append(_constant(name, constants[name] if name in constants else _value(values, name)))
    members: list[tuple[str, int | np.ndarray]] = []
    for name in asked.members:
        value = 0 if name == "prepared" else _value(values, name)
        if isinstance(value, Constant):
            kept = value.typed(_narrowest(value))
            lines.append(f"const std::{kept.dtype}_t *{name};")
            members.append((name, kept))
        elif isinstance(value, int):
            lines.append(f"void *{name};" if name == "prepared" else f"std::int64_t {name};")
            members.append((name, value))
    types = [storage(graph, name).cpp for name in (*node.inputs, node.name)]
    edges = ", ".join(f"({kind} *)edges[{i}]" for i, kind in enumerate(types))
    return NodeKernel(
        path,
        "\n".join(f"    {line}" for line in lines),
        f"{node.op.kind}{form}(*(const N *)node, {edges}, rows)",
        f"prepare(*(const N *)node, ({types[0]} *)nullptr, memory)" if asked.prepares else "",
        asked,
        members,
    )


def _in_bytes(node: Node, inputs: Sequence[Tensor]) -> int:
    return int(node.op.bytes(*inputs) is not None)


def _carrier(graph: Graph, node: Node) -> str:
    inputs, _ = graph.ends(node)
    return "std::int32_t" if node.op.narrow(*inputs) == "float32" else carried(graph.peak(node))


def _value(values: object, name: str) -> int | str | Constant:
    """A field or a property of an operator (`Op.compiled`), or the size of one."""
    if name.endswith("_size"):
        return int(getattr(values, name.removesuffix("_size")).size)
    value = getattr(values, name)
    return value if isinstance(value, (str, Constant)) else int(value)


def _constant(name: str, value: int | str | Constant) -> str:
    typed = f"Word {name} = Word::{value}" if isinstance(value, str) else f"int {name} = {value}"
    return f"static constexpr {typed};"


def _narrowest(values: Constant) -> str:
    """int8, int32 or int64: processors look 16 bits up one by one, and 32 bits many at a time."""
    found = stored(min(-1, values.lo), values.hi)
    return "int32" if found == "int16" else found


def source(kernels: Sequence[NodeKernel]) -> str:
    """C++ of a library with these kernels."""
    lines = [f'#include "{path}"' for path in sorted({one.path for one in kernels})]
    lines += ['#include "common/native_program.h"', "using namespace accel;", "namespace {"]
    for number, one in enumerate(kernels):
        prepare = f"[](const void *node, void *memory) {{ using N = Node{number}; return {one.prepare}; }}"
        lines += [
            f"struct Node{number} {{ // {one.path}\n{one.struct}\n}};",
            f"constexpr Kernel kernel{number} = {{",
            f"    {prepare if one.prepare else 'nullptr'},",
            f"    [](const void *node, void *const *edges, Rows rows) {{ using N = Node{number}; {one.call}; }}}};",
        ]
    names = ", ".join(f"kernel{number}" for number in range(len(kernels)))
    return "\n".join([*lines, f"constexpr Kernel kernels[] = {{{names}}};", "}", "ACCEL_PROGRAM(kernels)\n"])
