"""The post-synthesis level: netlists equal the RTL cycle for cycle, and a planted fault in one is found."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from board_designs import stream
from encoders import Shape, encoder, samples

from accel import reference
from accel.design import Design, Figures
from accel.errors import ToolError, UserError
from accel.graph import Graph, Node
from accel.ops import Dense, Rescale
from accel.tensor import Tensor
from hls import rtl
from hls.rtl import emit
from hls.simulation import simulate
from hls.simulation.simulate import SimulationError
from hls.synthesis import gates, yosys

TARGETS = ("ecp5", "ice40", "gowin", "gw5a", "gatemate")
WIDTHS = {1: 16384, 2: 8192, 4: 4096, 9: 2048, 18: 1024, 36: 512}  # of one block RAM: width → depth
FIRST = 5  # how many beats a memory's words are old when they are read


def network() -> tuple[Graph, np.ndarray]:
    """Two layers with a rescale between them, and samples."""
    rng = np.random.default_rng(0)
    nodes = (
        Node("first", Dense(rng.integers(-7, 8, (5, 4)), rng.integers(-9, 10, 5)), ("x",)),
        Node("hidden", Rescale([1], 3, "half_even", 0, 15), ("first",)),
        Node("y", Dense(rng.integers(-7, 8, (2, 5)), rng.integers(-9, 10, 2)), ("hidden",)),
    )
    return Graph("tiny", {"x": Tensor((3, 4), -8, 7)}, nodes, "y"), rng.integers(-8, 8, (20, 3, 4))


def assert_same(design: Design, made: Design, x: np.ndarray, *, stall: float = 0.0) -> np.ndarray:
    """Outputs of both, beat by beat in the same cycles."""
    expected, got = (simulate.run(one, x, stall=stall, seed=3) for one in (design, made))
    assert np.array_equal(got.outputs, expected.outputs)
    assert np.array_equal(got.beats, expected.beats)
    return got.outputs


@pytest.mark.parametrize("target", TARGETS)
def test_a_network_equals_its_rtl_and_the_reference(target: str) -> None:
    graph, x = network()
    design = rtl.lower(graph)
    made = gates.synthesize(design, target)
    assert not any("always_ff" in text for name, text in made.files.items() if name != gates.CELLS)
    for stall in (0.0, 0.4):
        assert np.array_equal(assert_same(design, made, x, stall=stall), reference.run(graph, x))


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_a_transformer_equals_its_rtl_and_the_reference(target: str) -> None:
    graph = encoder(Shape(gelu=True), seed=5)
    x = samples(graph, 3)
    design = rtl.lower(graph)
    assert np.array_equal(assert_same(design, gates.synthesize(design, target), x), reference.run(graph, x))


def test_one_flipped_bit_of_a_lookup_table_is_found() -> None:
    graph, x = network()
    design = rtl.lower(graph)
    made = gates.synthesize(design)
    text = made.files["accel_top.sv"]
    tables = list(re.finditer(r"LUT4 #\(\s*\.INIT\(16'h([0-9a-f]{4})\)\s*\) \\[^(]*y_\w*TRELLIS_FF_Q\w*", text))
    assert tables, "the adders in front of the accumulator are gone: choose another place for the fault"
    table = tables[0]
    broken = f"{int(table[1], 16) ^ 1:04x}"
    faulty = text[: table.start(1)] + broken + text[table.end(1) :]
    with pytest.raises((AssertionError, SimulationError)):
        assert_same(design, replace(made, files={**made.files, "accel_top.sv": faulty}), x)


def memories(widths: dict[int, int] = WIDTHS) -> tuple[Design, np.ndarray]:
    """Block RAMs of these widths and depths, with contents from files; each beat writes all and reads what lies there.

    Even beats read what was written some beats ago, odd ones any word: mostly what the file put there.
    """
    rng = np.random.default_rng(1)
    files, units, low = {}, [], 0
    for width, depth in widths.items():
        address = depth.bit_length() - 1
        files[f"memory{width}.hex"] = "\n".join(f"{int(word):x}" for word in rng.integers(0, 1 << width, depth))
        units.append(
            f"""
    (* ram_style = "block", no_rw_check *) logic [{width - 1}:0] memory{width}[{depth}];
    logic [31:0] from{width};
    initial $readmemh("memory{width}.hex", memory{width});
    assign from{width} = beat[0] ? beat * 32'd7321 : (beat - 32'd{FIRST}) * 32'd12347;
    always_ff @(posedge clk)
        if (go) begin
            memory{width}[{address}'(beat * 32'd12347)] <= s_data[{width - 1}:0];
            m_data[{low}+:{width}] <= memory{width}[from{width}[{address - 1}:0]];
        end
