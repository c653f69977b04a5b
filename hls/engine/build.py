"""The frame of an engine's top module: its numbers, its wires, and the lines of registers beside beats and results."""

from __future__ import annotations

from functools import partial

import numpy as np

from accel.engine.delays import attention_of, gain_of, norm_of, normed_of
from accel.engine.isa import EngineProgram, Epilogue, Instruction, Opcode
from accel.hardware import Module, Rom
from accel.image import Image
from accel.numeric import signed_width
from accel.stream import Stream
from hls.engine.fields import Fields, WordLayout, width
from hls.engine.top import Line, bus, instance

DEEP = 64
"""Words from which a memory is worth block RAM."""


class Build:
    """Wires, memories and sections of an engine's top module while they grow."""

    def __init__(self, program: EngineProgram, request: Stream, answer: Stream) -> None:
        self.program, self.request, self.answer = program, request, answer
        self.sizes, self.layout = program.sizes, WordLayout(program)
        self.delays, self.memories = self.layout.delays, dict[str, Image]()
        self.norm, self.attention = norm_of(program), attention_of(program)
        s, fields = self.sizes, self.layout.fields
        self.position_bits, self.token_bits = width(s.context - 1), width(s.vocabulary - 1)
        self.address_bits, self.count_bits, self.step_bits = fields["source"], fields["words"], fields["planes"]
        self.beats = Line("", self._beat_fields(), "live")
        self.sums = Line("sum_", self._beat_fields(), "live")
        self.results = Line("r_", {"valid": 1, **self._beat_fields()}, "valid")
        self.wires: dict[str, int] = {}
        self._parts: set[str] = set()
        self._lines: list[str] = []
        self._unused: list[str] = []
        self._units: dict[str, tuple[str, dict[str, int | str]]] = {}

    @property
    def tells_logits(self) -> bool:
        """Are all logits the answer, instead of tokens?"""
        return self.answer.tensor.channels > 1

    # ---- numbers of the program

    def has(self, **wanted: object) -> bool:
        """Is there an instruction with these fields?"""
        return any(all(getattr(i, key) == value for key, value in wanted.items()) for i in self.program.instructions)

    def chosen(self, epilogue: Epilogue) -> list[Instruction]:
        """Instructions whose results go there."""
        return [each for each in self.program.instructions if each.epilogue is epilogue and each.op is Opcode.MATRIX]

    @property
    def centred_bits(self) -> int:
        """Bits of what a norm multiplies."""
        return max(norm.centred_bits(x) for norm, x in normed_of(self.program))

    @property
    def normed_bits(self) -> int:
        """Bits of what enters the rounding of a norm: times a gain of the channel where there are gains."""
        if gain_of(self.program) is not None:
            return self.centred_bits
        gains, most = self.program.tables.get("gains"), max(each.multiplier for each in self.program.instructions)
        return self.centred_bits + max(signed_width(gains) if gains is not None else 0, most.bit_length() + 1)

    def early(self, name: str) -> str:
        """All that is there in cycle 1, in the cycle in which it enters the rounding."""
        return name if self.delays.early == 1 or name == "normed" else f"{name}_2"

    @property
    def sum_bits(self) -> int:
        """Bits of what enters the rounding."""
        return max(
            self.sizes.sum_bits,
            self.normed_bits,
            self.sizes.residual_bits + 2,
            self.sizes.share_bits + 1,
            self.layout.held_bits,
        )

    @property
    def result_bits(self) -> int:
        """Bits of what leaves the rounding, and of its limits."""
        rounded = [i for i in self.program.instructions if i.epilogue is not Epilogue.LOGITS]
        ends = [end for i in rounded for at in (i.limits, i.late_limits) for end in self.sizes.limits[at]]
        limits = max(max(end, -end - 1).bit_length() + 1 for end in ends)
        return max(self.sizes.result_bits, self.sizes.residual_bits, limits)

    @property
    def activation_bits(self) -> int:
        """Bits of what the array multiplies digits with."""
        return max(self.sizes.activation_bits, 5)

    @property
    def product_bits(self) -> int:
        """Bits of sums times a multiplier."""
        return self.sum_bits + self.sizes.multiplier_bits + 1

    @property
    def key_shift(self) -> int:
        """Bits of the number of a key block, none where there is one."""
        return (self.layout.context_blocks - 1).bit_length()

    @property
    def word_shift(self) -> int:
        """Bits of the number of a key word, none where there is one."""
        return (self.layout.context_words - 1).bit_length()

    @property
    def ratio_bits(self) -> int:
        """Bits of the number of a block in its word, none where it is one."""
        return (self.layout.ratio - 1).bit_length()

    def _beat_fields(self) -> Fields:
        return {
            "op": 4,
            "live": 1,
            "first": 1,
            "last": 1,
            "highest": 1,
            "words_end": 1,
            "step": self.step_bits,
            "word": self.count_bits,
            "outer": self.count_bits,
            "group": self.address_bits,
            "head": self.address_bits,
            "index": self.address_bits,
            "number": 16,
            **self.layout.rest,
        }

    def joined(self, field: str) -> str:
        """A field as it enters the line beside the array: beats of SCORE and VALUE come a cycle later."""
        now = "live && matrix" if field == "live" else field
        return f"(attends_1 ? {self.beats.at(1, field)} : {now})"

    # ---- text

    def wire(self, name: str, bits: int) -> str:
        """Declare a wire."""
        self.wires[name] = bits
        return name

    def lanes(self, name: str, bits: int) -> str:
        """Declare a wire of which parts are taken, even where it has one bit."""
        self._parts.add(name)
        return self.wire(name, bits)

    def title(self, text: str) -> None:
        """Begin a section."""
        self._lines += ["", f"    // ---- {text}"]

    def add(self, *lines: str) -> None:
        """Append lines, indented as in a module."""
        self._lines += [f"    {line}" if line else "" for line in lines]

    def assign(self, name: str, bits: int, value: str) -> str:
        """Declare a wire that has a value."""
        self.add(f"assign {self.wire(name, bits)} = {value};")
        return name

    def register(self, *lines: str) -> None:
        """All that happens at the clock."""
        self.add("always_ff @(posedge clk) begin", *(f"    {line}" for line in lines), "end")

    def unit(self, module: str, name: str, params: dict[str, int | str], **pins: str) -> None:
        """Append an instance; clk is connected, `rst` where it is among the pins."""
        self._units[name] = module, params
        self._lines += instance(module, name, params, {"clk": "", **pins})

    @property
    def units(self) -> dict[str, Module]:
        """The units by their names, as the cost model and a synthesis on its own see them."""
        return {name: self._module(*unit) for name, unit in self._units.items()}

    def _module(self, module: str, params: dict[str, int | str]) -> Module:
        numbers = {key: value for key, value in params.items() if not isinstance(value, str)}
        files = {key: self.memories[value] for key, value in params.items() if isinstance(value, str)}
        roms = {key: Rom(len(file.words), file.words.shape[1], 8, partial(_words, file)) for key, file in files.items()}
        return Module(module, numbers, roms)

    def unused(self, *names: str) -> None:
        """Wires that nobody reads."""
        self._unused += names

    def text(self, name: str) -> str:
        """The whole module."""
        lines = [*self._head(name), *self._beside(), *self._lines]
        if self._unused:
            lines += ["", f"    wire unused = ^{{{', '.join(self._unused)}}};"]
        return "\n".join([*lines, "endmodule", ""])

    def _head(self, name: str) -> list[str]:
        s, numbered = self.sizes, ", ".join(f"{op.name} = {int(op)}" for op in Opcode)
        written = ", ".join(f"TO_{to.name} = {int(to)}" for to in Epilogue)
        return [
            f"// Decode engine of {s.pe} x {s.simd} products: {len(self.program.instructions)} instructions a token.",
            "// Written by accel; do not edit.",
            f"module {name} (",
            "    input  logic clk,",
            "    input  logic rst,",
            "    input  logic s_valid,",
            "    output logic s_ready,",
            f"    input  logic [{self.request.bits - 1}:0] s_data,",
            "    input  logic s_last,",
            "    output logic m_valid,",
            "    input  logic m_ready,",
            f"    output logic [{self.answer.bits - 1}:0] m_data,",
            "    output logic m_last",
            ");",
            "    /* verilator lint_off UNUSEDPARAM */",
            f"    localparam logic [3:0] {numbered};",
            f"    localparam logic [2:0] {written};",
            "    localparam logic [1:0] CONSTANT = 0, ROW = 1, ROOT = 2, HEAD = 3;",
            "    /* verilator lint_on UNUSEDPARAM */",
            "    /* verilator lint_off UNUSEDSIGNAL */  // not every program needs all of what travels along",
            *(f"    logic {self._range(wire)}{wire};" for wire in self.wires),
        ]

    def _range(self, wire: str) -> str:
        return "[0:0] " if wire in self._parts and self.wires[wire] == 1 else bus(self.wires[wire])

    def _beside(self) -> list[str]:
        """All that travels beside beats and results: the wires that the sections asked for."""
        rest = ", ".join(reversed(list(self.layout.rest)))
        lines = ["", "    // ---- what belongs to a beat, and to a result"]
        lines += [f"    logic {bus(bits)}{name};" for name, bits in self.beats.fields.items()]
        lines += [f"    logic [{sum(self.layout.rest.values()) - 1}:0] rest;", f"    assign {{{rest}}} = rest;"]
        sums = self.sums.declared(self.joined)
        lines += [*self.beats.declared(lambda field: field), *sums]
        lines += self.results.declared(lambda field: f"r_{field}_0")
        return [*lines, "    /* verilator lint_on UNUSEDSIGNAL */"]


def _words(file: Image) -> np.ndarray:
    return file.words


def cast(bits: int, value: str) -> str:
    """A value as a number of `bits` bits."""
    return f"{bits}'({value})"
