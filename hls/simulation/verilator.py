"""SystemVerilog + a C++ main → an executable, through Verilator and a C++ compiler.

Verilator's generated makefile is not used: it refuses folders with spaces and needs make, perl and a
`python` on PATH. The list of sources that Verilator writes is compiled here; its runtime library is
compiled once per user.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

from accel import codecache, tools
from accel.errors import ToolError, UserError
from accel.files import no_space

_VERILATE = (
    "--cc",
    "--no-timing",
    "--make",
    "json",
    "--prefix",
    "Vtop",
    "--x-initial",
    "unique",  # with randReset(2) in the harness, registers without reset start random
    "-O3",
)
_SPLIT = ("--output-split-cfuncs", "500")  # functions of that many statements: what optimizes them takes a third less
_WAVES = ("--trace-vcd", "--trace-depth", "1")  # the streams between units; what is inside them would be gigabytes
_FEATURES = ("COVERAGE", "SC", "TIMING", "TRACE", "TRACE_FST", "TRACE_VCD", "TRACE_SAIF")
_MACROS = tuple(f"-DVM_{name}=0" for name in _FEATURES)
_CXX = ("-std=c++14", "-DVERILATOR=1", *_MACROS)  # Verilator's least: the newer the standard, the longer its headers
_FAST, _SLOW = "-O1", "-O0"  # -O2 runs a tenth faster, which pays after 40 million cycles; _SLOW is code that runs once
_QUICK = "-O0"  # everything as one translation unit: a fifth of the work for the compiler, a tenth of the speed
_LIBRARY = "-Og"  # Verilator's runtime library does next to nothing in a running simulation
_RUNTIME, _RUNTIME_WAVES = ("verilated.cpp", "verilated_threads.cpp"), ("verilated_vcd_c.cpp",)
_PROGRAM = "simulation"
_HEADERS = ['#include "verilated.h"', *(f"#include <{name}>" for name in ("cstdint", "cstdio", "cstdlib", "vector"))]


def lint(folder: Path, sources: Sequence[str], top: str) -> None:
    """`verilator --lint-only -Wall` on `sources` (relative to `folder`); raises ToolError with the warnings."""
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "lint.log"
        try:
            _verilator(["--lint-only", "-Wall", "--no-timing", "--top-module", top], sources, folder, log)
        except ToolError:
            if not log.exists():
                raise
            raise ToolError(
                f"verilator refuses module {top} of {folder}:\n{log.read_text(encoding='utf-8').strip()}"
            ) from None


def build(
    folder: Path,
    sources: Sequence[str],
    top: str,
    harness: Path,
    *,
    defines: Iterable[str] = (),
    quick: bool = False,
    waves: bool = False,
) -> Path:
    """The executable that simulates module `top` of `sources` (names relative to `folder`) under a C++ `harness`.

    The harness includes "Vtop.h" (class Vtop, whatever `top` is called) and has a `main`; `defines`
    ("NAME=VALUE") are given to its compiler. With `waves` it can record the signals of `top` (VerilatedVcdC).
    Run the executable with `folder` as its working directory: $readmemh files are opened at run time. `quick`
    compiles without optimizing: less time in all where the run is short. The result is kept in the user's cache
    under a hash of everything it is made of. Raises ToolError when a tool is missing or refuses, UserError on a
    missing file.
    """
    folder, harness, defines = Path(folder).resolve(), Path(harness), list(defines)
    options = [*(_WAVES if waves else ()), *(() if quick else _SPLIT), "--top-module", top]
    parts = [*_toolchain(), *_VERILATE, *options, *([_QUICK] if quick else []), *defines]

    def make(scratch: Path) -> list[Path]:
        with ThreadPoolExecutor(1) as pool:
            runtime = pool.submit(_runtime, waves)  # at first use it takes longer than the design
            generated = _verilate(folder, sources, options, scratch)
            unit = _compile_quickly if quick else _compile
            objects = unit(generated, harness, [f"-D{define}" for define in defines], scratch)
            return [_link([*objects, *runtime.result()], scratch)]

    return codecache.entry([*parts, *_contents([*(folder / name for name in sources), harness])], make) / _PROGRAM


def _verilator(args: Sequence[str], sources: Sequence[str], folder: Path, log: Path) -> None:
    path = tools.require("verilator")
    root = {"VERILATOR_ROOT": str(path.parent.parent)}
    tools.run([path, *args, *sources], folder, log, env=root)


def _verilate(folder: Path, sources: Sequence[str], options: Sequence[str], scratch: Path) -> dict[str, list[str]]:
    """C++ of the design in `scratch`; returns Verilator's own list of what to compile."""
    args = [*_VERILATE, *options, "--Mdir", str(scratch)]
    _verilator(args, sources, folder, scratch / "verilator.log")
    try:
        listed: dict[str, list[str]] = json.loads((scratch / "Vtop.json").read_text(encoding="utf-8"))["sources"]
    except (OSError, ValueError):
        # Verilator does not notice that a disk is full: it exits with 0
        raise no_space(scratch.parent) from None
    return listed


