"""`shls -s COMMAND` of SmartHLS: commands in order, in a folder with Makefile and config.tcl; a report that grows."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import mock_bench
from mock_tcl import FAIL, existing

_ORDER = ("sw_compile", "hw", "rtl_synth", "fpga")
_REPORT = """\
==================================================================
=====  Summary Report for RTL Simulation and FPGA Synthesis  =====
==================================================================

Project name: accel_model
FPGA Vendor: MICROSEMI
Device Family: PolarFire
Device: {part}

====== 1. Simulation Result ======

N/A. Please run SW/HW co-simulation to obtain the simulation result.

====== 2. Timing Result of HLS-generated IP Core (top-level module: accel_model_top) ======

{timing}

====== 3. Resource Usage of HLS-generated IP Core (top-level module: accel_model_top) ======

{resources}

* Interface 4LUTs and DFFs are occupied due to the uses of LSRAM, Math, and uSRAM.
"""
_TIMING = """\
+--------------+---------------+-------------+-------------+----------+-------------+
| Clock Domain | Target Period | Target Fmax | Worst Slack | Period   | Fmax        |
+--------------+---------------+-------------+-------------+----------+-------------+
| clk          | 10.000 ns     | 100.000 MHz | 5.240 ns    | 4.760 ns | 210.084 MHz |
+--------------+---------------+-------------+-------------+----------+-------------+"""
_RESOURCES = """\
+--------------------------+------------------+--------+------------+
| Resource Type            | Used             | Total  | Percentage |
+--------------------------+------------------+--------+------------+
| Fabric + Interface 4LUT* | {lut:<16} | 299544 | 2.20       |
| Fabric + Interface DFF*  | 3334 + 36 = 3370 | 299544 | 1.56       |
| I/O Register             | 0                | 1536   | 0.00       |
| User I/O                 | 0                | 512    | 0.00       |
| uSRAM                    | 12               | 2772   | 0.43       |
| LSRAM                    | 3                | 952    | 0.37       |
| Math                     | 8                | 924    | 0.16       |
+--------------------------+------------------+--------+------------+"""
_MISSING = "N/A. Please run 'Synthesize Hardware to FPGA' to obtain the result."


def main() -> None:
    """One command of the flow."""
    if sys.argv[1:] == ["--version"]:
        print("SmartHLS Version 2024.2")
        return
    flag, command = sys.argv[1:]
    index = _ORDER.index(command)
    if flag != "-s" or (index and not Path(f".{_ORDER[index - 1]}").exists()):
        _fail(f"{command} needs {_ORDER[index - 1]}")
    makefile, config = existing("Makefile").read_text(), existing("config.tcl").read_text()
    for name in re.findall(r"[\w/]+\.cpp", makefile):
        existing(name)
    part = re.search(r"^set_project PolarFire (\S+) hw_only$", config, re.MULTILINE)
    if not part or "include $(LEVEL)/Makefile.common" not in makefile:
        _fail("no project")
    if FAIL == "exit" and command == "hw":
        _fail("Error: unsupported construct")
    Path(f".{command}").touch()
    if command != "sw_compile":
        _report(part[1], index)


def _report(part: str, index: int) -> None:
    lut = "many" if FAIL == "words" else "5244 + 36 = 5280"
    timing = _TIMING if index >= _ORDER.index("fpga") else _MISSING
    resources = _RESOURCES.format(lut=lut) if index >= _ORDER.index("rtl_synth") else _MISSING
    text = _REPORT.format(part=part, timing=timing, resources=resources)
    mock_bench.write(Path("hls_output/reports/summary.results.rpt"), text)


def _fail(text: str) -> None:
    print(text)
    sys.exit(1)
