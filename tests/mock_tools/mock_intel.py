"""`i++`, and `icpx` with its `cmake`: sources are checked and compiled, reports are in these tools' format."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import mock_bench
from mock_tcl import FAIL, MockError, existing

_HERE = Path(__file__).parent
_AREA = """\
var loopsJSON={{"columns":["Pipelined","II"],"children":[]}};var areaJSON={{
  "columns":["ALUTs","FFs","RAMs","DSPs","MLABs"]
  , "total_percent":[1.5, 0.9, 0.4, 0.1, 0.6]
  , "total":[{alut}, 15812, 12, 9, 31]
  , "name":"Kernel System"
  , "max_resources":[854400, 1708800, 2713, 1518, 21360]
  , "children":[]
}};var fileJSON=[];"""
_CYCLES = """\
var verifJSON={"columns":["Number of Invocations","Latency (min,max,avg)","II (min,max,avg)"],
"functions":[{"name":"accel_model","data":["%d","212,214,213","80,82,81"]}]};"""
_QUARTUS = 'var quartusJSON={"quartusFitClockSummary":{"nodes":[{"clock":"TBD"}]}};'


def ipp() -> None:
    """Compile a component and its test bench."""
    if sys.argv[1:] == ["--version"]:
        print("Intel(R) HLS Compiler Pro Edition Version 21.4.0")
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("-march", required=True)
    parser.add_argument("--clock", required=True)
    parser.add_argument("--quartus-compile", action="store_true")
    parser.add_argument("-o", dest="output", required=True)
    parser.add_argument("sources", nargs="+")
    args = parser.parse_args()
    if not re.fullmatch(r"[\d.]+(ns|MHz)", args.clock):
        _fail(f"error: invalid clock {args.clock}")
    _guard(lambda: _component(args))


def _component(args: argparse.Namespace) -> None:
    if FAIL == "exit":
        raise MockError("HLS Main Optimizer FAILED.")
    text = "".join(existing(name).read_text() for name in args.sources)
    if "component" not in text and "accel_model(" not in text:
        raise MockError("no component")
    flags = ["-std=c++11", "-include", str(_HERE / "ihc.h"), "-Ifirmware/ac_types"]
    mock_bench.compile_bench("bench", args.sources, flags)
    reports = Path(f"{args.output}.prj/reports/lib")
    mock_bench.write(reports / "report_data.js", _AREA.format(alut='"many"' if FAIL == "words" else 14210))
    (reports / "quartus_data.js").write_text(_QUARTUS)
    script = f"#!{sys.executable}\nimport sys\n\nsys.path.insert(0, {str(_HERE)!r})\nimport mock_intel\n\n"
    Path(args.output).write_text(script + "mock_intel.simulate()\n")
    Path(args.output).chmod(0o755)


def simulate() -> None:
    """What the executable of i++ does."""
    _guard(_simulate)


def _simulate() -> None:
    mock_bench.run_in(Path(), Path("bench").resolve())
    results = Path("tb_data/results.log")
    samples = len(results.read_text().splitlines())
    mock_bench.spoil(results)
    mock_bench.write(Path("accel_model-fpga.prj/reports/lib/verification_data.js"), _CYCLES % samples)


_ROWS = """\
{{"name":"Total", "type":"kernel system", "data":[{alut}, 15012, 11, 8, 40]}}
{{"name":"Available", "data":[974400, 1948800, 7110, 4510, 24360]}}
"""
_LOOPS = """\
{"name":"Kernel: AccelModel", "children":[]}
{"name":"accel_kernel.B1", "af":"482.50", "ii":"1", "lt":"31.000000"}
{"name":"accel_kernel.B2", "af":"455.10", "ii":"n/a", "lt":"12.000000"}
"""


def cmake() -> None:
    """Configure (-S, -B) or build a target."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-S", dest="source")
    parser.add_argument("-B", dest="binary")
    parser.add_argument("--build")
    parser.add_argument("--target", choices=["report", "fpga_sim", "fpga"])
    args = parser.parse_args()
    if args.source:
        existing(f"{args.source}/CMakeLists.txt")
        Path(args.binary).mkdir()
        return
    _guard({"report": _report, "fpga_sim": _simulator, "fpga": lambda: None}[args.target])


def _report() -> None:
    if FAIL == "exit":
        raise MockError("icpx: error: device compilation failed")
    names = re.findall(r"src/[\w/]+\.cpp", existing("CMakeLists.txt").read_text())
    if "task_sequence" not in "".join(existing(name).read_text() for name in names):
        raise MockError("empty network")
    reports = Path("build/accel_model.report.prj/reports/resources/json")
    mock_bench.write(reports / "summary.ndjson", _ROWS.format(alut='"many"' if FAIL == "words" else 13990))
    mock_bench.write(reports / "loop_attr.ndjson", _LOOPS)
    mock_bench.write(reports / "quartus.ndjson", "{}\n")


def _simulator() -> None:
    """The whole project on the stand-in for SYCL; its copy of the integers has no constexpr constructors."""
    shutil.copytree("src", "build/src")
    for table in Path("build/src/firmware/weights").iterdir():
        table.write_text(table.read_text().replace("static constexpr", "static const"))
    import hls4ml

    types = Path(hls4ml.__file__).parent / "templates/quartus/ac_types"
    includes = [f"-I{mock_bench.SHIMS / 'oneapi'}", "-isystem", str(types), "-Ibuild/src", "-Ibuild/src/firmware"]
    sources = ["build/src/firmware/accel_model.cpp", "build/src/accel_model_test.cpp"]
    mock_bench.compile_bench("build/bench", sources, ["-std=c++17", *includes])
    program = Path("build/accel_model.fpga_sim")
    script = f"#!{sys.executable}\nimport sys\n\nsys.path.insert(0, {str(_HERE)!r})\nimport mock_intel\n\n"
    program.write_text(script + "mock_intel.emulate()\n")
    program.chmod(0o755)


def emulate() -> None:
    """What the simulator of icpx does."""

    def run() -> None:
        mock_bench.run_in(Path(), Path("build/bench").resolve())
        mock_bench.spoil(Path("tb_data/results.log"))

    _guard(run)


def _guard(work: Callable[[], None]) -> None:
    try:
        work()
    except MockError as error:
        _fail(f"error: {error}")


def _fail(text: str) -> None:
    print(text)
    sys.exit(1)
