"""`vitis-run`, `vitis_hls` and `vivado_hls` on hls4ml's script: calls are checked, reports are as theirs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import mock_bench
from mock_tcl import FAIL, MockError, existing, options, run

_REPORT = """\
<?xml version="1.0" encoding="UTF-8"?>
<profile>
<section name = "General Information" level="0"></section>
<ReportVersion><Version>{version}</Version></ReportVersion>
<UserAssignments><unit>ns</unit><ProductFamily>artix7</ProductFamily><Part>{part}</Part>
<TopModelName>{name}</TopModelName><TargetClockPeriod>{period}</TargetClockPeriod></UserAssignments>
<PerformanceEstimates><PipelineType>dataflow</PipelineType>
<SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>7.256</EstimatedClockPeriod></SummaryOfTimingAnalysis>
<SummaryOfOverallLatency><unit>clock cycles</unit><Best-caseLatency>{latency}</Best-caseLatency>
<Average-caseLatency>{latency}</Average-caseLatency><Worst-caseLatency>{latency}</Worst-caseLatency>
<Interval-min>{interval}</Interval-min><Interval-max>{interval}</Interval-max></SummaryOfOverallLatency>
</PerformanceEstimates>
<AreaEstimates><Resources><BRAM_18K>2</BRAM_18K><{dsp}>9</{dsp}><FF>1203</FF><LUT>{luts}</LUT><URAM>0</URAM></Resources>
<AvailableResources><BRAM_18K>270</BRAM_18K><{dsp}>240</{dsp}><FF>126800</FF><LUT>63400</LUT><URAM>0</URAM>
</AvailableResources></AreaEstimates>
</profile>
"""
_COSIM = """\
Report time       : Wed Nov 25 10:00:00 UTC 2026.
Solution          : solution1.
Simulation tool   : xsim.

+----------+----------+-----------------------------------------------+-----------------------------------------------+
|          |          |                    Latency                    |                    Interval                   |
+   RTL    +  Status  +-----------------------------------------------+-----------------------------------------------+
|          |          |      min      |      avg      |      max      |      min      |      avg      |      max      |
+----------+----------+-----------------------------------------------+-----------------------------------------------+
|      VHDL|        NA|             NA|             NA|             NA|             NA|             NA|             NA|
|   Verilog|{status:>10}|{cells}|
+----------+----------+-----------------------------------------------+-----------------------------------------------+
"""


class Hls:
    """A session; the methods are the tool's commands."""

    def __init__(self, version: str) -> None:
        self.version, self.part, self.top, self.period = version, "", "", ""
        self.sources: list[str] = []
        self.benches: list[str] = []
        self.home = Path()

    def open_project(self, *args: str) -> None:
        """A folder."""
        self.home = Path(options(args, ("reset",))[1][0])
        self.home.mkdir(exist_ok=True)

    def set_top(self, name: str) -> None:
        """A function of the sources."""
        self.top = name

    def add_files(self, *args: str) -> None:
        """Sources, or with -tb what the test bench needs: everything is there."""
        named, names = options(args, ("tb",))
        for name in names:
            if not Path(name).exists():
                raise MockError(f"cannot find file '{name}'")
            (self.benches if "tb" in named else self.sources).append(name)

    def set_part(self, part: str) -> None:
        """The device."""
        self.part = part

    def create_clock(self, *args: str) -> None:
        """The wanted period."""
        self.period = options(args)[0]["period"]

    def csynth_design(self) -> None:
        """Needs a part, a clock and the top."""
        if not self.part or float(self.period) <= 0:
            raise MockError("no part or no clock")
        text = "".join(existing(name).read_text() for name in self.sources)
        if not re.search(rf"\bvoid {self.top}\(", text):
            raise MockError(f"Cannot find the top function '{self.top}' in the design.")
        if FAIL == "exit":
            raise MockError("[HLS 200-70] Pre-synthesis failed.")
        for index in set(re.findall(r"<config(\d+)>\(", text)):
            self._report(f"accel_kernel_config{index}_s", "40")
        self._report(self.top, {"undef": "undef", "words": "many"}.get(FAIL, "164"))
        verilog = self.home / "solution1/syn/verilog" / f"{self.top}.v"
        verilog.parent.mkdir(parents=True)
        verilog.write_text(f"module {self.top} ();\nendmodule\n")

    def _report(self, name: str, cycles: str) -> None:
        values = {"version": self.version, "part": self.part, "name": name, "period": self.period, "latency": cycles}
        values |= {"dsp": "DSP" if self.version > "2020.1" else "DSP48E", "luts": "-" if FAIL == "luts" else "2518"}
        path = self.home / "solution1/syn/report" / f"{name}_csynth.xml"
        mock_bench.write(path, _REPORT.format(interval=cycles, **values))

    def cosim_design(self, *args: str) -> None:
        """With -setup: the simulator's files. The RTL must be there."""
        existing(str(self.home / "solution1/syn/verilog" / f"{self.top}.v"))
        simulation = self.home / "solution1/sim/verilog"
        simulation.mkdir(parents=True)
        (simulation / f"{self.top}.tcl").write_text("log_wave -r /\nrun all\nquit\n")
        (simulation / "run_sim.tcl").write_text("mock_simulate\n")

    def mock_simulate(self) -> None:
        """The test bench, in the project's folder."""
        sources = [name for name in [*self.sources, *self.benches] if name.endswith(".cpp")]
        flags = ["-std=c++11", "-DRTL_SIM", '-DWEIGHTS_DIR="firmware/weights"', "-Ifirmware/ap_types"]
        root = Path("../../../..").resolve()
        names = [str(root / name) for name in dict.fromkeys(sources)]
        mock_bench.compile_bench("bench", names, [flag.replace("-I", f"-I{root}/") for flag in flags])
        mock_bench.run_in(root, Path("bench").resolve())
        mock_bench.spoil(root / "tb_data/rtl_cosim_results.log")
        status = "Fail" if FAIL == "status" else "Pass"
        mock_bench.write(
            root / self.home / f"solution1/sim/report/{self.top}_cosim.rpt",
            _COSIM.format(status=status, cells="|".join(f"{cell:>15}" for cell in (164, 165, 166, 80, 81, 82))),
        )

    def export_design(self, *args: str) -> None:
        """The IP."""
        path = self.home / "solution1/impl/ip" / "component.xml"
        path.parent.mkdir(parents=True)
        path.write_text(self.top)


def main(version: str) -> None:
    """Run the script that the command line names."""
    args = sys.argv[1:]
    if args[:1] == ["--mode"]:
        if args[1:3] != ["hls", "--tcl"] or len(args) != 4:
            sys.exit("usage: vitis-run --mode hls --tcl SCRIPT")
        script, given = args[3], ""
    else:
        script, given = args[1], " ".join(f"{{{arg}}}" for arg in args[2:])
    tool = Hls(version)
    names = ("open_solution", "config_array_partition", "config_compile", "config_schedule", "set_clock_uncertainty")
    own = {
        name: getattr(tool, name) for name in dir(tool) if not name.startswith("_") and callable(getattr(tool, name))
    }
    run(existing(script), {**dict.fromkeys(names, lambda *args: None), **own}, f"set ::argv [list {given}]")
