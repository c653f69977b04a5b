"""Dense with its weights built into the circuit: a graph of additions of shifted values, found by da4ml.

All inputs of a token enter at once and a token leaves every cycle. The graph comes from da4ml's solver of constant
matrix-vector products; widths, pipeline registers and the text of the module are made here. Every value is an affine
function of the inputs, so its range, and with it its width, is known exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np

from accel.errors import AccelError
from accel.fold import MatrixFold
from accel.hardware import ALWAYS, Actor, Module, Port, Unit, consume, produce
from accel.numeric import bits
from accel.ops.dense.op import Dense
from accel.tensor import Tensor

MAX_WEIGHTS = 128 * 128
"""Largest matrix that is solved: it takes a minute, and 100,000 LUTs."""
MAX_MAGNITUDE = 1 << 24
"""The solver computes in float32."""
EXTRA_DEPTH = 2
"""Adder levels that the solver may spend beyond the least possible: more levels save hardly any adders."""


class Term(NamedTuple):
    """± value · 2^exponent, or 0 where `value` is below 0: how adders and outputs refer to values."""

    value: int
    exponent: int = 0
    negative: bool = False

    def __neg__(self) -> Term:
        return self._replace(negative=not self.negative)

    def __lshift__(self, exponent: int) -> Term:
        return self._replace(exponent=self.exponent + exponent)


ZERO = Term(-1)


class Adder(NamedTuple):
    """left · 2^left_shift ± right · 2^right_shift; without a right value, constant ± left · 2^left_shift."""

    left: int
    left_shift: int
    right: int | None
    right_shift: int
    subtract: bool
    constant: int = 0

    @property
    def passed(self) -> int:
        """Low bits of the sum that are those of one operand, because the other is shifted."""
        if self.right is None:
            return 0
        return self.right_shift or (0 if self.subtract else self.left_shift)

    @property
    def operands(self) -> tuple[tuple[int, int], ...]:
        """(value, shift) of what is added."""
        left = (self.left, self.left_shift)
        return (left,) if self.right is None else (left, (self.right, self.right_shift))


class AdderGraph:
    """Values 0..inputs−1 are the inputs, the next ones the adders in order; `outputs` are terms of them."""

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.adders: list[Adder] = []
        self.outputs: list[Term] = []
        self._known: dict[Adder, int] = {}

    def add(self, a: Term, b: Term) -> Term:
        """a + b: an adder, or nothing where one of them is 0."""
        if a.value < 0 or b.value < 0:
            return b if a.value < 0 else a
        if a.negative and b.negative:
            return -self.add(-a, -b)
        if a.negative:
            a, b = b, a
        low = min(a.exponent, b.exponent)
        return Term(self._value(Adder(a.value, a.exponent - low, b.value, b.exponent - low, b.negative)), low)

    def offset(self, a: Term, constant: int) -> Term:
        """a + constant, never negative: an adder where the constant is not 0 or a has a minus."""
        if a.value < 0 or (constant == 0 and not a.negative):
            return a
        return Term(self._value(Adder(a.value, a.exponent, None, 0, a.negative, constant)))

    def _value(self, adder: Adder) -> int:
        if adder not in self._known:
            self._known[adder] = self.inputs + len(self.adders)
            self.adders.append(adder)
        return self._known[adder]

    def coefficients(self) -> np.ndarray:
        """(values, inputs + 1): every value as a linear function of the inputs and 1."""
        found = np.zeros((self.inputs + len(self.adders), self.inputs + 1), dtype=np.int64)
        found[: self.inputs, : self.inputs] = np.eye(self.inputs, dtype=np.int64)
        for value, adder in enumerate(self.adders, self.inputs):
            last = found[adder.operands[-1][0]] << adder.operands[-1][1]
            found[value] = -last if adder.subtract else last
            if adder.right is None:
                found[value, -1] += adder.constant
            else:
                found[value] += found[adder.left] << adder.left_shift
        return found


def solve(weight: np.ndarray, bias: np.ndarray, x: Tensor) -> AdderGraph:
    """The adder graph of weight · x + bias. Outputs that are constant are ZERO."""
    from da4ml.cmvm import solve as solve_matrix

    columns = weight.shape[1]
    graph = AdderGraph(columns)
    interval = (float(x.lo), float(max(x.hi, x.lo + 1)), 1.0)  # an input that is always 0 would be left out
    pipeline = solve_matrix(
        np.ascontiguousarray(weight.T, dtype=np.float32),
        hard_dc=EXTRA_DEPTH,
        qintervals=[interval] * columns,
        adder_size=1,  # cost in bits, not in adders
        carry_size=-1,
    )
    terms = [Term(value) for value in range(columns)]
    for stage in pipeline.solutions:
        terms = _evaluate(stage, terms, graph)
    graph.outputs = [graph.offset(term, int(constant)) for term, constant in zip(terms, bias, strict=True)]
    _check(graph, weight)
    return graph


def _evaluate(stage: Any, inputs: list[Term], graph: AdderGraph) -> list[Term]:
    """Replays da4ml's operations: opcode −1 reads an input, 0 adds and 1 subtracts value · 2^data."""
    found: list[Term] = []
    for op in stage.ops:
        if op.opcode == -1:
            found.append(inputs[op.id0] << stage.inp_shifts[op.id0])
        else:
            right = found[op.id1] << op.data
            found.append(graph.add(found[op.id0], -right if op.opcode == 1 else right))
    results = zip(stage.out_idxs, stage.out_shifts, stage.out_negs, strict=True)
    terms = [(found[index] << shift if index >= 0 else ZERO, negative) for index, shift, negative in results]
    return [-term if negative else term for term, negative in terms]