def _include() -> Path:
    return tools.require("verilator").parent.parent / "include"


def _flags() -> list[str]:
    include = _include()
    return [*_CXX, f"-I{include}", f"-I{include / 'vltstd'}"]


def _cxx(arguments: Sequence[str | Path], scratch: Path, log: str) -> None:
    tools.run([tools.require("g++"), *_flags(), f"-I{scratch}", *arguments], scratch, scratch / log)


def _headers(level: str) -> list[str]:
    """Arguments that spare reading Verilator's headers, half of the work."""
    version = [str(tools.require("verilator")), metadata.version("verilator")]
    return codecache.precompiled(_HEADERS, [*_flags(), level], version)


def _object(arguments: Sequence[str | Path], target: Path) -> Path:
    """Compile to `target` (x.o) with x.log beside it."""
    _cxx([*arguments, "-o", target], target.parent, f"{target.stem}.log")
    return target


def _compile(generated: dict[str, list[str]], harness: Path, macros: list[str], scratch: Path) -> list[Path]:
    """Compile everything in parallel; returns the objects inside `scratch`."""
    jobs = os.cpu_count() or 1
    slow = generated.get("classes_slow", []) + generated.get("support_slow", [])
    fast = generated.get("classes_fast", []) + generated.get("support_fast", [])
    units = [(_FAST, group) for group in _share(fast, jobs)] + [(_SLOW, slow)]
    headers = _headers(_FAST)

    def compile_unit(index: int) -> Path:
        level, files = units[index]
        source = _joined(files, scratch / f"unit{index}.cpp")
        return _object([level, *(headers if level == _FAST else []), "-c", source], source.with_suffix(".o"))

    with ThreadPoolExecutor(jobs) as pool:
        arguments: list[str | Path] = [_FAST, *headers, *macros, "-Wall", "-c", harness.resolve()]
        last = pool.submit(_object, arguments, scratch / "harness.o")
        return [*pool.map(compile_unit, range(len(units))), last.result()]


def _compile_quickly(generated: dict[str, list[str]], harness: Path, macros: list[str], scratch: Path) -> list[Path]:
    """Like `_compile`, for the least work: one translation unit, not optimized."""
    kinds = ("classes_fast", "support_fast", "classes_slow", "support_slow")
    source = _joined([file for kind in kinds for file in generated.get(kind, [])], scratch / "all.cpp")
    arguments: list[str | Path] = [_QUICK, *_headers(_QUICK), *macros, "-include", harness.resolve(), "-c", source]
    return [_object(arguments, source.with_suffix(".o"))]


def _joined(files: Iterable[str], source: Path) -> Path:
    """One translation unit of files that lie beside it."""
    source.write_text("".join(f'#include "{Path(file).name}"\n' for file in files), encoding="utf-8")
    return source


def _link(objects: list[Path], scratch: Path) -> Path:
    """The executable inside `scratch`."""
    executable = scratch / _PROGRAM
    _cxx([*objects, "-pthread", "-o", executable], scratch, "link.log")
    return executable


def _share(files: list[str], groups: int) -> list[list[str]]:
    """Files in at most `groups` groups of similar size: one translation unit each parses the headers once."""
    shares: list[list[str]] = [[] for _ in range(groups)]
    sizes = [0] * groups
    for file in sorted(files, key=lambda name: -Path(name).stat().st_size):
        smallest = sizes.index(min(sizes))
        shares[smallest].append(file)
        sizes[smallest] += Path(file).stat().st_size
    return [share for share in shares if share]


def _runtime(waves: bool) -> list[Path]:
    """Objects of Verilator's runtime library, compiled at first use (3 s)."""

    def library(names: tuple[str, ...]) -> Path:
        def make(scratch: Path) -> list[Path]:
            return [_object([_LIBRARY, "-c", _joined(names, scratch / "runtime.cpp")], scratch / "runtime.o")]

        return codecache.entry([*_toolchain(), *names], make) / "runtime.o"

    return [library(names) for names in (_RUNTIME, *([_RUNTIME_WAVES] if waves else []))]


def _toolchain() -> list[str]:
    """Everything that an object file depends on besides its source."""
    return [
        *codecache.compiler(),
        str(tools.require("verilator")),
        metadata.version("verilator"),
        _FAST,
        _SLOW,
        _LIBRARY,
        *_CXX,
    ]


def _contents(paths: Iterable[Path]) -> Iterator[str | bytes]:
    for path in paths:
        try:
            yield path.name
            yield path.read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from None
