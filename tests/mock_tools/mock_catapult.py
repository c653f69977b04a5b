"""`catapult -shell -f SCRIPT` on hls4ml's script: states in order, files that exist, a report in Catapult's format."""

from __future__ import annotations

import sys
from pathlib import Path

import mock_bench
from mock_tcl import FAIL, MockError, existing, run

_STATES = ("new", "analyze", "compile", "libraries", "assembly", "architect", "allocate", "schedule", "extract")
_REPORT = """\
-- Catapult Ultra Synthesis: Report
-- ----------------------------  -----------------------------------------
-- Version:                      2024.2/1130128 Production Release
-- Build Date:                   Sun Jun 30 10:00:00 PDT 2024

Solution Settings: accel_model.v1
  Current state: extract
  Project: accel_model_prj

Processes/Blocks in Design
  Process                                            Real Operation(s) count Latency Throughput Reset Length II Comments
  -------------------------------------------------- ----------------------- ------- ---------- ------------ -- --------
  /accel_model/nnet::accel_dense<config2,a,b>/core                        96      22         24            1  0
  /accel_model/nnet::accel_rescale<config3,b,c>/core                      40      -1         15            1  0
  Design Total:                                                          136 {latency:>7}         24            1  0

Clock Information
  Clock Signal Edge   Period Sharing Alloc (%) Uncertainty Used by Processes/Blocks
  ------------ ------ ------ ----------------- ----------- ------------------------
  clk          rising {period:>6}             20.00    0.000000 /accel_model/core

Area Scores
                    Post-Scheduling   Post-DP & FSM   Post-Assignment
  ----------------- --------------- --------------- -----------------
  Total Area Score:   1940.6          2261.2          2220.6
"""


class Catapult:
    """A session; the methods are Catapult's commands."""

    def __init__(self) -> None:
        self.state, self.project_name, self.libraries = 0, "", 0
        self.period = ""

    def project(self, *args: str) -> None:
        """A new one, or save it."""
        if args[0] == "new":
            self.project_name = args[2]

    def solution(self, *args: str) -> str:
        """Sources must exist."""
        if args[:2] == ("file", "add"):
            existing(args[2])
        if args[:2] == ("library", "add"):
            self.libraries += 1
        return ""

    def library(self, *args: str) -> str:
        """The base library of a part, and where it is."""
        name = "mgc_Xilinx-ARTIX-7-1_beh"
        path = "/CONFIG/PARAMETERS/Vivado/PARAMETERS/Xilinx/PARAMETERS/ARTIX-7/PARAMETERS/-1/PARAMETERS/xc7a/x"
        return name if args[-1] == "v" else path

    def directive(self, *args: str) -> None:
        """The clock."""
        if args[:2] == ("set", "-CLOCKS"):
            self.period = args[2].split("CLOCK_PERIOD ")[1].split()[0]

    def go(self, state: str) -> None:
        """Every state after the one before; some may be left out."""
        wanted = _STATES.index(state)
        if wanted < self.state:
            raise MockError(f"go {state}: already beyond")
        self.state = wanted
        if state == "extract":
            self._extract()

    def _extract(self) -> None:
        if not self.period or not self.libraries or not self.project_name:
            raise MockError("no clock, no technology library or no project")
        if FAIL == "exit":
            raise MockError("Completed transformation 'schedule' with errors (SCHED-3)")
        text = _REPORT.format(period=self.period, latency="many" if FAIL == "words" else "44")
        mock_bench.write(Path(self.project_name) / "accel_model.v1" / "rtl.rpt", text)

    def flow(self, *args: str) -> None:
        """Packages of Catapult; there is no HLS4ML package here."""
        if args == ("package", "present", "/HLS4ML"):
            raise MockError("package /HLS4ML is not present")


def main() -> None:
    """Run the script that the command line names, after what -eval says."""
    args = sys.argv[1:]
    if args[:4] != ["-product", "ultra", "-shell", "-f"] or args[5] != "-eval":
        sys.exit(f"usage: catapult -product ultra -shell -f SCRIPT -eval TCL, not {args}")
    tool = Catapult()
    own = {
        name: getattr(tool, name) for name in dir(tool) if not name.startswith("_") and callable(getattr(tool, name))
    }
    nothing = {name: (lambda *args: "") for name in ("options", "logfile", "application")}
    run(existing(args[4]), {**nothing, **own}, args[6])