def _check(graph: AdderGraph, weight: np.ndarray) -> None:
    """The graph computes the matrix, whatever the solver did."""
    coefficients = graph.coefficients()[:, :-1]
    zero = np.zeros(graph.inputs, dtype=np.int64)
    found = [zero if t.value < 0 else coefficients[t.value] << t.exponent for t in graph.outputs]
    if any(term.exponent < 0 for term in graph.outputs) or not np.array_equal(np.stack(found), weight):
        raise AccelError("the adder graph that da4ml found is not the matrix; please report the weights")


@dataclass(frozen=True)
class AdderValue:
    """One value in the circuit: its exact range, the stage that makes it, and how many bits the stages read of it."""

    lo: int
    hi: int
    born: int
    reads: dict[int, int] = field(default_factory=dict)

    @property
    def bits(self) -> int:
        return bits(self.lo, self.hi)[0]

    @property
    def last(self) -> int:
        """The last stage that reads it; 0 when nobody does."""
        return max(self.reads, default=0)

    def width(self, stage: int) -> int:
        """Bits that this stage or a later one reads."""
        return max((width for reader, width in self.reads.items() if reader >= stage), default=0)

    def read(self, stage: int, width: int) -> None:
        self.reads[stage] = max(self.reads.get(stage, 0), min(width, self.bits))

    def declaration(self, stage: int) -> str:
        return f"{'signed ' if self.lo < 0 else ''}[{self.width(stage) - 1}:0]"