"""
        )
        low += width
    files["memories.sv"] = _MEMORIES.format(bits=low, units="".join(units))
    ends = stream(1, 36, False, 64), stream(low, 1, False, 64)
    return Design("memories", "memories", files, ends[:1], ends[1:], Figures(100, 64)), rng.integers(
        0, 1 << 36, (60, 64, 1)
    )


_MEMORIES = """\
module memories (
    input  logic clk,
    input  logic rst,
    input  logic s_valid,
    output logic s_ready,
    input  logic [35:0] s_data,
    input  logic s_last,
    output logic m_valid,
    input  logic m_ready,
    output logic [{bits}-1:0] m_data,
    output logic m_last
);
    logic [31:0] beat;
    logic go;
    assign s_ready = !m_valid || m_ready;
    assign go = s_valid && s_ready;
    always_ff @(posedge clk)
        if (rst) begin
            beat <= '0;
            m_valid <= 1'b0;
        end else begin
            if (m_ready) m_valid <= 1'b0;
            if (go) begin
                beat <= beat + 1'b1;
                m_valid <= 1'b1;
                m_last <= s_last;
            end
        end
{units}
endmodule
"""


@pytest.mark.parametrize("target", [TARGETS[0], *(pytest.param(name, marks=pytest.mark.slow) for name in TARGETS[1:])])
def test_block_rams_of_every_width_with_their_contents(target: str) -> None:
    design, x = memories()
    made = gates.synthesize(design, target)
    assert yosys.resources(design, target).bram >= len(WIDTHS)
    assert_same(design, made, x, stall=0.2)


def test_gowin_memories_are_of_the_only_cell_that_nextpnr_has_the_timing_of() -> None:
    design, _ = memories()
    rom = emit.library()["accel_rom"].replace("parameter int WIDTH = 8", "parameter int WIDTH = 36")
    rom = rom.replace("DEPTH = 16", "DEPTH = 512").replace("BLOCK = 1'b0", "BLOCK = 1'b1")
    contents = "".join(f"{7 * word:x}\n" for word in range(512))
    made = (
        yosys.synthesize(design.contents, design.top, "gowin"),
        yosys.synthesize({"accel_rom.sv": rom, "rom.hex": contents}, "accel_rom", "gowin"),
    )
    for one in made:
        assert one.counts.bram > 0
        assert not {cell for cell in one.cells if re.fullmatch("(SP|DP|DPB|pROM)(X9B?)?", cell)}


def test_a_read_of_what_is_being_written_is_found() -> None:
    """The chip promises nothing there, so the model gives wrong bits; the RTL's simulation alone would pass."""
    design, x = memories({36: 512})
    text = design.files["memories.sv"].replace(f"(beat - 32'd{FIRST})", "beat")
    racing = replace(design, files={**design.files, "memories.sv": text})
    with pytest.raises(AssertionError):
        assert_same(racing, gates.synthesize(racing), x)


def test_a_target_without_cell_models_is_refused() -> None:
    with pytest.raises(UserError, match="target 'xilinx7' has no cell models to simulate; there are ecp5,"):
        gates.synthesize(rtl.lower(network()[0]), "xilinx7")


def test_what_yosys_refuses_is_an_error_with_its_words() -> None:
    with pytest.raises(ToolError, match=r"yosys cannot synthesize module broken for ecp5:\n(.|\n)*ERROR"):
        yosys.synthesize({"broken.sv": "module broken(input a, output y);\nassign y = ;\nendmodule\n"}, "broken")
