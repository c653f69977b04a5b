"""Libero: hls4ml 1.3.0 lacks a script that its writer copies, and copies outputs at the wrong size."""

from __future__ import annotations

from pathlib import Path

from hls4ml.backends.backend import Backend
from hls4ml.model.graph import ModelGraph
from hls4ml.writer.libero_writer import LiberoWriter

from hls.projects.adapters import repair
from hls.projects.conversion import KernelCall, KernelConfig

TEMPLATES = (KernelConfig, KernelCall)


class Writer(LiberoWriter):  # type: ignore[misc]
    """Leaves the missing script out: SmartHLS compiles through the Makefile."""

    def write_build_script(self, model: ModelGraph) -> None:
        """config.tcl and Makefile, as hls4ml writes them."""
        config, home = model.config, Path(model.config.get_output_dir())
        family, part, board = (config.get_config_value(key) for key in ("FPGAFamily", "Part", "Board"))
        (home / "config.tcl").write_text(
            f"source $env(SHLS_ROOT_DIR)/examples/legup.tcl\nset_project {family} {part} {board}\n"
            f"set_parameter CLOCK_PERIOD {config.get_config_value('ClockPeriod')}\n",
            encoding="utf-8",
        )
        name = config.get_project_name()
        (home / "Makefile").write_text(
            f"NAME = {name}\nLOCAL_CONFIG = -legup-config=config.tcl\nSRCS = firmware/{name}.cpp {name}_test.cpp\n"
            "LEVEL = $(SHLS_ROOT_DIR)/examples\ninclude $(LEVEL)/Makefile.common\n",
            encoding="utf-8",
        )


def prepare(backend: Backend) -> None:
    """Our writer in place of hls4ml's."""
    backend.writer = Writer()


def finish(project: Path, model: ModelGraph) -> None:
    """SmartHLS' integers have no `to_int()`, and hls4ml copies as many values into the output as the *input* has."""
    for header in (project / "firmware" / "nnet_utils").glob("accel_*.h"):
        header.write_text(header.read_text(encoding="utf-8").replace(".to_int()", ".to_int64()"), encoding="utf-8")
    (source,), (result,) = model.get_input_variables(), model.get_output_variables()
    wrong = "    for (unsigned i = 0; i < {}; i++) {{\n        {}_struct.data[i] = "
    name = model.config.get_project_name()
    if source.size_cpp() != result.size_cpp():
        repair(
            project / "firmware" / f"{name}.cpp",
            wrong.format(source.size_cpp(), result.name),
            wrong.format(result.size_cpp(), result.name),
        )
