"""The C simulation of a written project: hls4ml's sources and its bridge, compiled as one translation unit.

hls4ml's own build_lib.sh compiles two, at -O3, with entry points that nobody calls here.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from accel import codecache, tools
from accel.files import writing
from hls.projects.backends import Backend

# -Og compiles as fast as -O0, and its code takes twice the time of -O1's where that of -O0 takes twenty times
CXX = ("-std=c++11", "-Og", "-fPIC", "-shared", "-fno-gnu-unique", "-w")
WEIGHTS = "accel_weights"
"""The variable that tells the library where its weights lie: a compiled project may be moved or kept elsewhere."""
DECLARED = f'extern "C" const char *{WEIGHTS};'
#: Where the back ends keep their integer types, below firmware/.
TYPES = ("ap_types", "ac_types", "ac_types/include", "ac_math/include", "ac_simutils/include")
INCLUDES = (*TYPES, "nnet_utils")
#: Headers that take half of the time and are the same in every project of a back end, where it has them.
HEADERS = ("ap_fixed.h", "ap_int.h", "hls_stream.h", "ac_fixed.h", "ac_int.h", "ac_channel.h")
STANDARD = ("algorithm", "array", "fstream", "iostream", "map", "sstream", "tuple", "vector")
LIBRARY = "csim.so"


def compile(project: Path, top: str, backend: Backend) -> Path:
    """The library of the project in a folder, which then holds compile.log; from the cache if it was compiled before.

    Raises ToolError when the compiler is missing or refuses.
    """
    home = project.resolve()
    firmware = home / "firmware"
    folders = [f"-I{firmware / name}" for name in INCLUDES if (firmware / name).is_dir()]
    source = _source(home, top, backend)

    def make(work: Path) -> list[Path]:
        (work / "csim.cpp").write_text(source, encoding="utf-8")
        flags = [*CXX, f"-DWEIGHTS_DIR={WEIGHTS}", *folders]
        command: list[str | Path] = [
            tools.require("g++"),
            *flags,
            *_headers(firmware, flags),
            f"-I{home}",
            "csim.cpp",
            "-o",
            LIBRARY,
        ]
        tools.run(command, work, home / "compile.log")
        return [work / LIBRARY]

    files = [file for file in firmware.rglob("*") if file.is_file() and file.suffix != ".so"]
    parts = [*codecache.compiler(), *CXX, source, *codecache.contents(firmware, files)]
    return codecache.entry(parts, make) / LIBRARY


def install(library: Path, target: Path) -> None:
    """Copy a library out of the cache, so that it stays as long as its project."""
    with writing(target.parent):
        shutil.copyfile(library, target)


def load(library: Path, weights: Path) -> ctypes.CDLL:
    """The library, reading its weights from a folder."""
    loaded = ctypes.CDLL(str(library))
    name = ctypes.create_string_buffer(os.fsencode(weights))
    ctypes.c_void_p.in_dll(loaded, WEIGHTS).value = ctypes.addressof(name)
    loaded.__dict__[WEIGHTS] = name  # lives as long as the library
    return loaded


def _source(home: Path, top: str, backend: Backend) -> str:
    parts = [f"firmware/{top}.cpp", *([f"firmware/{top}{backend.wrapper}.cpp"] if backend.wrapper else [])]
    bridge = (home / f"{top}_bridge.cpp").read_text(encoding="utf-8")
    used = re.sub(rf"^void {top}_float\(.*?^}}\n", "", bridge, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([DECLARED, *(f'#include "{part}"' for part in parts), used, f"const char *{WEIGHTS};\n"])


def _headers(firmware: Path, flags: list[str]) -> list[str]:
    """Arguments that spare reading the integer types."""
    folders = [firmware / name for name in TYPES]
    present = [name for name in HEADERS if any((folder / name).is_file() for folder in folders)]
    lines = [f"#include <{name}>" for name in (*STANDARD, *present)]
    return codecache.precompiled(lines, flags, _contents(firmware))


def _contents(firmware: Path) -> Iterator[str | bytes]:
    for name in TYPES:
        yield from codecache.contents(firmware, (file for file in (firmware / name).rglob("*") if file.is_file()))
