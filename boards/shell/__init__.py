"""The board top around a design: fixed modules of this folder, and a generated package and top module."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from accel.design import Design
from accel.errors import UserError
from accel.image import Content
from boards import protocol
from boards.board import Board, Pinout
from boards.clocking import Clock

TOP = "accel_board"
PACKAGE = "accel_board_pkg"
SIMULATION_CLOCKS_PER_BIT = 8
_FOLDER = Path(__file__).parent
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]*")
_SILENCE_S = 0.05  # a host that pauses longer inside a frame has given it up
_BAUD_ERROR = 0.02  # what a receiver tolerates


@dataclass(frozen=True)
class Timing:
    """Timing of the serial line, in core clock cycles; `timeout` is the silence that ends a frame."""

    clocks_per_bit: int
    timeout: int

    @classmethod
    def of(cls, board: Board, core_mhz: Fraction) -> Timing:
        """For a real board. Raises UserError when the core clock cannot make the board's baud rate."""
        per_bit = round(core_mhz * 1_000_000 / board.baud)
        error = abs(float(core_mhz * 1_000_000) / (max(per_bit, 1) * board.baud) - 1)
        if per_bit < 4 or error > _BAUD_ERROR:
            raise UserError(
                f"a core clock of {float(core_mhz):g} MHz cannot make {board.baud} baud; choose a higher --clock"
            )
        return cls(per_bit, int(core_mhz * 1_000_000 * Fraction(_SILENCE_S)))

    @classmethod
    def simulated(cls) -> Timing:
        """Short bits and a short silence (30 bytes), so that a simulation spends its cycles in the core."""
        return cls(SIMULATION_CLOCKS_PER_BIT, 300 * SIMULATION_CLOCKS_PER_BIT)


def check(design: Design) -> None:
    """Refuse what must not reach tools: names that are no identifiers, files of the shell, over-long samples."""
    if not _IDENTIFIER.fullmatch(design.top):
        raise UserError(f"top module {design.top!r} is no identifier of letters, digits and _")
    for name in design.contents:
        if not _FILE.fullmatch(name):
            raise UserError(f"file name {name!r} of the design may only have letters, digits, _ and .")
    own = {path.name for path in _FOLDER.rglob("*.sv")} | {f"{TOP}.sv", f"{PACKAGE}.sv"}
    clash = sorted(own & set(design.contents))
    if clash or design.top in {TOP, PACKAGE}:
        raise UserError(f"{', '.join(clash) or design.top} in the design has a name that the board shell uses")
    for stream in (design.input, design.output):
        if protocol.payload_bytes(stream) > protocol.MAX_PAYLOAD:
            size = protocol.payload_bytes(stream)
            raise UserError(f"a sample of {size} bytes does not fit a frame of at most {protocol.MAX_PAYLOAD}")


def files(design: Design, board: Board, pinout: Pinout, clock: Clock, timing: Timing) -> dict[str, Content]:
    """Name → content of everything synthesis and simulation read, the design's own files included."""
    check(design)
    fixed = [*sorted(_FOLDER.glob("*.sv")), *sorted((_FOLDER / board.flow).glob("*.sv"))]
    return {
        f"{PACKAGE}.sv": _package(design, pinout, clock, timing),
        f"{TOP}.sv": _top(design, pinout),
        **{path.name: path.read_text(encoding="utf-8") for path in fixed},
        **design.contents,
    }


def simulation_files() -> dict[str, str]:
    """Behavioural models of vendor primitives."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((_FOLDER / "simulation").glob("*.sv"))}


def sources(names: Iterable[str]) -> list[str]:
    """The SystemVerilog files, packages first."""
    found = sorted(name for name in names if name.endswith(".sv"))
    return sorted(found, key=lambda name: not name.endswith("_pkg.sv"))


def harness() -> Path:
    """The C++ program that drives the board top's pins."""
    return _FOLDER / "simulation" / "board.cpp"


