"""hls4ml's back ends: what each is written for, what it cannot do, and which tools compile and build it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from accel.errors import UserError
from accel.spelling import plain

IO_TYPES = ("io_stream", "io_parallel")
_ARTY = "xc7a100tcsg324-1"
_XILINX = ("xilinx7", "ultrascale+")
_INTEL = ("cyclone5",)


@dataclass(frozen=True)
class Backend:
    """One back end, called as hls4ml calls it.

    `part` is the default; `families` are those of `accel.target` that its tool builds for. A back end with `boards`
    (name → part) takes one of those instead. `refused` says for an io_type why it cannot be written, `untraced` are the
    io_types without access to single edges. `compiler` is the tool (of `accel.tools`) that compiles the C simulation,
    `builder` the one that `accel build` runs.
    `adapter` is the module of `hls.projects.adapters` with its templates; hls4ml takes those of back end `inherits`, if
    any, and gets `options`. The firmware lies in folder `firmware`; `wrapper` ends the name of a top around it. Inputs
    and outputs pass through a bus of `bus_bits` signed bits; 0: of any width. Only projects that have a place for
    functions of single nodes (`generated`) can have unrolled matrices.
    """

    name: str
    part: str
    builder: str
    families: tuple[str, ...] = ()
    compiler: str = "g++"
    refused: Mapping[str, str] = field(default_factory=dict)
    untraced: tuple[str, ...] = ()
    boards: Mapping[str, str] = field(default_factory=dict)
    adapter: str = "plain"
    options: Mapping[str, object] = field(default_factory=dict)
    firmware: str = "firmware"
    wrapper: str = ""
    inherits: str = ""
    bus_bits: int = 0
    generated: bool = False

    @property
    def io_types(self) -> tuple[str, ...]:
        """The io_types that it can be written with."""
        return tuple(io_type for io_type in IO_TYPES if io_type not in self.refused)


BACKENDS: dict[str, Backend] = {
    backend.name: backend
    for backend in (
        Backend("Vitis", _ARTY, "vitis", families=_XILINX, generated=True),
        Backend("Vivado", _ARTY, "vivado", families=_XILINX, generated=True),
        # hls4ml 1.3.0 writes trace points here that all read the network's output, which blocks or crashes
        Backend("Quartus", "Arria10", "quartus", families=_INTEL, untraced=("io_stream",)),
        Backend("Catapult", _ARTY, "catapult", families=_XILINX, generated=True),
        Backend(
            "VivadoAccelerator",
            "xc7z020clg400-1",
            "vivado-accelerator",
            boards={"pynq-z2": "xc7z020clg400-1", "zcu102": "xczu9eg-ffvb1156-2-e"},
            adapter="accelerator",
            options={"interface": "axi_stream", "driver": "python", "input_type": "int<32>", "output_type": "int<32>"},
            inherits="Vivado",
            wrapper="_axi",
            bus_bits=32,
            generated=True,
        ),
        Backend(
            "oneAPI",
            "Agilex7",
            "oneapi",
            families=_INTEL,
            compiler="icpx",
            untraced=IO_TYPES,
            adapter="oneapi",
            firmware="src/firmware",
        ),
        Backend(
            "Libero",
            "MPF300",
            "libero",
            compiler="shls",
            refused={"io_stream": "hls4ml 1.3.0 writes streams for Libero that are no C++"},
            untraced=IO_TYPES,
            adapter="libero",
            # Weights as text files would be read through `float` by the C simulation
            options={"smarthls_path": "$(SHLS_ROOT_DIR)", "write_weights_txt": False},
        ),
    )
}


def get(name: str) -> Backend:
    """The back end of that name, however it is written. Raises UserError with the names there are."""
    known = {plain(one): backend for one, backend in BACKENDS.items()}
    if plain(name) not in known:
        raise UserError(f"HLS back end {name!r} is not supported; choose one of {', '.join(BACKENDS)}")
    return known[plain(name)]


def board_of(backend: Backend, name: str | None) -> str | None:
    """The board of that name (default: the first one), None where there are no boards. Raises UserError."""
    if not backend.boards:
        if name is not None:
            raise UserError(f"{backend.name} is written for a part, not for a board: leave {name!r} out")
        return None
    known = {plain(one): one for one in backend.boards}
    wanted = plain(name or next(iter(backend.boards)))
    if wanted not in known:
        raise UserError(f"{backend.name} has no board {name!r}; choose one of {', '.join(backend.boards)}")
    return known[wanted]


@dataclass(frozen=True)
class Options:
    """Device and interface of a project. `board` is None for back ends without boards. Raises UserError."""

    backend: str
    io_type: str
    part: str
    clock_period_ns: float
    board: str | None = None

    def __post_init__(self) -> None:
        backend = get(self.backend)
        if self.io_type not in IO_TYPES:
            raise UserError(f"io_type {self.io_type!r} is not supported; choose one of {', '.join(IO_TYPES)}")
        if self.io_type in backend.refused:
            raise UserError(
                f"{backend.name} has no {self.io_type}: {backend.refused[self.io_type]}; "
                f"choose {', '.join(backend.io_types)}"
            )
        if not re.fullmatch(r"[A-Za-z0-9._-]+", self.part):
            raise UserError(f"part {self.part!r} is no part number; one looks like {backend.part}")
        if not 0 < self.clock_period_ns < 1e6:
            raise UserError(f"a clock period of {self.clock_period_ns} ns is not usable; 10 is 100 MHz")

    @classmethod
    def of(cls, backend: Backend, io_type: str, part: str | None, clock_period_ns: float, board: str | None) -> Options:
        """Fill in defaults. A board sets the part."""
        chosen = board_of(backend, board)
        if chosen and part not in (None, backend.boards[chosen]):
            raise UserError(f"{chosen} has part {backend.boards[chosen]}, not {part}: leave the part out")
        given = backend.boards[chosen] if chosen else backend.part if part is None else part
        return cls(backend.name, io_type, given, clock_period_ns, chosen)
