"""Dense as an adder graph in C++: hls4ml's strategy "distributed_arithmetic", on the graph that da4ml's solver finds.

da4ml's own C++ needs one vendor's fixed-point types and floating-point literals; the text made here has integers of
exactly known widths, from the graph that the RTL is made of too.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import numpy as np

from accel.kernel import Kernel, Precision
from accel.numeric import bits
from accel.ops import folder
from accel.ops.dense.op import Dense
from accel.ops.dense.unrolled import AdderGraph, Term, ranges, solve
from accel.tensor import Tensor

HEADER = folder("common") / "accel_io.h"
FRAME = """
// y[t] = weight · x[t] + bias: {adders} adders. II 1, a token per cycle plus the pipeline's latency. Written by accel.
template <class CONFIG, class X, class Y> void {name}(X &x, Y &y) {{
    for (int t = 0; t < CONFIG::tokens; t++) {{
        #pragma HLS PIPELINE II=1
        typename CONFIG::in0_t token[CONFIG::inputs];
        typename CONFIG::out_t sums[CONFIG::outputs];
        #pragma HLS ARRAY_PARTITION variable=token complete
        #pragma HLS ARRAY_PARTITION variable=sums complete
        CONFIG::io::read(x, t, token);
{body}
        CONFIG::io::write(y, t, sums);
    }}
}}
"""


def kernel(op: Dense, x: Tensor, output: Tensor) -> Kernel:
    """All inputs of a token enter at once and all outputs leave at once."""
    graph = solve(op.weight.wide(), op.bias.wide(), x)
    types = [bits(lo, hi) for lo, hi in ranges(graph, x)]
    body = "\n".join(f"        {line}" for line in _lines(graph, types, op.bias.wide()))
    name = f"accel_adders_{sha256(body.encode()).hexdigest()[:16]}"
    return Kernel(
        name,
        HEADER,
        (x.channels,),
        output.channels,
        {"tokens": x.tokens, "inputs": x.channels, "outputs": output.channels},
        {_type(precision): precision for precision in sorted(set(types[graph.inputs :]))},
        source=FRAME.format(name=name, adders=len(graph.adders), body=body),
        strategy="distributed_arithmetic",
    )


def _lines(graph: AdderGraph, types: list[Precision], bias: np.ndarray) -> Iterator[str]:
    """A value modulo 2^width is the value: operands are cut to the width of the result before they are shifted."""
    value = [f"token[{i}]" for i in range(graph.inputs)]
    for number, adder in enumerate(graph.adders, graph.inputs):
        kind, name, last = f"typename CONFIG::{_type(types[number])}_t", f"v{number}", f"r{number}"
        yield f"{kind} {name} = {value[adder.left] if adder.right is not None else f'{adder.constant}LL'};"
        source, shift = adder.operands[-1]
        if adder.right is not None and adder.left_shift:
            yield f"{name} = {name} << {adder.left_shift};"
        yield f"{kind} {last} = {value[source]};"
        if shift:
            yield f"{last} = {last} << {shift};"
        yield f"{name} {'-' if adder.subtract else '+'}= {last};"
        value.append(name)
    for index, (term, constant) in enumerate(zip(graph.outputs, bias, strict=True)):
        yield f"sums[{index}] = {_source(term, value, int(constant))};"
        if term.exponent and term.value >= 0:
            yield f"sums[{index}] = sums[{index}] << {term.exponent};"


def _source(term: Term, value: list[str], constant: int) -> str:
    return value[term.value] if term.value >= 0 else f"{constant}LL"


def _type(precision: Precision) -> str:
    """Name of an integer type; it ends in a letter because hls4ml appends a layer's number."""
    width, signed = precision
    return f"w{width}{'s' if signed else 'u'}"