def _package(design: Design, pinout: Pinout, clock: Clock, timing: Timing) -> str:
    integers = {
        "CLOCKS_PER_BIT": timing.clocks_per_bit,
        "TIMEOUT": timing.timeout,
        "IN_LANES": design.input.lanes,
        "IN_WIDTH": design.input.width,
        "IN_BYTES": protocol.element_bytes(design.input),
        "PAYLOAD_IN": protocol.payload_bytes(design.input),
        "OUT_LANES": design.output.lanes,
        "OUT_WIDTH": design.output.width,
        "OUT_BYTES": protocol.element_bytes(design.output),
        "PAYLOAD_OUT": protocol.payload_bytes(design.output),
    }
    codes = {
        "MAGIC_0": protocol.MAGIC[0],
        "MAGIC_1": protocol.MAGIC[1],
        **{kind.name: int(kind) for kind in protocol.Type},
        **{f"REASON_{reason.name}": int(reason) for reason in protocol.Reason},
    }
    identity = int(design.hash[: 2 * protocol.IDENTITY_BYTES], 16).to_bytes(protocol.IDENTITY_BYTES, "big")
    lines = [_constant(name, value) for name, value in (integers | clock.settings).items()]
    lines += [f"localparam logic [7:0] {name} = 8'd{value};" for name, value in codes.items()]
    lines += [
        f"localparam bit OUT_SIGNED = 1'b{int(design.output.signed)};",
        f"localparam bit RESET_LEVEL = 1'b{int(not pinout.ports['reset_pin'].inverted)};",
        f"localparam bit LED_LEVEL = 1'b{int(not pinout.ports['led_pin'].inverted)};",
        f"localparam logic [31:0] CRC_AFTER_MAGIC = 32'h{protocol.CRC_AFTER_MAGIC:08x};",
        f"localparam logic [31:0] CRC_RESIDUE = 32'h{protocol.CRC_RESIDUE:08x};",
        f"localparam logic [63:0] DESIGN_ID = 64'h{int.from_bytes(identity, 'little'):016x};",
    ]
    body = "".join(f"    {line}\n" for line in lines)
    return (
        f"// Generated: constants of this board and design. Core clock {float(clock.mhz):g} MHz.\n"
        f"/* verilator lint_off UNUSEDPARAM */\npackage {PACKAGE};\n{body}endpackage\n"
    )


def _constant(name: str, value: int | str) -> str:
    return f'localparam {name} = "{value}";' if isinstance(value, str) else f"localparam int {name} = {value};"


def _top(design: Design, pinout: Pinout) -> str:
    high = [port for port in pinout.ports if port.startswith("high")]
    ports = ["input  logic clk_pin", "input  logic reset_pin", "input  logic rx_pin", "output logic tx_pin"]
    ports += ["output logic led_pin", *(f"output logic {port}" for port in high)]
    declared = ",\n".join(f"    {port}" for port in ports)
    ties = "".join(f"    assign {port} = 1'b1;\n" for port in high)
    core = "".join(
        f"        .{side}_{signal}(core_{side}_{signal}),\n"
        for side in "sm"
        for signal in ("valid", "ready", "data", "last")
    )
    return _TOP_TEXT.format(
        package=PACKAGE, top=TOP, ports=declared, ties=ties, core=design.top, connections=core.rstrip(",\n")
    )


_TOP_TEXT = """\
// Generated: the board's top level. The LED is on while a sample is being computed.
module {top} (
{ports}
);
    logic clk, rst, locked, running;
    logic core_s_valid, core_s_ready, core_s_last, core_m_valid, core_m_ready, core_m_last;
    logic [{package}::IN_LANES*{package}::IN_WIDTH-1:0] core_s_data;
    logic [{package}::OUT_LANES*{package}::OUT_WIDTH-1:0] core_m_data;

    accel_board_clock u_clock (
        .oscillator(clk_pin),
        .clk,
        .locked
    );

    accel_board_reset u_reset (
        .clk,
        .good(locked && reset_pin != {package}::RESET_LEVEL),
        .rst
    );

    accel_shell u_shell (
        .clk,
        .rst,
        .rx(rx_pin),
        .tx(tx_pin),
        .running,
        .core_s_valid,
        .core_s_ready,
        .core_s_data,
        .core_s_last,
        .core_m_valid,
        .core_m_ready,
        .core_m_data,
        .core_m_last
    );

    {core} u_core (
        .clk,
        .rst,
{connections}
    );

    assign led_pin = running == {package}::LED_LEVEL;
{ties}endmodule
"""
