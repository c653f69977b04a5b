"""Vivado on the block design of a board that hls4ml writes: the IP must be there, and be connected to the DMA."""

from __future__ import annotations

from pathlib import Path

from mock_tcl import FAIL, MockError, existing, options, run

_IP = Path("accel_model_prj/solution1/impl/ip/component.xml")
_SILENT = (
    *("update_ip_catalog", "startgroup", "endgroup", "apply_bd_automation", "group_bd_cells", "reset_run"),
    *("wait_on_run", "open_run"),
)


class Runs:
    """A project; the methods are Vivado's commands."""

    def __init__(self) -> None:
        self.folder = Path()
        self.cells: dict[str, str] = {}
        self.nets: list[tuple[str, str]] = []
        self.wrapper = False

    def create_project(self, *args: str) -> None:
        """For the part that project.tcl names."""
        named, names = options(args, ("force",))
        if f'set part "{named["part"]}"' not in existing("project.tcl").read_text():
            raise MockError(f"part {named['part']} is not the one that was synthesized")
        self.folder = Path(names[1])

    def set_property(self, *args: str) -> None:
        """Both widths of the DMA are those of the streams."""
        if "c_m_axis_mm2s_tdata_width" in args[1]:
            words = args[1].split()
            widths = {value for name, value in zip(words[::2], words[1::2], strict=True) if name.endswith("data_width")}
            if widths != {"32"}:
                raise MockError(f"widths {widths}")

    def create_bd_design(self, name: str) -> None:
        """The design whose wrapper is made later."""

    def create_bd_cell(self, *args: str) -> None:
        """Our IP exists once HLS has exported it."""
        named, names = options(args)
        if ":hls:" in named["vlnv"] and named["vlnv"] != f"xilinx.com:hls:{existing(str(_IP)).read_text()}:1.0":
            raise MockError(f"no IP {named['vlnv']}")
        self.cells[names[0]] = named["vlnv"]

    def get_bd_cells(self, name: str) -> str:
        """A cell that was made."""
        if name not in self.cells:
            raise MockError(f"no cell {name}")
        return name

    def pins(self, path: str) -> str:
        """A pin of a cell that was made."""
        self.get_bd_cells(path.split("/")[0])
        return path

    def connect_bd_intf_net(self, source: str, target: str) -> None:
        """One stream."""
        self.nets.append((source, target))

    def make_wrapper(self, *args: str) -> None:
        """Both streams are connected."""
        if len({end for net in self.nets for end in net}) != 4:
            raise MockError(f"streams {self.nets}")
        path = self.folder / "project_1.srcs/sources_1/bd/design_1/hdl/design_1_wrapper.v"
        path.parent.mkdir(parents=True)
        path.write_text("module design_1_wrapper ();\nendmodule\n")

    def add_files(self, *args: str) -> None:
        """The wrapper."""
        existing(options(args, ("norecurse",))[1][0])
        self.wrapper = True

    def launch_runs(self, *args: str) -> None:
        """Synthesis, place and route, bitstream."""
        if not self.wrapper:
            raise MockError("no top")
        path = self.folder / "project_1.runs/impl_1/design_1_wrapper.bit"
        path.parent.mkdir(parents=True)
        if FAIL != "bitstream":
            path.write_bytes(b"bit")

    def report_utilization(self, *args: str) -> None:
        """A table."""
        Path(options(args, ("hierarchical", "hierarchical_percentages"))[0]["file"]).write_text("| (top) |\n")


def main(script: Path) -> None:
    """Run hls4ml's script."""
    runs = Runs()
    own = {
        name: getattr(runs, name) for name in dir(runs) if not name.startswith("_") and callable(getattr(runs, name))
    }
    others = {
        **dict.fromkeys(_SILENT, lambda *args: None),
        "get_bd_intf_pins": runs.pins,
        "get_bd_pins": runs.pins,
        "get_files": lambda name: name,
        "current_project": lambda: "project_1",
    }
    run(script, {**others, **own})
