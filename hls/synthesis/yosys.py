"""Open synthesis with yosys: SystemVerilog → a netlist of one device family's cells, and what it is made of.

Every run is a process of its own: an error ends libyosys, and several designs in one process disturb each other.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from accel import image, scratch, tools
from accel.design import Design
from accel.errors import ToolError, UserError
from accel.files import write_atomic
from accel.image import Content
from accel.target import Cells

_VERILOG, _STAT = "netlist.v", "stat.json"


@dataclass(frozen=True)
class Family:
    """How yosys synthesizes for one target of `accel.target`.

    `command` makes a complete chip, with I/O buffers where the family has them; `core` are the options that leave
    them out. `cells` says what a cell occupies: (its type as a regular expression, resource, how many). `before` are
    commands for the design as soon as its hierarchy is known; `memories` replace the command's own step map_ram, with
    `files` (name → text) that they read.
    """

    command: str
    core: str
    cells: tuple[tuple[str, str, int], ...]
    before: str = ""
    memories: str = ""
    files: dict[str, str] = field(default_factory=dict)


_XILINX = (
    (r"LUT[1-6]|INV|SRL16E|SRLC32E", "lut", 1),
    (r"RAM(32|64)X1D", "lut", 2),
    (r"RAM(32|64)M", "lut", 4),
    (r"RAM128X1D", "lut", 4),
    (r"RAM32M16|RAM64M8", "lut", 8),
    (r"FD[RSCP]E(_1)?", "ff", 1),
    (r"CARRY[48]", "carry", 1),
    (r"RAMB18E[12]", "bram", 1),
    (r"RAMB36E[12]", "bram", 2),
    (r"DSP48E[12]", "dsp", 1),
)
# There is no LUT RAM: memories that ask for it are free to become block RAM or registers. `synth_ice40 -dsp` would
# also pack registers into the multipliers, but its pass ice40_dsp crashes on `p <= a * b; y <= p;` or drops the
# product (yosys 0.70): these are its own commands for multipliers without that pass.
_ICE40 = """\
proc
flatten
opt
wreduce t:$mul
techmap -map +/mul2dsp.v -map +/ice40/dsp_map.v -D DSP_A_MAXWIDTH=16 -D DSP_B_MAXWIDTH=16 \
-D DSP_A_MINWIDTH=2 -D DSP_B_MINWIDTH=2 -D DSP_Y_MINWIDTH=11 -D DSP_NAME=$__MUL16X16
setattr -unset mul2dsp
opt_expr -fine
chtype -set $mul t:$__soft_mul
"""
# Of Gowin's block RAM nextpnr has the right timing of one cell alone, the one with a port to write and a port to read:
# read addresses of DPB and DPX9B and all of pROM are not checked, those of a 36 bits wide SPX9 are checked against four
# times the hold time (nextpnr issue 1803). So yosys may choose no other: this is its own library without the rest.
_GOWIN_BLOCK_RAM = """\
ram block $__GOWIN_SDP_ {
    abits 14;
    widths 1 2 4 9 18 36 per_port;
    cost 128;
    byte 9;
    init no_undef;
    port sr "R" {
        clock posedge;
        clken;
        option "RESET_MODE" "SYNC" { rdsrst zero ungated; }
        rdinit zero;
    }
    port sw "W" { clock posedge; clken; wrbe_separate; }
}
"""
_GOWIN_MEMORIES = """\
memory_libmap -lib +/gowin/lutrams.txt -lib gowin_block_ram.txt
techmap -map +/gowin/lutrams_map.v -map +/gowin/brams_map.v
"""
# nextpnr places no LUT RAM on a GW5A, and it cuts a block RAM of 36 bits into two.
_GW5A_BLOCK_RAM = _GOWIN_BLOCK_RAM.replace(" 18 36 ", " 18 ")
_GW5A_MEMORIES = """\
memory_libmap -lib gowin_block_ram.txt
techmap -map +/gowin/brams_map_gw5a.v
"""
_GOWIN_CELLS = (
    (r"LUT[1-4]|INV", "lut", 1),
    (r"RAM16SDP4", "lut", 8),  # takes a whole tile, its flip-flops too
    (r"RAM16SDP4", "ff", 6),
    (r"DFFN?[SRPC]?E?", "ff", 1),
    (r"ALU", "carry", 1),
    (r"SDP(B|X9B)", "bram", 1),
    (r"MULT(9X9|18X18|36X36)|MULTALU\w+", "dsp", 1),
)
_NO_LUT_RAM = "setattr -unset ram_style a:ram_style=distributed\n"
FAMILIES: dict[str, Family] = {
    # -nowidelut: 16 % fewer LUTs and a faster clock than with the wide multiplexers (measured on the board shell)
    "ecp5": Family(
        "synth_ecp5 -nowidelut",
        "",
        (
            (r"LUT4", "lut", 1),
            (r"TRELLIS_DPR16X4", "lut", 4),
            (r"TRELLIS_FF", "ff", 1),
            (r"CCU2C", "carry", 1),
            (r"DP16KD|PDPW16KD", "bram", 1),
            (r"MULT18X18D", "dsp", 1),
        ),
    ),
    # eight cells of a tile share an enable: where few flip-flops have one each, placing fails at 83 %
    "ice40": Family(
        "synth_ice40 -device u -dffe_min_ce_use 9",
        "",
        (
            (r"SB_LUT4", "lut", 1),
            (r"SB_DFFN?E?S?R?S?", "ff", 1),
            (r"SB_CARRY", "carry", 1),
            (r"SB_RAM40_4K(N[RW]*)?", "bram", 1),
            (r"SB_MAC16", "dsp", 1),
        ),
        before=_NO_LUT_RAM + _ICE40,
    ),
    "gowin": Family(
        "synth_gowin",
        "-noiopads",
        _GOWIN_CELLS,
        memories=_GOWIN_MEMORIES,
        files={"gowin_block_ram.txt": _GOWIN_BLOCK_RAM},
    ),
    "gw5a": Family(
        "synth_gowin -family gw5a",
        "-noiopads",
        _GOWIN_CELLS,
        before=_NO_LUT_RAM,
        memories=_GW5A_MEMORIES,
        files={"gowin_block_ram.txt": _GW5A_BLOCK_RAM},
    ),
    # -luttree: nextpnr knows trees of two-input tables, not tables of four inputs, and no CC_MX8;
    # -nomult: a CC_MULT is an array of the same logic cells that our own products use
    "gatemate": Family(
        "synth_gatemate -luttree -nomult -nomx8",
        "-noiopad -noclkbuf",
        (
            (r"CC_LUT[12]|CC_L2T4|CC_MX2", "lut", 1),
            (r"CC_L2T5|CC_MX4", "lut", 2),
            (r"CC_DFF", "ff", 1),
            (r"CC_ADDF", "carry", 1),
            (r"CC_BRAM_20K", "bram", 1),
            (r"CC_BRAM_40K", "bram", 2),
        ),
        before=_NO_LUT_RAM,
    ),
    "xilinx7": Family("synth_xilinx -family xc7 -flatten", "-noiopad -noclkbuf", _XILINX),
    "ultrascale+": Family("synth_xilinx -family xcup -flatten", "-noiopad -noclkbuf", _XILINX),
    "cyclone5": Family(
        "synth_intel_alm -family cyclonev",
        "-noiopad -noclkbuf",
        (
            (r"MISTRAL_(ALUT[2-6]|NOT|ALUT_ARITH)", "lut", 1),
            (r"MISTRAL_MLAB", "lut", 1),
            (r"MISTRAL_FF", "ff", 1),
            (r"MISTRAL_ALUT_ARITH", "carry", 1),
            (r"MISTRAL_M10K", "bram", 1),
            (r"MISTRAL_MUL(9X9|18X18|27X27)", "dsp", 1),
        ),
    ),
}


@dataclass(frozen=True)
class Gates:
    """A synthesized module: number of cells by type, and the flat netlist as Verilog."""

    target: str
    top: str
    cells: dict[str, int]
    verilog: str

    @property
    def counts(self) -> Cells:
        """Cells as resources."""
        return count(self.cells, self.target)


def family(target: str) -> Family:
    """How `target` is synthesized; raises UserError on a name that is not in `FAMILIES`."""
    try:
        return FAMILIES[target]
    except KeyError:
        raise UserError(f"no open synthesis for target {target!r}; there is {', '.join(FAMILIES)}") from None


def script(sources: Sequence[str], top: str, target: str, options: str = "") -> str:
    """Yosys commands that read `sources` and synthesize module `top`; the caller adds what is to be written.

    They run where the `files` of the family lie.
    """
    reads = "".join(f"read_verilog -defer -sv {name}\n" for name in sources)
    chosen = family(target)
    before = f"hierarchy -top {top}\n{chosen.before}" if chosen.before else ""
    command = f"{chosen.command} {options} -top {top}"
    if chosen.memories:
        command = f"{command} -run begin:map_ram\n{chosen.memories}{command} -run map_ffram:"
    return f"{reads}{before}{command}\n"


def synthesize(files: Mapping[str, Content], top: str, target: str = "ecp5", options: str | None = None) -> Gates:
    """Module `top` of `files` (name → content, .sv files are read, others lie beside them) as cells of `target`.

    Without `options` of the yosys command, a core without I/O buffers is made. Raises ToolError with yosys' message.
    """
    chosen = family(target).core if options is None else options
    sources = sorted((name for name in files if name.endswith(".sv")), key=lambda name: not name.endswith("_pkg.sv"))
    # splitnets: a vector whose bits depend on each other is a loop to Verilator
    outputs = f"tee -q -o {_STAT} stat -json\nsplitnets\nwrite_verilog -noattr {_VERILOG}\n"
    with scratch.folder() as folder:
        for file, content in {**files, **family(target).files}.items():
            image.write(folder / file, content)
        write_atomic(folder / "synthesis.ys", script(sources, top, target, chosen) + outputs)
        run(folder, f"module {top} for {target}")
        cells = json.loads((folder / _STAT).read_text(encoding="utf-8"))["design"]["num_cells_by_type"]
        return Gates(target, top, cells, (folder / _VERILOG).read_text(encoding="utf-8"))


def run(folder: Path, what: str) -> None:
    """Run the script in a folder. Raises ToolError with yosys' message."""
    log = folder / "synthesis.log"
    try:
        tools.run([*tools.command("yosys"), "-s", "synthesis.ys"], folder, log)
    except ToolError:
        if not log.exists():
            raise
        raise ToolError(f"yosys cannot synthesize {what}:\n{tools.tail(log)}") from None  # the log goes with its folder


def count(cells: dict[str, int], target: str) -> Cells:
    """Cell types and their numbers → resources of `target`; cells of other kinds (buffers, clocks) are left out."""
    table = family(target).cells
    found: Counter[str] = Counter()
    for cell, number in cells.items():
        for pattern, resource, each in table:
            if re.fullmatch(pattern, cell):
                found[resource] += number * each
    return Cells(**found)


def resources(design: Design, target: str = "ecp5") -> Cells:
    """Resources of a design on `target`, by synthesis without place and route."""
    return synthesize(design.contents, design.top, target).counts
