"""`quartus_sh -t SCRIPT` as far as the build scripts use it: reads the project, checks it, writes its reports."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from mock_tcl import FAIL, MockError, existing, options, ports, run

_MAP = """\
; Analysis & Synthesis Resource Usage Summary                                      ;
; Resource                                    ; Usage                              ;
; Estimate of Logic utilization (ALMs needed) ; 412                                ;
;                                             ;                                    ;
; Combinational ALUT usage for logic          ; {alut:,}                                ;
;     -- 7 input functions                    ; 3                                  ;
; Dedicated logic registers                   ; 1,330                              ;
; Total block memory bits                     ; 20,480                             ;
; Total DSP Blocks                            ; 2                                  ;
"""
_FIT = """\
Fitter Status : Successful - Tue Nov 24 10:00:00 2026
Family : Cyclone V
Device : 5CSEBA6U23I7
Timing Models : Final
Logic utilization (in ALMs) : 1,412 / 41,910 ( 3 % )
Total registers : 1380
Total pins : 5 / 314 ( 2 % )
Total block memory bits : 20,480 / 5,662,720 ( < 1 % )
Total RAM Blocks : 3 / 553 ( < 1 % )
Total DSP Blocks : 2 / 112 ( 2 % )
"""
_STA = """\
------------------------------------------------------------
Timing Analyzer Summary
------------------------------------------------------------

Type  : Slow 1100mV 100C Model Setup 'u_clock|u_pll|general[0].gpll~PLL_OUTPUT_COUNTER|divclk'
Slack : {setup}
TNS   : 0.000

Type  : Fast 1100mV -40C Model Hold 'u_clock|u_pll|general[0].gpll~PLL_OUTPUT_COUNTER|divclk'
Slack : 0.171
TNS   : 0.000
"""
assigned: dict[str, list[str]] = {}
pins: dict[str, str] = {}


def project_open(name: str) -> None:
    """Reads the .qsf; the .qpf has to name its revision."""
    if f'"{name}"' not in existing(f"{name}.qpf").read_text():
        raise MockError(f"{name}.qpf has no revision {name}")
    run(
        existing(f"{name}.qsf"),
        {
            "set_global_assignment": lambda *args: assigned.setdefault(args[1], []).append(args[2]),
            "set_location_assignment": lambda site, _, port: pins.__setitem__(port, site),
            "set_instance_assignment": lambda *args: None,
        },
    )
    for key in ("FAMILY", "DEVICE", "TOP_LEVEL_ENTITY", "SDC_FILE", "SYSTEMVERILOG_FILE"):
        if key not in assigned:
            raise MockError(f"no {key} assignment")


def execute_module(*args: str) -> None:
    """One tool of the flow."""
    {"map": _map, "fit": _fit, "asm": _asm, "sta": _sta}[options(args)[0]["tool"]]()


def _map() -> None:
    found = ports(assigned["TOP_LEVEL_ENTITY"][0], assigned["SYSTEMVERILOG_FILE"])
    missing = [port for port in found if port not in pins]
    if missing or set(pins) - set(found):
        raise MockError(f"ports {missing} have no location, or {set(pins) - set(found)} are no ports")
    for name in assigned["SYSTEMVERILOG_FILE"]:
        text = existing(name).read_text()
        if "ram_style" in text or "rom_style" in text or ", no_rw_check *)" in text:
            raise MockError(f"Warning (10335): {name}: unrecognized synthesis attribute")
        for value in re.findall(r'(?:ram|rom)style = "([^"]*)"', text):
            if not set(value.split(", ")) <= {"M10K", "MLAB", "logic", "no_rw_check"}:
                raise MockError(f"{name}: ramstyle {value} is not one of Cyclone V")
    Path("db").mkdir(exist_ok=True)
    Path("db/mapped").touch()
    Path("accel_board.map.rpt").write_text(_MAP.format(alut=99_000 if FAIL == "large" else 1_843))


def _fit() -> None:
    existing("db/mapped")
    if FAIL == "exit":
        raise MockError("Error (11802): Can't fit design in device")
    Path("accel_board.fit.summary").write_text(_FIT)


def _asm() -> None:
    existing("accel_board.fit.summary")
    Path("accel_board.sof").write_bytes(b"SOF")


def _sta() -> None:
    text = existing(assigned["SDC_FILE"][0]).read_text()
    if "create_clock" not in text or "derive_pll_clocks" not in text:
        raise MockError("the PLL's clock is not constrained")
    if FAIL != "report":
        Path("accel_board.sta.summary").write_text(_STA.format(setup="-1.250" if FAIL == "timing" else "2.500"))


def main() -> None:
    """Run the script that the command line names."""
    if sys.argv[1:2] != ["-t"]:
        sys.exit("usage: quartus_sh -t SCRIPT")
    nothing = {name: (lambda *args: None) for name in ("load_package", "project_close")}
    run(existing(sys.argv[2]), {**nothing, "project_open": project_open, "execute_module": execute_module})
