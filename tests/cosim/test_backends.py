"""Every back end of hls4ml: what it writes, what is bit-exact here, and what it refuses before it writes."""

from __future__ import annotations

import ctypes
import re
from itertools import product
from pathlib import Path

import hls4ml
import numpy as np
import pytest
from hls_graphs import block, everything, folded, samples

from accel import reference, tools
from accel.errors import ToolError, UserError
from accel.graph import Graph, Node
from accel.ops import Rescale
from accel.tensor import Tensor
from accel.verification.difference import first_difference
from hls.projects import backends, builders, project
from hls.projects.backends import BACKENDS

SHIMS = Path(__file__).parents[1] / "shims"
TEMPLATES = Path(hls4ml.__file__).parent / "templates"
HERE = [name for name, backend in BACKENDS.items() if backend.compiler == "g++"]
PAIRS = [(name, io_type) for name, backend in BACKENDS.items() for io_type in backend.io_types]


def narrow(seed: int) -> Graph:
    """Every operator, and an output of 12 bits."""
    graph = everything(seed)
    last = Node("narrow", Rescale([1], graph.output_tensor.width - 10, "half_even", -2048, 2047), (graph.output,))
    return Graph("narrow", {graph.input_name: graph.input}, (*graph.nodes, last), "narrow")


def test_hls4mls_back_ends_are_all_known() -> None:
    known = {name.lower() for name in hls4ml.backends.get_available_backends()}
    assert known - {"symbolicexpression"} == {name.lower() for name in BACKENDS}  # which is for formulas


@pytest.mark.parametrize(("backend", "io_type"), PAIRS)
def test_every_project_is_complete(backend: str, io_type: str, tmp_path: Path) -> None:
    """Every node has its call (also asserted when it is written), every header and table is there, none is empty."""
    graph = block()
    home = project.write(graph, tmp_path / "project", backend, io_type).folder
    firmware = home / BACKENDS[backend].firmware
    top = (firmware / "accel_model.cpp").read_text()
    for index, node in enumerate(graph):
        assert len(re.findall(rf"config{index + 2}(?=>\(|::task<)", top)) == 1, node.name
    included = re.findall(r'#include "((?:weights|nnet_utils)/\w+\.h)"', top + (firmware / "parameters.h").read_text())
    assert {name for name in included if "accel_" in name} >= {
        f"nnet_utils/accel_{kind}.h" for kind in {node.op.kind for node in graph}
    }
    assert all((firmware / name).stat().st_size for name in included)
    texts = [path.read_bytes() for path in home.iterdir() if path.is_file()]
    assert not any(b".project-" in text for text in texts)  # where it was written before it was whole
    assert project.load(home).backend.name == backend
    (port,) = re.findall(r"Port `(\w+)` carries", (home / "README.md").read_text().split("a sample.")[1])
    sources = "".join(path.read_text() for path in firmware.glob("accel_model*"))
    assert re.search(rf"\b{port}(pipe)?\b", sources, re.IGNORECASE)  # oneAPI: YPipe


@pytest.mark.parametrize(
    ("backend", "io_type"),
    [(name, io) for name in HERE for io in backends.IO_TYPES if io not in BACKENDS[name].untraced],
)
def test_every_edge_is_exact(backend: str, io_type: str, tiny_graph: Graph, tmp_path: Path) -> None:
    """Larger graphs: test_hls.py and below."""
    written = project.write(tiny_graph, tmp_path / "project", backend, io_type)
    written.compile()
    x = samples(tiny_graph, 64)
    found = first_difference(tiny_graph, "csim", reference.trace(tiny_graph, x), written.trace(x))
    assert found is None, str(found)


def test_the_documented_table_is_the_table() -> None:
    """docs/hls.md: what is written, compiled here, and compared."""
    text = (Path(__file__).parents[2] / "docs" / "hls.md").read_text()
    rows = re.findall(r"^\| (\w+) \(`([\w-]+)`\) \| (\w+) \| (\w+) \| (.*?) \| (.*?) \| (\w+) \|$", text, re.MULTILINE)
    assert [row[0] for row in rows] == list(BACKENDS)
    for name, tool, stream, parallel, here, programs, cosim in rows:
        backend, builder = BACKENDS[name], builders.BUILDERS[tool]
        assert tool == backend.builder
        assert {"io_stream": stream, "io_parallel": parallel} == {
            io_type: "refused" if io_type in backend.refused else "yes" for io_type in backends.IO_TYPES
        }
        assert here.startswith("yes") == (backend.compiler == "g++")
        assert all(f"`{program}`" in programs for program in builder.programs)
        assert cosim == ("refused" if builder.refused else "compared")
        if here.startswith("yes"):
            assert ("io_parallel only" in here) == bool(backend.untraced)


