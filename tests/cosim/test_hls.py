"""HLS projects: reference == C simulation on every edge, on four back ends, both io types and any folding.

And the ways to fail.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from contract import random_schedule
from encoders import Shape, encoder
from hls_graphs import block, everything, folded, language, samples

from accel import reference
from accel.dataflow import folding
from accel.dataflow.schedule import Schedule
from accel.errors import ToolError, UserError
from accel.fold import LaneFold, MatrixFold
from accel.graph import Graph, Node
from accel.ops import OPERATORS, Add, Dense, Norm, Pool, Rescale, Softmax, folder
from accel.ops.softmax.op import exp_table
from accel.tensor import Tensor
from accel.verification.difference import first_difference
from hls.projects import backends, project
from hls.projects.project import Project


def assert_equal_everywhere(written: Project, x: np.ndarray) -> None:
    """Output and every edge of the C simulation equal the reference's."""
    expected = reference.trace(written.graph, x)
    found = first_difference(written.graph, "csim", expected, written.trace(x))
    assert found is None, str(found)
    y = written.predict(x)
    assert y.dtype == np.int64
    assert np.array_equal(y, expected[written.graph.output])


@pytest.mark.parametrize(
    ("seed", "io_type"),
    [
        (1, "io_parallel"),
        (0, "io_stream"),
        *(pytest.param(seed, io, marks=pytest.mark.slow) for seed in range(2, 8) for io in backends.IO_TYPES),
    ],
)
def test_every_operator(seed: int, io_type: str, tmp_path: Path) -> None:
    graph, more = everything(seed), language(seed)
    assert {node.op.kind for node in (*graph, *more)} == set(OPERATORS)
    written = project.write(graph, tmp_path / "project", io_type=io_type, schedule=random_schedule(graph, seed))
    written.compile()
    assert_equal_everywhere(written, samples(graph, 64, seed))


@pytest.mark.parametrize("graph", [block(), language(3), pytest.param(everything(8), marks=pytest.mark.slow)])
@pytest.mark.parametrize(("backend", "io_type"), [("Quartus", "io_parallel"), ("Catapult", "io_stream")])
@pytest.mark.parametrize("heads", [False, True])
def test_other_back_ends(heads: bool, backend: str, io_type: str, graph: Graph, tmp_path: Path) -> None:
    schedule = folded(graph, 1, heads)  # Quartus has no unrolled matrices
    written = project.write(graph, tmp_path / "project", backend, io_type, schedule=schedule)
    written.compile()
    assert_equal_everywhere(written, samples(graph, 32))


@pytest.mark.parametrize(("backend", "io_type"), [("Vitis", "io_parallel"), ("Catapult", "io_stream")])
def test_distributed_arithmetic(backend: str, io_type: str, tmp_path: Path) -> None:
    """Every Dense as an adder graph: no weights, no products; attention keeps its multipliers."""
    graph = block()
    written = project.write(graph, tmp_path / "project", backend, io_type, schedule=folding.unrolled(graph))
    firmware = written.folder / "firmware"
    matrices = [node for node in graph if node.op.kind == "dense"]
    made = (firmware / "nnet_utils" / "nnet_code_gen.h").read_text()
    assert made.count("nnet::accel_adders_") == 0
    assert len(re.findall(r"void accel_adders_\w+\(", made)) == len(matrices)
    assert "*" not in re.sub(r"//.*", "", made[made.index("accel_adders_") :])
    assert (firmware / "accel_model.cpp").read_text().count("nnet::accel_adders_") == len(matrices)
    assert not list((firmware / "weights").glob("weight*"))
    assert (written.folder / "hls4ml_config.yml").read_text().count("Strategy: distributed_arithmetic") == len(matrices)
    written.compile()
    assert_equal_everywhere(written, samples(graph, 32))


