"""Tiny hand-written designs for board tests."""

from dataclasses import replace

import numpy as np

from accel.design import Design, Figures
from accel.image import Image
from accel.stream import Stream
from accel.tensor import Tensor

_ADD_ONE = """\
// Adds 1 to every element, one beat per four cycles; output elements are wider than input elements.
module add_one (
    input  logic clk,
    input  logic rst,
    input  logic s_valid,
    output logic s_ready,
    input  logic [{IN}-1:0] s_data,
    input  logic s_last,
    output logic m_valid,
    input  logic m_ready,
    output logic [{OUT}-1:0] m_data,
    output logic m_last
);
    logic [1:0] pause;

    assign s_ready = (!m_valid || m_ready) && pause == '0;

    always_ff @(posedge clk) begin
        pause <= (s_valid && s_ready) ? 2'd3 : (pause != '0) ? pause - 1'b1 : pause;
        if (m_ready) m_valid <= 1'b0;
        if (s_valid && s_ready) begin
            m_valid <= 1'b1;
            m_last  <= s_last;
            for (int i = 0; i < {LANES}; i++)
                m_data[i*{W}+:{W}] <= {W}'($signed(s_data[i*{V}+:{V}])) + 1'b1;
        end
        if (rst) begin
            m_valid <= 1'b0;
            pause   <= '0;
        end
    end
endmodule
"""


def add_one(lanes: int = 2, width: int = 6, wider: int = 12, beats: int = 5) -> Design:
    """A stream that adds 1: `lanes` elements of `width` bits in, of `wider` bits out."""
    text = _ADD_ONE
    for name, value in {"IN": lanes * width, "OUT": lanes * wider, "LANES": lanes, "V": width, "W": wider}.items():
        text = text.replace(f"{{{name}}}", str(value))
    ends = stream(lanes, width, True, beats), stream(lanes, wider, True, beats)
    return Design("add-one", "add_one", {"add_one.sv": text}, ends[:1], ends[1:], Figures(4 * beats, 4 * beats))


def stream(lanes: int, width: int, signed: bool, beats: int) -> Stream:
    """A stream of all integers of a width."""
    low = -(1 << width - 1) if signed else 0
    return Stream.of("", Tensor((beats, lanes), low, low + (1 << width) - 1), lanes)


def scaled(design: Design, source: float, result: float) -> Design:
    """The same with the scales of what goes in and comes out."""
    scales = ((design.input, source), (design.output, result))
    ends = [replace(stream, tensor=replace(stream.tensor, scale=scale)) for stream, scale in scales]
    return replace(design, inputs=(ends[0],), outputs=(ends[1],))


def silent() -> Design:
    """A core that takes its input and never answers."""
    design = add_one()
    return replace(
        design, files={"add_one.sv": design.files["add_one.sv"].replace("m_valid <= 1'b1;", "m_valid <= 1'b0;")}
    )


def huge(kilobits: int = 4500) -> Design:
    """A core with more memory than an ECP5-85F has (208 blocks of 18 kbit), and too slow for its clock."""
    design = add_one()
    depth = kilobits * 1024 // 36
    memory = f"""\
    logic [35:0] memory[{depth}];
    logic [35:0] word;
    logic [16:0] place;
    always_ff @(posedge clk) begin
        place <= rst ? '0 : place + 1'b1;
        word <= memory[place];
        if (s_valid) memory[place] <= word + 36'(s_data);
    end
"""
    text = design.files["add_one.sv"].replace("    logic [1:0] pause;\n", f"    logic [1:0] pause;\n{memory}")
    text = text.replace("+ 1'b1;\n        end", "+ 12'(^word);\n        end")
    return replace(design, files={"add_one.sv": text})


def with_memory(design: Design) -> Design:
    """The same with a memory whose contents are a file."""
    memory = """\
    logic [7:0] table_[16];
    logic [7:0] entry;
    initial $readmemh("table.hex", table_);
    always_ff @(posedge clk) entry <= table_[s_data[3:0]];
"""
    text = design.files["add_one.sv"].replace("    logic [1:0] pause;\n", f"    logic [1:0] pause;\n{memory}")
    return replace(design, files={"add_one.sv": text}, memories={"table.hex": Image.pack(np.arange(16)[:, None], 8)})


def damaged(design: Design, memory: str, *places: int, bit: int = 0) -> Design:
    """The same with a bit of some words of a memory inverted."""
    image = design.memories[memory]
    words = image.words.copy()
    words[[*places], bit // 8] ^= 1 << bit % 8
    return replace(design, memories={**design.memories, memory: replace(image, words=words)})