@pytest.mark.parametrize("io_type", backends.IO_TYPES)
@pytest.mark.parametrize("graph", [block(), pytest.param(narrow(3), marks=pytest.mark.slow)])
def test_a_board_project_is_exact_behind_its_axi_streams(io_type: str, graph: Graph, tmp_path: Path) -> None:
    written = project.write(graph, tmp_path / "project", "vivado-accelerator", io_type)
    assert "accel_model_axi(x_ap," in (written.folder / "accel_model_bridge.cpp").read_text()
    written.compile()
    x = samples(graph, 32)
    expected = reference.trace(graph, x)
    found = first_difference(graph, "csim", expected, written.trace(x))
    assert found is None, str(found)
    assert np.array_equal(written.predict(x), expected[graph.output])


@pytest.mark.parametrize("board", BACKENDS["VivadoAccelerator"].boards)
def test_a_board_project_has_its_block_design_and_driver(board: str, tiny_graph: Graph, tmp_path: Path) -> None:
    home, as_typed = tmp_path / "project", board.upper().replace("-", "_")
    project.write(tiny_graph, home, "vivado-accelerator", board=as_typed)
    part = BACKENDS["VivadoAccelerator"].boards[board]
    settings = (home / "project.tcl").read_text()
    assert f'set part "{part}"' in settings
    assert re.findall(r"set bit_width_hls_\w+ (\d+)", settings) == ["32", "32"]
    assert f"-part {part}" in (home / "design.tcl").read_text()
    assert "class NeuralNetworkOverlay(Overlay)" in (home / "axi_stream_driver.py").read_text()
    assert "set_top ${project_name}_axi" in (home / "build_prj.tcl").read_text()


@pytest.mark.parametrize("io_type", backends.IO_TYPES)
@pytest.mark.parametrize("graph", [block(), pytest.param(narrow(3), marks=pytest.mark.slow)])
@pytest.mark.parametrize("heads", [False, True])
def test_oneapi_is_exact_on_a_stand_in_for_sycl(heads: bool, io_type: str, graph: Graph, tmp_path: Path) -> None:
    """The project as it is, on one thread; but hls4ml's copy of the integer library has no constexpr constructors."""
    schedule = folded(graph, 2, heads)
    home = project.write(graph, tmp_path / "project", "oneAPI", io_type, schedule=schedule).folder
    for table in (home / "src" / "firmware" / "weights").iterdir():
        text = table.read_text()
        assert text.count("static constexpr") == 1
        table.write_text(text.replace("static constexpr", "static const"))
    sources = [home / "src" / "firmware" / "accel_model.cpp", home / "src" / "accel_model_bridge.cpp"]
    includes = [SHIMS / "oneapi", home / "src", home / "src" / "firmware"]
    assert "accel_gather" in (home / "src" / "firmware" / "parameters.h").read_text() + sources[0].read_text()
    library = built(home, sources, includes, TEMPLATES / "quartus" / "ac_types")
    x = samples(graph, 32)
    assert np.array_equal(run(library, graph, x), reference.run(graph, x))


@pytest.mark.parametrize("graph", [block(), pytest.param(narrow(3), marks=pytest.mark.slow)])
@pytest.mark.parametrize("heads", [False, True])
def test_libero_is_exact_on_a_stand_in_for_smarthls(heads: bool, graph: Graph, tmp_path: Path) -> None:
    schedule = folded(graph, 2, heads)
    home = project.write(graph, tmp_path / "project", "Libero", "io_parallel", schedule=schedule).folder
    assert "accel_gather" in (home / "firmware" / "accel_model.cpp").read_text()
    sources = [home / "firmware" / "accel_model.cpp", home / "accel_model_bridge.cpp"]
    library = built(home, sources, [SHIMS / "libero", home, home / "firmware"], TEMPLATES / "vivado" / "ap_types")
    x = samples(graph, 32)
    assert np.array_equal(run(library, graph, x), reference.run(graph, x))
    kernels = list((home / "firmware" / "nnet_utils").glob("accel_*.h"))
    assert kernels
    assert not any(".to_int()" in path.read_text() for path in kernels)  # SmartHLS has to_int64()


