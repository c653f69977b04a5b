"""HLS projects: integer graph → hls4ml project → g++ → bit-exact C simulation.

    project = write(graph, "build/vitis")     # Vitis HLS project, streams between the kernels
    project.compile()
    y = project.predict(x)                    # == accel.reference.run(graph, x)

Every kernel is a process of its own, folded as the schedule says: the one that the RTL has too. io_stream, the default,
passes beats through FIFOs that hold a sample each, so no graph can deadlock and samples overlap. io_parallel passes
whole samples in ping-pong arrays, which waits more and takes more memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from accel import reference, scratch, storage, tools
from accel.arrays import single
from accel.dataflow import folding
from accel.dataflow.schedule import Schedule, require_known
from accel.design import GRAPH_FILE, require_digest
from accel.errors import ToolError, UserError
from accel.files import writing
from accel.graph import Graph
from accel.numeric import FLOAT64_EXACT
from hls.projects import backends, calls, csim, readme
from hls.projects.backends import Backend, Options
from hls.projects.calls import Plan

BENCH_INPUTS, BENCH_OUTPUTS = "tb_data/tb_input_features.dat", "tb_data/tb_output_predictions.dat"
BENCH_EXACT = 1 << 24  # hls4ml's test benches read numbers as `float`
TOP = "accel_model"
SCHEDULE = "schedule.json"
CLOCK_PERIOD_NS = 10.0
CONFIG = "hls4ml_config.yml"
DIGEST = "GraphSHA256"
"""The line of CONFIG that says which graph the project was written from."""
MAX_CLONES = 7  # the copies of a stream that hls4ml's nnet::clone_stream can make


@dataclass(frozen=True)
class Project:
    """A written HLS project and the integer graph it implements."""

    folder: Path
    graph: Graph

    def compile(self) -> None:
        """Compile the C simulation, or take it from the cache of compiled code.

        Raises ToolError, with the log's path, when the compiler is missing or refuses, or is another than g++.
        """
        backend = self.backend
        if backend.compiler != "g++":
            install = tools.TOOLS[backend.compiler].install
            raise ToolError(
                f"{backend.name} projects are compiled by {backend.compiler}: {install}, then run `accel build`"
            )
        firmware = self.folder.resolve() / "firmware"
        for old in firmware.glob("csim-*.so"):
            old.unlink()
        library = csim.compile(self.folder, TOP, backend)
        # Named by content: a process that has loaded an older build would be given that one again otherwise.
        csim.install(library, firmware / f"csim-{library.parent.name}.so")
        self.__dict__.pop("_library", None)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Integers (samples, tokens, channels) → integers of the output, int64.

        Raises UserError on unfit input or before `compile`.
        """
        x = self._checked(x)
        y = np.zeros((len(x), *self.graph.output_tensor.shape))
        for source, result in zip(x, y, strict=True):
            self._top(source, result)
        return _integers(y)

    def trace(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Like `predict`, but every edge of the graph by name. UserError where hls4ml cannot trace it."""
        x = self._checked(x)
        if self.io_type in self.backend.untraced:
            raise UserError(f"{self.folder}: hls4ml cannot trace {self.io_type} of {self.backend.name}")
        names = {layer.encode(): edge for edge, layer in _layer_names(self.graph).items()}
        edges = {edge: np.zeros((len(x), *tensor.shape)) for edge, tensor in self.graph.tensors.items()}
        edges[self.graph.input_name][:] = x
        result = np.zeros(self.graph.output_tensor.shape)
        entries = (_TraceEntry * len(self.graph.nodes))()
        self._library.allocate_trace_storage(ctypes.c_size_t(result.itemsize))
        try:
            for index, source in enumerate(x):
                self._top(source, result)
                self._library.collect_trace_output(entries)
                for entry in entries:
                    target = edges[names[entry.name]][index]
                    ctypes.memmove(target.ctypes.data, entry.data, target.nbytes)
        finally:
            self._library.free_trace_storage()
        return {edge: _integers(values) for edge, values in edges.items()}

    @cached_property
    def plan(self) -> Plan:
        """The calls of its kernels, with their reuse factors and cycles. Raises UserError on an unfit schedule file."""
        return calls.plan(
            self.graph,
            _layer_names(self.graph),
            Schedule.load(self.folder / SCHEDULE),
            arrays=self.io_type == "io_parallel",
        )

    @property
    def reuse(self) -> dict[str, int]:
        """Node of the graph → hls4ml's reuse factor: the cycles that a token takes."""
        return {call.node: call.kernel.reuse for call in self.plan.calls if call.node is not None}

    @property
    def backend(self) -> backends.Backend:
        """The back end of the project."""
        return backends.get(self.setting("Backend"))

    @property
    def io_type(self) -> str:
        """One of `hls.projects.backends.IO_TYPES`."""
        return self.setting("IOType")

    def setting(self, name: str) -> str:
        """Read a setting of hls4ml as text. Raises UserError when the project has none of this name."""
        found = re.search(rf"^{name}: (\S+)$", (self.folder / CONFIG).read_text(encoding="utf-8"), re.MULTILINE)
        if not found:
            raise UserError(f"{self.folder / CONFIG} has no {name}; write the project again")
        return found[1].strip("'\"")

    @cached_property
    def _library(self) -> ctypes.CDLL:
        firmware = self.folder.resolve() / "firmware"
        found = list(firmware.glob("csim-*.so"))
        if not found:
            raise UserError(f"{self.folder} is not compiled; call compile() first")
        return csim.load(found[0], firmware / "weights")

    def _top(self, source: np.ndarray, result: np.ndarray) -> None:
        """One sample through hls4ml's bridge: both arrays are float64 and C-contiguous."""
        self._library[f"{TOP}_double"](ctypes.c_void_p(source.ctypes.data), ctypes.c_void_p(result.ctypes.data))

    def _checked(self, x: np.ndarray) -> np.ndarray:
        return single(reference.checked(self.graph, x)).astype(np.float64)


class _TraceEntry(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("data", ctypes.c_void_p))


def _integers(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int64)


def write(
    graph: Graph,
    folder: Path | str,
    backend: str = "Vitis",
    io_type: str = "io_stream",
    *,
    part: str | None = None,
    clock_period_ns: float = CLOCK_PERIOD_NS,
    board: str | None = None,
    schedule: Schedule | None = None,
) -> Project:
    """Write the HLS project of `graph` into `folder`: complete, or not at all.

    An older project in `folder` is replaced; anything else there is left alone. `backend` is one of
    `hls.projects.backends.BACKENDS`, which also has the default `part`, and the boards of a back end that is written
    for one.
    `schedule` folds every node (default: as for the RTL); its memories, depths and "multiply" are the RTL's alone.
    Raises UserError when something asked for is not supported, ToolError when hls4ml changed the graph's integers.
    """
    folder = Path(folder)
    options = Options.of(backends.get(backend), io_type, part, clock_period_ns, board)
    _check_graph(graph, options)
    _check_folder(folder)
    schedule = schedule or folding.default(graph)
    require_known(schedule, graph)
    plan = calls.plan(graph, _layer_names(graph), schedule, arrays=io_type == "io_parallel")
    _check_plan(plan, backends.get(options.backend))
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with scratch.folder(folder.parent) as work:
            _write(graph, schedule, plan, work, folder, options)
    return Project(folder, graph)


def load(folder: Path | str) -> Project:
    """Load a project that `write` wrote, without hls4ml. Raises UserError when the folder holds no such project."""
    folder = Path(folder)
    if not _is_project(folder):
        raise UserError(f"{folder} is no HLS project of accel; `accel lower --target vitis` writes one")
    return Project(folder, _graph(folder))


def _graph(folder: Path) -> Graph:
    config = (folder / CONFIG).read_text(encoding="utf-8")
    require_digest(folder, re.findall(rf"^{DIGEST}: (\w+)$", config, re.MULTILINE))
    return storage.load(folder / GRAPH_FILE)


def _write(graph: Graph, schedule: Schedule, plan: Plan, work: Path, folder: Path, options: Options) -> None:
    """Fill `work`, then move it to `folder`."""
    project = work / "project"
    project.mkdir()
    with _quiet(work / "hls4ml.log"):
        from hls.projects import conversion

        model = conversion.convert(plan, graph.input, TOP, project, options)
        conversion.write(model, project, options.backend)
    _say_where(project, folder)
    digest = storage.save(graph, project / GRAPH_FILE)
    with (project / CONFIG).open("a", encoding="utf-8") as config:
        config.write(f"{DIGEST}: {digest}\n")
    (project / SCHEDULE).write_text(Schedule(schedule.folds, target=schedule.target).text(), encoding="utf-8")
    _write_bench(graph, project)
    backend = backends.get(options.backend)
    (port,) = model.get_output_variables()
    name = port.name.rpartition(".")[2]  # Quartus has it in a struct
    about = readme.text(graph, backend, name, options.part, options.io_type, options.clock_period_ns)
    (project / "README.md").write_text(about, encoding="utf-8")
    os.replace(work / "hls4ml.log", project / "hls4ml.log")
    if folder.exists():
        os.replace(folder, work / "replaced")
    os.replace(project, folder)


def _write_bench(graph: Graph, project: Path) -> None:
    """One sample for the test bench, and what the network makes of it: without, it would run on zeros."""
    largest = BENCH_EXACT - 1
    lo, hi = max(graph.input.lo, -largest), min(graph.input.hi, largest)
    x = np.random.default_rng(0).integers(lo, hi + 1, (1, *graph.input.shape))
    (project / "tb_data").mkdir(exist_ok=True)
    for name, values in ((BENCH_INPUTS, x), (BENCH_OUTPUTS, single(reference.run(graph, x)))):
        (project / name).write_text(bench_lines(values), encoding="utf-8")


def bench_lines(values: np.ndarray) -> str:
    """Samples as a test bench of hls4ml reads them, one per line."""
    return "".join(" ".join(map(str, sample.reshape(-1).tolist())) + "\n" for sample in values)


def _say_where(project: Path, folder: Path) -> None:
    """hls4ml writes the project's own path into some files: make it the final one."""
    for file in project.iterdir():
        if file.is_file():
            file.write_text(
                file.read_text(encoding="utf-8").replace(str(project), str(folder.resolve())), encoding="utf-8"
            )


def _layer_names(graph: Graph) -> dict[str, str]:
    """Edge → identifier in generated code, by position: a name from a file never reaches a compiler."""
    return {graph.input_name: "x", **{node.name: f"n{index}" for index, node in enumerate(graph)}}


@contextlib.contextmanager
def _quiet(log: Path) -> Iterator[None]:
    """hls4ml prints and warns a lot: all of it goes to a log."""
    with (
        open(log, "w", encoding="utf-8") as stream,
        contextlib.redirect_stdout(stream),
        contextlib.redirect_stderr(stream),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("always")
        yield


def _check_graph(graph: Graph, options: Options) -> None:
    """Refuse edges beyond the C simulation's float64, hls4ml's stream copies or a board's bus."""
    backend, io_type = backends.get(options.backend), options.io_type
    if not graph.nodes:
        raise UserError(f"graph {graph.name!r} has no operators: there is nothing to build")
    for name, tensor in graph.tensors.items():
        if tensor.magnitude > FLOAT64_EXACT:
            raise UserError(f"edge {name!r} has {tensor.width} bits; the C simulation passes at most 53: rescale first")
        readers = len(graph.consumers[name]) + (name == graph.output)
        if io_type == "io_stream" and readers > MAX_CLONES:
            raise UserError(f"edge {name!r} has {readers} readers, a stream has at most {MAX_CLONES}: use io_parallel")
    for name in (graph.input_name, graph.output) if backend.bus_bits else ():
        tensor = graph.tensors[name]
        if tensor.width + (not tensor.signed) > backend.bus_bits:
            raise UserError(
                f"edge {name!r} has values of {tensor.lo}..{tensor.hi}; the streams of {backend.name} carry signed "
                f"numbers of {backend.bus_bits} bits: rescale first"
            )


def _check_plan(plan: Plan, backend: Backend) -> None:
    """Refuse kernels that hls4ml cannot write."""
    for call in plan.calls:
        for key, table in call.kernel.tables.items():
            if np.abs(table.values).max() > FLOAT64_EXACT:
                raise UserError(f"node {call.node!r}: {key} needs more than 53 bits, which hls4ml cannot write")
        if call.kernel.source and not backend.generated:
            raise UserError(
                f"node {call.node!r}: hls4ml writes no unrolled matrices for {backend.name}; fold it by pe and simd"
            )


def _is_project(folder: Path) -> bool:
    return (folder / GRAPH_FILE).is_file() and (folder / CONFIG).is_file()


def _check_folder(folder: Path) -> None:
    if os.path.lexists(folder) and not _is_project(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists and is no HLS project of accel; choose another folder")