@pytest.mark.parametrize(
    ("pipelined", "causal", "io_type"),
    [
        (False, True, "io_parallel"),
        (True, False, "io_stream"),
        (False, False, "io_parallel"),
        (False, False, "io_stream"),
        (False, True, "io_stream"),
        (True, False, "io_parallel"),
        (True, True, "io_parallel"),
        (True, True, "io_stream"),
    ],
)
def test_heads_side_by_side(pipelined: bool, causal: bool, io_type: str, tmp_path: Path) -> None:
    """All heads of a token in one step, with divisions as a pipeline and serial, between operators folded anyhow."""
    graph = encoder(Shape(tokens=5, features=5, channels=6, heads=3, causal=causal))
    whole = {name: fold for name, fold in folding.unrolled(graph).folds.items() if fold.heads > 1}
    assert len(whole) == 3
    if not pipelined:
        whole = {name: replace(fold, unrolled=0) for name, fold in whole.items()}
    schedule = Schedule(random_schedule(graph, 0).folds | whole)
    written = project.write(graph, tmp_path / "project", io_type=io_type, schedule=schedule)
    written.compile()
    assert_equal_everywhere(written, samples(graph, 64))


def test_schedule_is_written_and_read(tiny_graph: Graph, tmp_path: Path) -> None:
    """The project says how it is folded; the reuse factors of hls4ml follow; the RTL's schedule is taken as it is."""
    from hls import rtl

    design = rtl.lower(tiny_graph, folding.fold_for(tiny_graph, 15))
    schedule = design.schedule
    assert schedule.depths
    written = project.write(tiny_graph, tmp_path / "project", schedule=schedule)
    again = Schedule.load(written.folder / "schedule.json")
    assert again == Schedule(schedule.folds)
    rows, columns = tiny_graph.nodes[0].op.weight.shape
    fold = schedule.folds["dense0"]
    config = yaml.safe_load((written.folder / "hls4ml_config.yml").read_text())
    assert config["HLSConfig"]["LayerName"]["n0"]["ReuseFactor"] == rows * columns // (fold.pe * fold.simd)
    with pytest.raises(
        UserError, match=r"^schedule: node 'y' has fold \{.pe.: 3, .simd.: 1, .multiply.: .dsp.\}; possible are \{.pe"
    ):
        project.write(tiny_graph, tmp_path / "other", schedule=Schedule(schedule.folds | {"y": MatrixFold(3, 1)}))
    with pytest.raises(UserError, match=r"^schedule: the graph has no node 'hidden' to fold"):
        project.write(tiny_graph, tmp_path / "other", schedule=Schedule(schedule.folds | {"hidden": LaneFold(1)}))
    with pytest.raises(UserError, match="node 'dense0': hls4ml writes no unrolled matrices for Quartus; fold it by pe"):
        project.write(tiny_graph, tmp_path / "other", "Quartus", schedule=folding.unrolled(tiny_graph))
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_quartus_streams_run_without_trace(tiny_graph: Graph, tmp_path: Path) -> None:
    written = project.write(tiny_graph, tmp_path / "project", "Quartus", "io_stream")
    written.compile()
    x = samples(tiny_graph, 32)
    assert np.array_equal(written.predict(x), reference.run(tiny_graph, x))
    with pytest.raises(UserError, match="hls4ml cannot trace io_stream of Quartus"):
        written.trace(x)