def built(home: Path, sources: list[Path], includes: list[Path], system: Path) -> Path:
    """A shared library of a project's simulation."""
    flags = ["-std=c++17", "-Og", "-fPIC", "-shared", "-fno-gnu-unique", "-w"]
    library = home / f"{home.parent.name}.so"
    paths = [*(f"-I{path}" for path in includes), "-isystem", system]
    tools.run([tools.require("g++"), *flags, *paths, *sources, "-o", library], home, home / "compile.log")
    return library


def run(library: Path, graph: Graph, x: np.ndarray) -> np.ndarray:
    """Its top function on samples."""
    top = ctypes.CDLL(str(library)).accel_model_double
    y = np.zeros((len(x), *graph.output_tensor.shape))
    for source, result in zip(x.astype(np.float64), y, strict=True):
        top(ctypes.c_void_p(source.ctypes.data), ctypes.c_void_p(result.ctypes.data))
    return y.astype(np.int64)


@pytest.mark.parametrize(
    ("backend", "text"),
    [
        ("oneAPI", "oneAPI projects are compiled by icpx: install the Intel oneAPI Base Toolkit .*, then run"),
        ("Libero", r"Libero projects are compiled by shls: install Microchip SmartHLS .*, then run `accel build`"),
    ],
)
def test_the_compiler_that_is_missing_is_named(backend: str, text: str, tiny_graph: Graph, tmp_path: Path) -> None:
    written = project.write(tiny_graph, tmp_path / "project", backend, "io_parallel")
    with pytest.raises(ToolError, match=f"^{text}"):
        written.compile()


@pytest.mark.parametrize("backend", ["oneAPI", "Libero"])
def test_edges_that_cannot_be_traced_are_said(backend: str, tiny_graph: Graph, tmp_path: Path) -> None:
    written = project.write(tiny_graph, tmp_path / "project", backend, "io_parallel")
    with pytest.raises(UserError, match=rf"hls4ml cannot trace io_parallel of {backend}"):
        written.trace(samples(tiny_graph, 2))


def one_edge(hi: int) -> Graph:
    return Graph("one", {"x": Tensor((1, 1), 0, 1)}, (Node("y", Rescale([hi], 0, "floor", 0, hi), ("x",)),), "y")


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        ({"backend": "libero", "io_type": "io_stream"}, "Libero has no io_stream: hls4ml 1.3.0 writes streams for "
         "Libero that are no C++; choose io_parallel"),
        ({"backend": "VivadoAccelerator", "board": "arty"}, "VivadoAccelerator has no board 'arty'; choose one of "
         "pynq-z2, zcu102"),
        ({"backend": "VivadoAccelerator", "part": "xc7a35t"}, "pynq-z2 has part xc7z020clg400-1, not xc7a35t: leave "
         "the part out"),
        ({"backend": "Vitis", "board": "zcu102"}, "Vitis is written for a part, not for a board: leave 'zcu102' out"),
        ({"backend": "VivadoAccelerator"}, "edge 'y' has values of 0..2147483648; the streams of VivadoAccelerator "
         "carry signed numbers of 32 bits: rescale first"),
    ],
)  # fmt: skip
def test_refusals(request_: dict, text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(text)}$"):
        project.write(one_edge(1 << 31), tmp_path / "project", **request_)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("backend", "io_type"), list(product(HERE, backends.IO_TYPES)))
def test_the_widest_edge_that_is_taken_is_exact(backend: str, io_type: str, tmp_path: Path) -> None:
    graph = one_edge((1 << (BACKENDS[backend].bus_bits or 54) - 1) - 1)
    written = project.write(graph, tmp_path / "project", backend, io_type)
    written.compile()
    x = np.array([0, 1]).reshape(2, 1, 1)
    assert np.array_equal(written.predict(x), reference.run(graph, x))


def test_another_version_of_hls4ml_is_noticed(tmp_path: Path) -> None:
    from hls.projects.adapters import repair

    (tmp_path / "top.cpp").write_text("better\n")
    with pytest.raises(ToolError, match=r"top\.cpp as hls4ml wrote it is not as accel knows it from hls4ml 1\.3\.0"):
        repair(tmp_path / "top.cpp", "wrong", "right")
