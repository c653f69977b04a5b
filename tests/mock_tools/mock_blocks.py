"""Block designs of the mock Vivado: which cells there are, what pins they have, and what must be connected."""

from __future__ import annotations

import re
from pathlib import Path

from mock_tcl import MockError, words

#: IP → (interfaces, pins) that a complete design connects.
_IP = {
    "processing_system7": (
        "M_AXI_GP0 S_AXI_HP0 DDR FIXED_IO",
        "FCLK_CLK0 FCLK_RESET0_N M_AXI_GP0_ACLK S_AXI_HP0_ACLK",
    ),
    "zynq_ultra_ps_e": ("M_AXI_HPM0_FPD S_AXI_HP0_FPD", "pl_clk0 pl_resetn0 maxihpm0_fpd_aclk saxihp0_fpd_aclk"),
    "proc_sys_reset": ("", "slowest_sync_clk ext_reset_in peripheral_aresetn"),
    "smartconnect": ("S00_AXI M00_AXI", "aclk aresetn"),
    "axi_dma": (
        "S_AXI_LITE M_AXI_MM2S M_AXI_S2MM M_AXIS_MM2S S_AXIS_S2MM",
        "s_axi_lite_aclk m_axi_mm2s_aclk m_axi_s2mm_aclk axi_resetn",
    ),
    "axis_dwidth_converter": ("S_AXIS M_AXIS", "aclk aresetn"),
    "accel_axi": ("s_axi s_axis m_axis", "aclk aresetn"),
}
_NEEDS = {"S_AXI_HP0": "CONFIG.PCW_USE_S_AXI_HP0", "S_AXI_HP0_FPD": "CONFIG.PSU__USE__S_AXI_GP2"}


class Blocks:
    """One block design; the methods are Vivado's commands."""

    def __init__(self) -> None:
        self.cells: dict[str, str] = {}
        self.config: dict[str, dict[str, str]] = {}
        self.nets: dict[str, str] = {}

    def get_ipdefs(self, _: str, wanted: str) -> str:
        """The IP of that name; ours only after it was packaged."""
        name = wanted.rpartition(" ")[2]
        if name not in _IP or (name == "accel_axi" and not Path("ip/component.xml").exists()):
            raise MockError(f"no IP matches '{wanted}'")
        return f"xilinx.com:ip:{name}:9.9"

    def create_bd_cell(self, *args: str) -> None:
        """A cell of an IP."""
        self.cells[args[4]] = args[3].split(":")[2]
        self.config[args[4]] = {}

    def get_bd_cells(self, name: str) -> str:
        """The cell, if there is one."""
        if name not in self.cells:
            raise MockError(f"no cell {name}")
        return f"cell:{name}"

    def configure(self, cell: str, settings: str) -> None:
        """CONFIG.… values."""
        found = words(settings)
        self.config[cell] |= dict(zip(found[::2], found[1::2], strict=True))

    def get_bd_intf_pins(self, path: str) -> str:
        """An interface that the cell has, as configured."""
        cell, _, pin = path.partition("/")
        self.get_bd_cells(cell)
        if pin not in self._interfaces(cell):
            raise MockError(f"{self.cells[cell]} {cell} has no interface {pin}")
        return path

    def get_bd_pins(self, path: str) -> str:
        """A pin that the cell has."""
        cell, _, pin = path.partition("/")
        self.get_bd_cells(cell)
        if pin not in _IP[self.cells[cell]][1].split():
            raise MockError(f"{self.cells[cell]} {cell} has no pin {pin}")
        return path

    def connect(self, *paths: str) -> None:
        """Pins or interfaces; one interface has one partner."""
        for path, other in (paths, paths[::-1]):
            if path in self.nets and path.partition("/")[2] in self._interfaces(path.partition("/")[0]):
                raise MockError(f"{path} is connected already")
            self.nets[path] = other

    def external(self, *args: str) -> None:
        """An interface becomes the chip's."""
        self.nets[args[-1]] = "external"

    def validate(self) -> None:
        """Everything connected, streams equally wide at both ends."""
        for cell, ip in self.cells.items():
            for pin in (*self._interfaces(cell), *_IP[ip][1].split()):
                if f"{cell}/{pin}" not in self.nets:
                    raise MockError(f"[BD 41-758] {cell}/{pin} is not connected")
        self._check_width("dma/M_AXIS_MM2S", int(self.config["dma"]["CONFIG.c_m_axis_mm2s_tdata_width"]))
        self._check_width("core/m_axis", core_bits("m_axis"))

    def _check_width(self, source: str, bits: int) -> None:
        end = self.nets[source]
        cell, _, pin = end.partition("/")
        if self.cells[cell] == "axis_dwidth_converter":
            made = 8 * int(self.config[cell]["CONFIG.M_TDATA_NUM_BYTES"])
            if made == bits:
                raise MockError(f"{cell} converts {bits} bits to {made}")
            self._check_width(f"{cell}/M_AXIS", made)
        elif cell == "core" and bits != core_bits(pin):
            raise MockError(f"[BD 41-237] TDATA of {source} has {bits} bits, of {end} {core_bits(pin)}")
        elif cell == "dma" and (bits & (bits - 1) or bits > int(self.config[cell]["CONFIG.c_m_axi_s2mm_data_width"])):
            raise MockError(f"the DMA takes no stream of {bits} bits")

    def _interfaces(self, cell: str) -> list[str]:
        config = self.config[cell]
        if self.cells[cell] == "smartconnect":
            counts = {"S": int(config["CONFIG.NUM_SI"]), "M": int(config["CONFIG.NUM_MI"])}
            return [f"{side}{index:02}_AXI" for side, count in counts.items() for index in range(count)]
        names = _IP[self.cells[cell]][0].split()
        return [name for name in names if name not in _NEEDS or config.get(_NEEDS[name]) == "1"]


def core_bits(stream: str) -> int:
    """Width of a stream of the packaged core."""
    found = re.search(rf"\[(\d+):0\] {stream}_tdata", Path("accel_axi.v").read_text())
    if not found:
        raise MockError(f"accel_axi has no {stream}_tdata")
    return int(found[1]) + 1