def test_block_with_hostile_names(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names from files reach no generated code; nothing is printed, no working directory is needed or changed."""
    graph = block()
    monkeypatch.chdir(tmp_path)
    written = project.write(graph, 'with space/pro"ject')
    written.compile()
    x = samples(graph, 64)
    assert_equal_everywhere(written, x)
    assert capfd.readouterr() == ("", "")
    assert Path.cwd() == tmp_path
    assert sorted(path.name for path in tmp_path.iterdir()) == ["with space"]
    assert [path.name for path in (tmp_path / "with space").iterdir()] == ['pro"ject']
    texts = [path.read_text() for path in written.folder.rglob("*") if path.suffix in (".cpp", ".h", ".tcl", ".sh")]
    for name in ("blocks.0", "touch owned", "naïve", "☃"):
        assert not any(name in text for text in texts)
    assert_loads_again(written, x)


def assert_loads_again(written: Project, x: np.ndarray) -> None:
    """From its folder alone, without compiling, wherever the folder was moved to."""
    again = project.load(written.folder)
    assert again.graph.tensors == written.graph.tensors
    assert np.array_equal(again.predict(x), reference.run(written.graph, x))
    moved = Path(shutil.move(written.folder, "moved"))
    assert np.array_equal(project.load(moved).predict(x), reference.run(written.graph, x))


def softmax_graph() -> Graph:
    rng = np.random.default_rng(3)
    nodes = (
        Node("wide", Dense(rng.integers(-7, 8, (8, 4)), rng.integers(-9, 10, 8)), ("x",)),
        Node("logits", Rescale([1], 2, "half_even", -128, 127), ("wide",)),
        Node("shares", Softmax(4, 8, exp_table(1 / 16, 8, 256)), ("logits",)),
        Node("y", Pool(), ("shares",)),
    )
    return Graph("softmax", {"x": Tensor((3, 4), -128, 127)}, nodes, "y")


def test_one_lsb_fault_is_found_and_named(tmp_path: Path) -> None:
    """A softmax kernel that rounds down: off by one LSB, and only sometimes."""
    graph = softmax_graph()
    written = project.write(graph, tmp_path / "project")
    header = written.folder / "firmware" / "nnet_utils" / "accel_softmax.h"
    assert header.read_text().count("ACCEL_HALF_UP") == 1
    header.write_text(header.read_text().replace("ACCEL_HALF_UP", "ACCEL_FLOOR"))
    written.compile()
    x = samples(graph, 20)
    expected, got = reference.trace(graph, x), written.trace(x)
    assert np.abs(expected["shares"] - got["shares"]).max() == 1
    found = first_difference(graph, "csim", expected, got)
    assert found is not None
    assert (found.level, found.layer) == ("csim", "shares")
    assert (found.expected, found.got) == (expected["shares"][found.index], got["shares"][found.index])
    assert found.expected == found.got + 1
    assert re.match(r"csim: layer 'shares' \[\d+, \d+, \d+\]: expected \d+, got \d+", str(found))
    header.write_text(header.read_text().replace("ACCEL_FLOOR", "ACCEL_HALF_UP"))
    written.compile()  # the repaired library is used, though this process has loaded the faulty one
    assert_equal_everywhere(written, x)


def test_compiler_trouble(tiny_graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = project.write(tiny_graph, tmp_path / "project")
    header = written.folder / "firmware" / "nnet_utils" / "accel_dense.h"
    header.write_text("#error planted\n" + header.read_text())
    with pytest.raises(ToolError, match=r"failed with exit code 1; log: .*compile\.log\n(.*\n)*.*#error planted"):
        written.compile()
    with pytest.raises(UserError, match="is not compiled"):
        written.predict(samples(tiny_graph, 2))
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ToolError, match=r"^g\+\+ not found; looked for"):
        written.compile()


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (
            {"backend": "vhls"},
            "HLS back end 'vhls' is not supported; choose one of Vitis, Vivado, Quartus, Catapult, "
            "VivadoAccelerator, oneAPI, Libero",
        ),
        ({"io_type": "io_serial"}, "io_type 'io_serial' is not supported; choose one of io_stream, io_parallel"),
        ({"part": "x; exec rm"}, "part 'x; exec rm' is no part number; one looks like xc7a100tcsg324-1"),
        ({"clock_period_ns": 0.0}, "a clock period of 0.0 ns is not usable; 10 is 100 MHz"),
    ],
)
def test_unsupported_requests(request_: dict, text: str, tiny_graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(text)}$"):
        project.write(tiny_graph, tmp_path / "project", **request_)
    assert list(tmp_path.iterdir()) == []


def many_readers(count: int) -> Graph:
    nodes = [Node("sum1", Add((1, 1)), ("x", "x"))]
    for index in range(2, count):
        nodes.append(Node(f"sum{index}", Add((1, 1)), (f"sum{index - 1}", "x")))
    return Graph("readers", {"x": Tensor((1, 1), 0, 1)}, tuple(nodes), nodes[-1].name)


def one_node(op: object, lo: int, hi: int) -> Graph:
    return Graph("one", {"x": Tensor((1, 1), lo, hi)}, (Node("y", op, ("x",)),), "y")


@pytest.mark.parametrize(
    ("graph", "text"),
    [
        (Graph("none", {"x": Tensor((1, 1), 0, 1)}, (), "x"), "graph 'none' has no operators"),
        (many_readers(8), "edge 'x' has 8 readers, a stream has at most 7: use io_parallel"),
        (
            one_node(Rescale([1 << 60], 0, "floor", 0, 1 << 60), 0, 1),
            "edge 'y' has 61 bits; the C simulation passes at most 53",
        ),
        (
            one_node(Norm("rms", 8, 40, 58, -8, 7, beta=(1 << 57,)), 0, 9),
            "node 'y': beta needs more than 53 bits, which hls4ml cannot write",
        ),
    ],
)
def test_graphs_that_do_not_fit(graph: Graph, text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(text)}"):
        project.write(graph, tmp_path / "project")
    assert list(tmp_path.iterdir()) == []


def test_folders(tiny_graph: Graph, tmp_path: Path) -> None:
    """An older project is replaced, foreign files are not; an unwritable place is one clear line."""
    home = tmp_path / "project"
    project.write(tiny_graph, home, part="xc7a35tcpg236-1", clock_period_ns=8)
    assert 'set part "xc7a35tcpg236-1"' in (home / "project.tcl").read_text()
    project.write(tiny_graph, home)
    settings = (home / "project.tcl").read_text()
    assert 'set part "xc7a100tcsg324-1"' in settings
    assert "set clock_period 10.0" in settings
    assert f"OutputDir: {home}\n" in (home / "hls4ml_config.yml").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["project"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(UserError, match="mine exists and is no HLS project of accel; choose another folder"):
        project.write(tiny_graph, tmp_path / "mine")
    with pytest.raises(UserError, match=r"cannot write .*: (File exists|Not a directory); choose"):
        project.write(tiny_graph, tmp_path / "mine" / "thesis.tex" / "project")
    with pytest.raises(UserError, match="mine is no HLS project of accel; `accel lower --target vitis` writes one"):
        project.load(tmp_path / "mine")


def test_input_is_checked(tiny_graph: Graph, tmp_path: Path) -> None:
    written = project.write(tiny_graph, tmp_path / "project")
    with pytest.raises(UserError, match=r"input values 0\.\.8 leave the declared range -8\.\.7"):
        written.predict(np.arange(12).reshape(1, 3, 4) % 9)
    with pytest.raises(UserError, match=r"input shape is \(1, 4, 3\), the model takes \(samples, 3, 4\)"):
        written.predict(np.zeros((1, 4, 3), int))


class TestConversionIsGuarded:
    """hls4ml is not trusted: what it changes or forgets is an error, and nothing is written."""

    def write(self, graph: Graph, tmp_path: Path, text: str) -> None:
        with pytest.raises(ToolError, match=text):
            project.write(graph, tmp_path / "project")
        assert list(tmp_path.iterdir()) == []

    def test_unknown_pass(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from hls.projects import conversion

        monkeypatch.setattr(conversion, "_PASSES", conversion._PASSES - {"clone_output"})
        self.write(many_readers(3), tmp_path, "hls4ml applied clone_output, which may change values")

    def test_changed_precision(self, tiny_graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from hls4ml.model.types import FixedPrecisionType

        from hls.projects import conversion

        create = conversion.ModelGraph.from_layer_list

        def meddle(*args: object, **kwargs: object) -> object:
            model = create(*args, **kwargs)
            model.graph["n1"].get_output_variable().type.precision = FixedPrecisionType(16, 6)
            return model

        monkeypatch.setattr(conversion.ModelGraph, "from_layer_list", meddle)
        self.write(tiny_graph, tmp_path, r"hls4ml gave n1 precision fixed<16,6.*>; the graph says uint<4>")

    def test_dropped_call(self, tiny_graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from hls.projects import conversion

        monkeypatch.setattr(conversion.KernelCall, "format", lambda self, node: "")
        self.write(tiny_graph, tmp_path, r"hls4ml wrote no call of layer n0 \(KernelLayer\) into accel_model.cpp")


def test_kernels_name_no_vendor_type() -> None:
    headers = [path for home in map(folder, ("common", *OPERATORS)) for path in home.glob("accel_*.h")]
    assert {path.parent for path in headers} == {folder(kind) for kind in ("common", *OPERATORS)}
    for header in headers:
        code = re.sub(r"//.*", "", header.read_text())
        assert not re.search(r"\b(ap|ac|hls|ihc)_?(u?int|fixed|stream|channel)?\b(?=[<:_])", code), header
