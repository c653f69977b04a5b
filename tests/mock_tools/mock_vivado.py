"""`vivado -mode batch -source SCRIPT` as far as the build scripts use it: checks every call, writes its reports."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import mock_runs
from mock_blocks import Blocks
from mock_tcl import FAIL, MockError, existing, options, ports, run, words

_UTILIZATION = """\
| Tool Version : Vivado v.2024.1 (lin64) Build 5076996
+----------------------------+-------+-------+------------+-----------+-------+
|          Site Type         |  Used | Fixed | Prohibited | Available | Util% |
+----------------------------+-------+-------+------------+-----------+-------+
| {kind} LUTs{star}                | {luts:>5} |     0 |          0 |     63400 |  3.98 |
|   LUT as Logic             |  2410 |     0 |          0 |     63400 |  3.80 |
| {kind} Registers            |  3105 |     0 |          0 |    126800 |  2.45 |
+----------------------------+-------+-------+------------+-----------+-------+
| Block RAM Tile    |  2.5 |     0 |          0 |       135 |  1.85 |
|   RAMB36/FIFO*    |    2 |     0 |          0 |       135 |  1.48 |
| DSPs           |   12 |     0 |          0 |       240 |  5.00 |
"""
_TIMING = """\
| Design Timing Summary
| ---------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  THS Failing Endpoints
    -------      -------  ---------------------  -------------------      -------      -------  ---------------------
{slack:>11}        0.000                      0                 9876        0.021        0.000                      0

| Clock Summary
| -------------

Clock         Waveform(ns)         Period(ns)      Frequency(MHz)
-----         ------------         ----------      --------------
oscillator    {{0.000 5.000}}        10.000          100.000
  core        {{0.000 {half:.3f}}}        {period:.3f}          {mhz:.3f}
