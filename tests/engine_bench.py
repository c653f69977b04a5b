"""Units of the decode engine side by side in Verilator, driven and read at every cycle.

All inputs of all units are one vector, and so are all outputs: a row of either is what a cycle sees.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from accel import image
from accel.hardware import Long
from accel.image import Image
from hls.rtl import emit
from hls.simulation import verilator

ENGINE = Path(verilator.__file__).parents[1] / "engine"
MODES = ("half_even", "half_up", "half_away", "floor", "toward_zero", "ceil", "away", "half_toward_zero")
"""Roundings by their numbers in SystemVerilog."""
RESET = 3
"""Cycles of reset in front of the first row."""

_HARNESS = """
#include <cstring>
#include <vector>
#include "Vtop.h"
static std::vector<uint32_t> in(INPUTS), out(OUTPUTS);
static void clock(Vtop &top) {
    top.clk = 0; top.eval();
    top.clk = 1; top.eval();
}
int main() {
    Verilated::randReset(2);
    Verilated::randSeed(7);
    Vtop top;
    top.rst = 1;
    for (int i = 0; i < RESET; i++) clock(top);
    top.rst = 0;
    while (std::fread(in.data(), 4, INPUTS, stdin) == INPUTS) {
        std::memcpy(top.inputs.m_storage, in.data(), 4 * INPUTS);
        top.clk = 0; top.eval();
        std::memcpy(out.data(), top.outputs.m_storage, 4 * OUTPUTS);
        std::fwrite(out.data(), 4, OUTPUTS, stdout);
        top.clk = 1; top.eval();
    }
}
"""


@dataclass(frozen=True)
class EngineUnit:
    """A module with parameters (name → integer, or the name of a file as text) and its ports (name → bits)."""

    module: str
    params: dict[str, int | str]
    inputs: dict[str, int]
    outputs: dict[str, int]
    files: dict[str, Image] = field(default_factory=dict)
    has_reset: bool = True


def words(values: np.ndarray, bits: int) -> Image:
    """A memory of integers (depth,) or (depth, lanes)."""
    return Image.pack(np.asarray(values).reshape(len(values), -1), bits)


def pack(values: np.ndarray, bits: int) -> np.ndarray:
    """Integers (cycles,) or (cycles, lanes) → bits (cycles, lanes · bits)."""
    lanes = np.asarray(values, np.int64).reshape(len(values), -1)
    return ((lanes[..., None] >> np.arange(bits)) & 1).astype(np.uint8).reshape(len(values), -1)


def unpack(found: np.ndarray, bits: int, *, signed: bool = False) -> np.ndarray:
    """Bits (cycles, lanes · bits) → integers (cycles, lanes)."""
    lanes = found.reshape(len(found), -1, bits).astype(np.int64)
    value: np.ndarray = (lanes << np.arange(bits)).sum(-1)
    return value - (lanes[..., -1] << bits) if signed else value


def flipped(folder: Path, name: str, line: int, bit: int) -> None:
    """Change one bit of a memory's file."""
    path = folder / name
    lines = path.read_text(encoding="utf-8").split()
    lines[line] = f"{int(lines[line], 16) ^ (1 << bit):0{len(lines[line])}x}"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def at(values: np.ndarray, cycles: np.ndarray, delay: int) -> np.ndarray:
    """Rows of `values` that lie `delay` cycles behind `cycles`."""
    found: np.ndarray = values[cycles + delay]
    return found


class UnitBench:
    """The units, compiled once; `run` gives every unit its rows."""

    def __init__(self, folder: Path, units: list[EngineUnit]) -> None:
        self.folder, self.units = folder, units
        self.widths = [
            sum(sum(ports.values()) for ports in side)
            for side in ([u.inputs for u in units], [u.outputs for u in units])
        ]
        self.words = [max(3, -(-width // 32)) for width in self.widths]  # wide vectors, whatever the units are
        text = self._top()
        (folder / "top.sv").write_text(text, encoding="utf-8")
        (folder / "main.cpp").write_text(_HARNESS, encoding="utf-8")
        library = emit.library() | {path.stem: path.read_text(encoding="utf-8") for path in ENGINE.glob("*.sv")}
        for name in _used(text, library):
            (folder / f"{name}.sv").write_text(library[name], encoding="utf-8")
        for unit in units:
            for file, content in unit.files.items():
                image.write(folder / file, content)
        self.sources = sorted(path.name for path in folder.glob("*.sv"))
        defines = [f"INPUTS={self.words[0]}", f"OUTPUTS={self.words[1]}", f"RESET={RESET}"]
        self.program = verilator.build(folder, self.sources, "top", folder / "main.cpp", defines=defines, quick=True)

    def lint(self) -> None:
        """Verilator's -Wall on everything."""
        verilator.lint(self.folder, self.sources, "top")

    def run(self, rows: list[dict[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
        """Bits (cycles, width) of every input of every unit → those of every output, before the clock's edge."""
        cycles = max(len(bits) for unit in rows for bits in unit.values())
        given = np.zeros((cycles, 32 * self.words[0]), np.uint8)
        place = 0
        for unit, row in zip(self.units, rows, strict=True):
            for name, width in unit.inputs.items():
                given[: len(row[name]), place : place + width] = row[name]
                place += width
        stdin = np.packbits(given, axis=1, bitorder="little").tobytes()
        done = subprocess.run([self.program], input=stdin, capture_output=True, cwd=self.folder, check=True)
        found = np.frombuffer(done.stdout, np.uint8).reshape(cycles, -1)
        bits, place, results = np.unpackbits(found, axis=1, bitorder="little"), 0, []
        for unit in self.units:
            result = {}
            for name, width in unit.outputs.items():
                result[name] = bits[:, place : place + width]
                place += width
            results.append(result)
        return results

    def _top(self) -> str:
        places, lines = [0, 0], []
        for number, unit in enumerate(self.units):
            pins = [".clk", ".rst"] if unit.has_reset else [".clk"]
            for side, (vector, ports) in enumerate((("inputs", unit.inputs), ("outputs", unit.outputs))):
                for name, width in ports.items():
                    pins.append(f".{name}({vector}[{places[side]}+:{width}])")
                    places[side] += width
            params = ", ".join(f".{name}({_literal(value)})" for name, value in unit.params.items())
            lines.append(f"    {unit.module} #({params}) u{number} ({', '.join(pins)});")
        spare = [32 * words - width for words, width in zip(self.words, self.widths, strict=True)]
        if spare[1]:
            lines.append(f"    assign outputs[{32 * self.words[1] - 1}:{self.widths[1]}] = '0;")
        high = f", inputs[{32 * self.words[0] - 1}:{self.widths[0]}]" if spare[0] else ""
        lines.append(f"    wire unused = ^{{rst{high}}};")
        return "\n".join(
            [
                "module top (",
                f"    input logic clk, rst, input logic [{32 * self.words[0] - 1}:0] inputs,",
                f"    output logic [{32 * self.words[1] - 1}:0] outputs",
                ");",
                *lines,
                "endmodule",
                "",
            ]
        )


def _literal(value: int | str) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if not isinstance(value, Long):
        return str(value)
    return f"-64'sd{-value}" if value < 0 else f"64'sd{value}"


def _used(text: str, library: dict[str, str]) -> list[str]:
    """Modules of the library in a text, and those below them."""
    found: set[str] = set()
    pending = [text]
    while pending:
        source = pending.pop()
        new = {name for name in library if name in source} - found
        pending += [library[name] for name in new]
        found |= new
    return sorted(found)
