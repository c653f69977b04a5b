"""`accel lower`: a model file becomes hardware sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accel.cli import names
from accel.cli.display import json_option, show_json
from accel.cli.engine_options import engine_options, require_own
from accel.cli.inputs import input_range
from accel.verbs import BOARD
from accel.verbs.engine.making import Wanted
from accel.verbs.inputs import Entry
from accel.verbs.lower import ENGINE, TARGETS, lower

if TYPE_CHECKING:
    from accel.verbs.engine.lowering import LoweredEngine
    from accel.verbs.lowered import Lowered


@click.command(short_help="Write hardware sources of a model.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--target",
    type=click.Choice((*TARGETS, ENGINE)),
    required=True,
    help="rtl and engine write SystemVerilog, the others HLS projects.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder to write; replaces an earlier result."
)
@click.option(
    "--interval", type=click.IntRange(min=1), help="Upper limit for the cycles per sample; fewer cost more area."
)
@click.option(
    "--board",
    shell_complete=names.boards,
    help="Fold for this board; without --interval, as fast as fits. Sets the part and clock of an HLS project.",
)
@click.option("--dsp", type=click.IntRange(min=0), help="Upper limit for the hard multipliers of rtl, by estimate.")
@click.option("--part", help="Device of an HLS project, such as xcvu13p-flga2577-2-e.")
@click.option(
    "--clock-period", "clock_period_ns", type=click.FloatRange(min=0, min_open=True),
    help="Target clock period of an HLS project, ns.  [default: 10]",
)  # fmt: skip
@click.option(
    "--io", type=click.Choice(["stream", "parallel"]), help="How an HLS project moves data.  [default: stream]"
)
@click.option("--unrolled", is_flag=True, help="Fold nothing: lowest latency, largest area.")
@click.option("--schedule", type=click.Path(path_type=Path), help="Use the folds of this schedule.json.")
@engine_options
@json_option
@input_range
def command(model: Path, as_json: bool, entry: Entry, target: str, wanted: Wanted, out: Path, **options: Any) -> None:
    """Write the hardware sources of an ONNX MODEL and print their predicted speed and size.

    For rtl, the cycles are exact and the resources are estimated, without simulation or synthesis. Without --board,
    they are shown for the ULX3S-85F.

    engine is for language models, which may be checkpoints, too: one array of multipliers runs all layers, token by
    token, and keeps keys and values. The folder also holds its instructions, program.json, and the tokenizer.

    \b
    Examples:
      accel lower model.onnx --target rtl --out build/rtl
      accel lower model.onnx --target rtl --interval 1024 --out build/fast
      accel lower model.onnx --target rtl --board ulx3s-85f --out build/fastest
      accel lower model.onnx --target rtl --interval 1024 --dsp 30 --out build/few
      accel lower model.onnx --target rtl --unrolled --out build/nanoseconds
      accel lower model.onnx --target rtl --schedule build/rtl/schedule.json --out build/mine
      accel lower model.onnx --target vitis --board kv260 --out build/vitis
      accel lower model.onnx --target vitis --part xcvu13p-flga2577-2-e --clock-period 2.5 --out build/trigger
      accel lower model.onnx --target vitis --schedule build/rtl/schedule.json --out build/same
      accel lower model.onnx --target vivado-accelerator --board pynq-z2 --out build/pynq
      accel lower stories260K.bin --target engine --board ulx3s-85f --out build/stories
      accel lower stories260K.bin --target engine --context 256 --products 128 --out build/small
      accel lower stories260K.bin --target engine --temperature 0.8 --out build/creative
    """
    made = (
        _engine(model, entry, wanted, out, options)
        if target == ENGINE
        else _lowered(model, entry, wanted, target, out, options)
    )
    if as_json:
        show_json(made.as_dict())
        return
    for line in made.lines():
        click.echo(line)
    click.echo(f"wrote {made.out}")


def _lowered(model: Path, entry: Entry, wanted: Wanted, target: str, out: Path, options: dict[str, Any]) -> Lowered:
    from accel import onnx_import

    require_own(vars(wanted), "--target engine", target)
    return lower(onnx_import.load(model, **entry), target, out, **options)


def _engine(model: Path, entry: Entry, wanted: Wanted, out: Path, options: dict[str, Any]) -> LoweredEngine:
    from accel.verbs.engine import lowering, making

    board = options.pop("board") or BOARD
    require_own(options, "rtl and HLS projects", ENGINE)
    return lowering.lower(making.read(model, wanted, entry), out, wanted, board=board)