"""


_STYLES = {"ram_style": {"block", "distributed", "registers", "ultra"}, "rom_style": {"block", "distributed", "ultra"}}
_SILENT = (
    *("opt_design", "phys_opt_design", "route_design", "report_drc", "update_compile_order", "close_project"),
    *("update_ip_catalog", "assign_bd_address", "save_bd_design", "generate_target", "ipx::update_checksums"),
    *("ipx::check_integrity", "ipx::save_core", "ipx::infer_bus_interface", "ipx::associate_bus_interfaces"),
)
"""Commands that leave nothing to check."""


class Vivado:
    """What a session knows; the methods are Vivado's commands."""

    def __init__(self) -> None:
        self.part = self.top = self.checkpoint = ""
        self.sources: list[str] = []
        self.sites: dict[str, str] = {}
        self.clocks: list[float] = []
        self.blocks = Blocks()
        self.memories: list[str] = []
        self.core: dict[str, str] = {}

    def create_project(self, *args: str) -> None:
        """A new project forgets the sources of the one before."""
        named, names = options(args, ("force",))
        self.part, self.sources, self.top = named["part"], [], ""
        Path(names[1]).mkdir(exist_ok=True)

    def add_files(self, *args: str) -> None:
        """Every file has to be there."""
        self.sources += [str(existing(name)) for name in words(options(args, ("norecurse",))[1][0])]

    def read_verilog(self, *args: str) -> None:
        """One source."""
        self.sources.append(str(existing(options(args, ("sv",))[1][0])))

    def read_mem(self, name: str) -> None:
        """Contents of a memory."""
        self.memories.append(str(existing(name)))

    def check_memories(self) -> None:
        """Attributes have values that UG901 knows; every file of contents was added and is a .mem."""
        for source in self._modules():
            text = re.sub(r"`ifdef ACCEL_TRACE\n.*?`(?:else|endif)\n", "", Path(source).read_text(), flags=re.DOTALL)
            for kind, value in re.findall(r'(r[ao]m_style) = "(\w+)"', text):
                if value not in _STYLES[kind]:
                    raise MockError(f"[Synth 8-5787] {source}: {kind} {value} is ignored")
            for name in re.findall(r'(?:\.\w+|\$readmemh)\("([\w.]+\.(?:hex|mem))"', text):
                if not name.endswith(".mem") or name not in {*self.memories, *self.sources}:
                    raise MockError(f"[Synth 8-4445] {source}: could not open $readmem data file {name}")

    def read_xdc(self, name: str) -> None:
        """Pins and clocks; false paths need ports that exist, which only synthesis can tell."""
        run(
            existing(name),
            {
                "get_ports": lambda names: names,
                "current_design": lambda: "design",
                "set_property": self._constrain,
                "create_clock": lambda *args: self.clocks.append(float(options(args)[0]["period"])),
                "set_false_path": lambda *args: None,
            },
        )

    def _constrain(self, *args: str) -> None:
        if args[0] == "-dict":
            found = words(args[1])
            properties = dict(zip(found[::2], found[1::2], strict=True))
            if "IOSTANDARD" not in properties:
                raise MockError(f"port {args[2]} has no IOSTANDARD")
            self.sites[args[2]] = properties["PACKAGE_PIN"]

    def set_part(self, part: str) -> None:
        """The device."""
        self.part = part

    def set_property(self, *args: str) -> None:
        """Of the source set, or of a cell."""
        if args[0] == "-dict":
            self.blocks.configure(args[2].partition(":")[2], args[1])
        elif args[0] == "top":
            self.top = args[1]
        elif args[-1] == "core":
            self.core[args[0]] = args[1]

    def _modules(self) -> list[str]:
        return [name for name in self.sources if name.endswith((".v", ".sv"))]

    def create_bd_design(self, name: str) -> None:
        """A block design is a file of the project."""
        self.sources.append(f"{name}.bd")

    def get_files(self, name: str) -> str:
        """A file that was added."""
        if name not in self.sources:
            raise MockError(f"no file {name} in the project")
        return name

    def package_project(self, *args: str) -> None:
        """Makes the folder of an IP."""
        ports(self.top, self._modules())
        self.check_memories()
        folder = Path(options(args, ("import_files", "force"))[0]["root_dir"])
        folder.mkdir()
        (folder / "component.xml").write_text(self.top)

    def package_xo(self, *args: str) -> None:
        """A kernel file; its AXI4-Lite port has a fixed name."""
        named, _ = options(args, ("force",))
        existing(f"{named['ip_directory']}/component.xml")
        wanted = {
            "sdx_kernel": "true",
            "sdx_kernel_type": "rtl",
            "ipi_drc": "ignore_freq_hz true",
            "vitis_drc": "ctrl_protocol user_managed",
        }
        if self.core | wanted != self.core:
            raise MockError(f"an RTL kernel needs the properties {wanted}, got {self.core}")
        found = ports(self.top, self._modules())
        if "s_axi_control_awaddr" not in found or named["kernel_name"] != self.top:
            raise MockError("no s_axi_control interface")
        made = {"kernel": named["kernel_name"], "ports": ["s_axis", "m_axis"]}
        Path(named["xo_path"]).write_text(json.dumps(made))

    def make_wrapper(self, *args: str) -> None:
        """The top around the block design, which leads to the hand-off file."""
        Path("system_wrapper.v").write_text("module system_wrapper (inout DDR);\nendmodule\n")
        self.sources.append("system_wrapper.v")
        folder = Path("system/system.gen/sources_1/bd/system/hw_handoff")
        folder.mkdir(parents=True)
        (folder / "system.hwh").write_text(json.dumps(self.blocks.cells))

    def synth_design(self, *args: str) -> None:
        """Needs a part, a top that is in the sources, and a place for each of its ports."""
        named, _ = options(args)
        if not self.part or named["part"] != self.part:
            raise MockError(f"part '{named['part']}' is not the project's '{self.part}'")
        found = ports(named["top"], self._modules())
        if self.sites and set(found) != set(self.sites):
            raise MockError(f"constrained are {sorted(self.sites)}, ports are {sorted(found)}")
        if self.sites and not self.clocks:
            raise MockError("no clock")
        if named["top"] != "system_wrapper":  # its memories are checked when the IP is packaged
            self.check_memories()
        if FAIL == "synthesis":
            raise MockError("[Synth 8-439] module 'add_one' not found")
        self.checkpoint = self.part

    def open_checkpoint(self, name: str) -> None:
        """Written by an earlier call."""
        self.checkpoint = existing(name).read_text()

    def place_design(self) -> None:
        """The long part."""
        if FAIL == "exit":
            raise MockError("[Place 30-99] Placer failed with error: 'IO Clock Placer failed'")

    def report_utilization(self, *args: str) -> None:
        """The numbers, in the words of the device's family."""
        placed = not self.sources
        kind, star = ("Slice" if self.checkpoint.startswith("xc7") else "CLB  "), " " if placed else "*"
        kind = kind.strip()
        luts = 9_999_999 if FAIL == "large" else 2524
        Path(options(args)[0]["file"]).write_text(_UTILIZATION.format(kind=kind, star=star, luts=luts))

    def report_timing_summary(self, *args: str) -> None:
        """The core's clock is MOCK_MHZ."""
        if FAIL != "report":
            mhz = 50.0 if FAIL == "clock" else float(os.environ["MOCK_MHZ"])
            text = _TIMING.format(slack=_slack(), period=1000 / mhz, half=500 / mhz, mhz=mhz)
            Path(options(args)[0]["file"]).write_text(text)

    def write_bitstream(self, *args: str) -> None:
        """The product."""
        if FAIL != "bitstream":
            Path(options(args, ("force",))[1][0]).write_bytes(b"bit")

    def write_checkpoint(self, *args: str) -> None:
        """What the next call opens."""
        Path(options(args, ("force",))[1][0]).write_text(self.checkpoint)


def _slack() -> str:
    return "-0.512" if FAIL == "timing" else "1.234"


def commands(tool: Vivado) -> dict[str, object]:
    """Name in Tcl → what it does."""
    own = {
        name: getattr(tool, name) for name in dir(tool) if not name.startswith("_") and callable(getattr(tool, name))
    }
    blocks = tool.blocks
    return {
        **dict.fromkeys(_SILENT, lambda *args: None),
        **own,
        "current_fileset": lambda: "sources_1",
        "current_project": lambda: "project",
        "ipx::package_project": tool.package_project,
        "ipx::current_core": lambda: "core",
        "ipx::archive_core": lambda name, core: Path(name).write_bytes(b"PK"),
        "get_timing_paths": lambda *args: "path",
        "get_property": lambda name, of: {"SLACK": _slack(), "VLNV": of}[name],
        "get_ipdefs": blocks.get_ipdefs,
        "create_bd_cell": blocks.create_bd_cell,
        "get_bd_cells": blocks.get_bd_cells,
        "get_bd_pins": blocks.get_bd_pins,
        "get_bd_intf_pins": blocks.get_bd_intf_pins,
        "connect_bd_net": blocks.connect,
        "connect_bd_intf_net": blocks.connect,
        "make_bd_intf_pins_external": blocks.external,
        "validate_bd_design": blocks.validate,
    }


def main() -> None:
    """Run the script that the command line names."""
    named, _ = options(tuple(sys.argv[1:]), ("nojournal", "nolog", "notrace"))
    if named.get("mode") != "batch":
        sys.exit("only -mode batch")
    script = existing(named["source"])
    if "launch_runs" in script.read_text():  # a project of hls4ml
        mock_runs.main(script)
    else:
        run(script, commands(Vivado()))
