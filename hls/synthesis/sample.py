"""One unit, stage or buffer of a design on its own: its text, and its synthesized cells."""

from __future__ import annotations

from accel.hardware import Module, Stage, Unit
from accel.image import Content, Image
from accel.target import Cells
from hls.rtl import emit
from hls.synthesis.yosys import synthesize

TOP = "accel_sample"
Pins = list[tuple[str, str, int]]
"""(direction, name, width) of every port but clk and rst."""


def pins_of(part: Unit | Stage) -> Pins:
    """The streams of a unit or a stage."""
    if isinstance(part, Stage):
        params = part.module.params
        ends = [("input", "s", params["LANES"] * params["XW"]), ("output", "m", part.lanes * part.width)]
        return [(way, f"{end}_{pin}", width if pin == "data" else 1) for way, end, width in ends for pin in _STREAM]
    pins: Pins = []
    for k, port in enumerate(part.inputs):
        ways = zip(("input", "output", "input", "input"), ("valid", "ready", "last", "data"), strict=True)
        pins += [(way, f"s{k}_{pin}", port.lanes * port.width if pin == "data" else 1) for way, pin in ways]
    for k, port in enumerate(part.outputs):
        pins += [("input", f"m{k}_room", 1), ("output", f"m{k}_take", 1)]
        pins += [("output", f"m{k}_{pin}", port.lanes * port.width if pin == "data" else 1) for pin in _STREAM]
    return pins


_STREAM = ("valid", "last", "data")


def buffer(bits: int, depth: int) -> tuple[Module, Pins]:
    """The buffer of beats of `bits` bits, as designs have it."""
    width = bits + 1  # last
    pins = [("output", "room", 1), ("input", "take", 1), ("input", "s_valid", 1), ("input", "s_data", width)]
    pins += [("output", "m_valid", 1), ("input", "m_ready", 1), ("output", "m_data", width)]
    return Module("accel_fifo", {"WIDTH": width, "DEPTH": depth, "BLOCK": int(depth > emit.DEEP)}), pins


def files(module: Module, pins: Pins) -> dict[str, Content]:
    """Everything that module TOP needs: one instance of `module`, whose ports are the chip's."""
    memories: dict[str, Image] = {}
    ports = [
        "input logic clk",
        "input logic rst",
        *(f"{way} logic [{width - 1}:0] {name}" for way, name, width in pins),
    ]
    instance = emit.instantiate(module, "sample", [f".{name}" for _, name, _ in pins], memories)
    top = f"module {TOP} ({', '.join(ports)});\n{instance}\nendmodule\n"
    own = {f"{module.name}.sv": module.source} if module.source else {}
    return {f"{TOP}.sv": top, **own, **memories, **{f"{name}.sv": emit.library()[name] for name in emit.used(top)}}


def counts(module: Module, pins: Pins, target: str) -> Cells:
    """Synthesize it for `target`. Raises ToolError with yosys' message."""
    return synthesize(files(module, pins), TOP, target).counts