class Circuit:
    """An adder graph as a pipeline with a register behind every `levels` adders.

    The inputs are registered, so stage 1 reads them one cycle after they are taken; the outputs are registers as
    well: what stage `stages` + 1 reads. Sums are made modulo 2^width, with the bits that somebody reads.
    """

    def __init__(self, graph: AdderGraph, x: Tensor, levels: int) -> None:
        self.graph = graph
        depth = [0] * graph.inputs
        for adder in graph.adders:
            depth.append(1 + max(depth[index] for index, _ in adder.operands))
        used = [term.value for term in graph.outputs if term.value >= 0]
        self.stages = max((-(-depth[index] // levels) for index in used), default=0)
        self.latency = self.stages + 1
        born = [max(1, -(-level // levels)) for level in depth]
        self.values = [AdderValue(*span, stage) for span, stage in zip(ranges(graph, x), born, strict=True)]
        for index in used:
            self.values[index].read(self.latency, self.values[index].bits)
        for value, adder in reversed(list(zip(self.values[graph.inputs :], graph.adders, strict=True))):
            width = value.width(value.born)
            for operand, shift in adder.operands:
                if width > shift:
                    self.values[operand].read(value.born, width - shift)

    @property
    def facts(self) -> dict[str, int]:
        """Cost of the adder graph: adders, their bits and the bits of registers."""
        made = zip(self.graph.adders, self.values[self.graph.inputs :], strict=True)
        widths = [max(1, value.width(value.born) - adder.passed) for adder, value in made if value.last]
        registers = (value.width(s) for value in self.values for s in range(value.born + 1, value.last + 1))
        inputs = (value.width(1) for value in self.values[: self.graph.inputs])
        return {
            "ADDERS": len(widths), "ADDER_BITS": sum(widths), "REGISTER_BITS": sum(registers) + sum(inputs),
            "LATENCY": self.latency,
        }  # fmt: skip

    def lines(self, x_width: int, bias: np.ndarray, width: int) -> Iterator[str]:
        """SystemVerilog: the datapath from s0_data (`x_width` bits per input) to m0_data (`width` per output)."""
        yield from self._inputs(x_width)
        for stage in range(1, self.latency + 1):
            yield f"    // stage {stage}"
            yield from self._registers(stage)
            for index, adder in enumerate(self.graph.adders, self.graph.inputs):
                value = self.values[index]
                if value.born == stage and value.last:
                    total = self._sum(adder, value.width(stage), stage)
                    yield f"    wire {value.declaration(stage)} v{index}_{stage} = {total};"
        for row, (term, constant) in enumerate(zip(self.graph.outputs, bias.tolist(), strict=True)):
            text = _literal(constant, width) if term.value < 0 else self._operand(term[:2], width, self.latency)
            yield f"    assign m0_data[{row * width}+:{width}] = {text};"

    def _inputs(self, x_width: int) -> Iterator[str]:
        unread = []
        for index in range(self.graph.inputs):
            value = self.values[index]
            read = value.width(1)
            if read:
                yield f"    logic {value.declaration(1)} v{index}_1;"
                yield f"    always_ff @(posedge clk) if (m0_take) v{index}_1 <= s0_data[{index * x_width}+:{read}];"
            if read < x_width:
                unread.append(f"s0_data[{index * x_width + read}+:{x_width - read}]")
        if unread:
            yield f"    wire unused = ^{{{', '.join(unread)}}};"

    def _registers(self, stage: int) -> Iterator[str]:
        """The values of earlier stages that this one or a later one reads."""
        kept = [(index, value) for index, value in enumerate(self.values) if value.born < stage <= value.last]
        yield from (f"    logic {value.declaration(stage)} v{index}_{stage};" for index, value in kept)
        if kept:
            yield "    always_ff @(posedge clk) begin"
            for index, value in kept:
                part = f"[{value.width(stage) - 1}:0]" if value.width(stage) < value.width(stage - 1) else ""
                yield f"        v{index}_{stage} <= v{index}_{stage - 1}{part};"
            yield "    end"

    def _sum(self, adder: Adder, width: int, stage: int) -> str:
        terms = [self._operand(operand, width, stage) for operand in adder.operands]
        if adder.right is None:
            terms.insert(0, _literal(adder.constant, width))
        # The attribute is for yosys, which makes carry-save adders of chains: 3 look-up tables per bit instead of 2.
        return f" {'-' if adder.subtract else '+'} (* keep *) ".join(terms)

    def _operand(self, operand: tuple[int, int], width: int, stage: int) -> str:
        """value · 2^shift in `width` bits, as `stage` reads it."""
        value, shift = operand
        if shift >= width:
            return _literal(0, width)
        text = f"{width}'(v{value}_{stage})"
        return f"({text} <<< {shift})" if shift else text


def _literal(constant: int, width: int) -> str:
    return f"{width}'h{constant & ((1 << width) - 1):x}"


def ranges(graph: AdderGraph, x: Tensor) -> list[tuple[int, int]]:
    """Exact range of every value, from its coefficients."""
    table = graph.coefficients()
    positive = np.maximum(table[:, :-1], 0).sum(1).astype(object)
    negative = np.minimum(table[:, :-1], 0).sum(1).astype(object)
    lo, hi = positive * x.lo + negative * x.hi + table[:, -1], positive * x.hi + negative * x.lo + table[:, -1]
    return [(int(a), int(b)) for a, b in zip(lo, hi, strict=True)]


def folds(op: Dense) -> list[MatrixFold]:
    """A register behind every 1, 2 or 3 adders in a row, for matrices that the solver can do."""
    rows, columns = op.weight.shape
    if op.weight.size > MAX_WEIGHTS or op.weight.magnitude >= MAX_MAGNITUDE:
        return []
    return [MatrixFold(rows, columns, unrolled=levels) for levels in (1, 2, 3)]


def unit(op: Dense, x: Tensor, output: Tensor, levels: int) -> Unit:
    """One unit that takes a token per cycle, with a register behind every `levels` adders."""
    plain = Tensor((1, x.channels), x.lo, x.hi)  # neither tokens nor scales change the circuit
    weight, bias = op.weight.wide().tobytes(), op.bias.wide().tobytes()
    module, latency = _module(op.weight.shape, weight, bias, plain, output.width, levels)
    return Unit(
        module,
        (Port("in0", x.channels, x.width),),
        (Port("out", output.channels, output.width),),
        (Actor(x.tokens, (consume("in0"),), (produce("out", ALWAYS, latency),)),),
        multipliers=op.weight.size,
    )


@lru_cache(maxsize=256)
def _module(
    shape: tuple[int, int], weight: bytes, bias: bytes, x: Tensor, width: int, levels: int
) -> tuple[Module, int]:
    """The generated module and its latency in cycles."""
    constants = np.frombuffer(bias, dtype=np.int64)
    graph = solve(np.frombuffer(weight, dtype=np.int64).reshape(shape), constants, x)
    circuit = Circuit(graph, x, levels)
    facts = circuit.facts
    frame = _frame(shape[1] * x.width, shape[0] * width, circuit.latency)
    body = "\n".join([*frame, *circuit.lines(x.width, constants, width)])
    name = f"accel_unrolled_{sha256(body.encode()).hexdigest()[:8]}"
    text = (
        f"// Dense, unrolled: {shape[1]} inputs, {shape[0]} outputs, {facts['ADDERS']} adders. "
        "Written by accel; do not edit.\n"
        f"// A token per cycle, latency {circuit.latency}; v<n>_<s> is value n as stage s reads it.\n"
        f"module {name} (\n{body}\nendmodule\n"
    )
    return Module(name, {}, source=text, facts=facts), circuit.latency


def _frame(in_bits: int, out_bits: int, latency: int) -> Iterator[str]:
    """Ports and flow control of a unit that takes a beat per cycle."""
    yield from (
        "    input  logic clk,",
        "    input  logic rst,",
        "    input  logic s0_valid,",
        "    output logic s0_ready,",
        f"    input  logic [{in_bits - 1}:0] s0_data,",
        "    input  logic s0_last,",
        "    input  logic m0_room,",
        "    output logic m0_take,",
        "    output logic m0_valid,",
        f"    output logic [{out_bits - 1}:0] m0_data,",
        "    output logic m0_last",
        ");",
        "    assign s0_ready = m0_room;",
        "    assign m0_take  = s0_valid && m0_room;",
        f"    logic [{latency}:1] valid, last;",
        "    always_ff @(posedge clk) begin",
        f"        valid <= rst ? '0 : {latency}'({{valid, m0_take}});",
        f"        last  <= {latency}'({{last, s0_last}});",
        "    end",
        f"    assign m0_valid = valid[{latency}];",
        f"    assign m0_last  = last[{latency}];",
    )
