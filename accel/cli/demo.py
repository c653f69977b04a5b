"""`accel demo`: the whole path on handwritten digits."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import click

from accel.cli import names
from accel.cli.display import json_option, show_table, working
from accel.verbs import BOARD
from accel.verbs.demo import OUT, demo


def _next(out: Path, board: str) -> list[str]:
    """Commands to go on with, after the activation of the environment where `accel` is not on PATH."""
    activate = Path(sys.prefix) / "bin" / "activate"
    hidden = shutil.which("accel") is None and activate.exists()
    model = shlex.quote(f"{out / 'model.onnx'}")
    return [
        *([f". {shlex.quote(os.path.relpath(activate))}"] if hidden else []),
        f"accel check {model} --samples 8",
        f"accel explore {model} --board {board} --out build/explore",
        f"accel lower {model} --target rtl --interval 1024 --out build/rtl",
        "accel simulate build/rtl",
    ]


@click.command(short_help="Run every step on handwritten digits.")
@click.option("--board", default=BOARD, show_default=True, shell_complete=names.boards, help="One of `accel boards`.")
@click.option("--out", type=click.Path(path_type=Path), default=OUT, show_default=True, help="Folder to write.")
@click.option("--no-bitstream", is_flag=True, help="Skip place and route, the longest stage.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of training and simulated stalls."
)
@click.option(
    "--device", default="cpu", show_default=True, help="Where the reference runs: cpu, cuda or native (compiled C++)."
)
@json_option
def command(board: str, out: Path, no_bitstream: bool, seed: int, device: str, as_json: bool) -> int:
    """Train a transformer on handwritten digits and take it all the way to a bitstream, in a few minutes.

    The network is trained with Brevitas, exported to QONNX, imported as an integer graph, lowered to a Vitis HLS
    project and to SystemVerilog, simulated cycle by cycle, placed and routed. Every level runs the held-out images and
    must give exactly the integer logits of the trained network. OUT/report.json has the figures, OUT/report.html
    shows them.

    \b
    Examples:
      accel demo
      accel demo --no-bitstream --seed 1 --out build/demo1
    """
    from accel.verbs.stages import Settings

    settings = Settings(out, board, seed, device, not no_bitstream)
    context = demo(settings, working, lambda summary: click.echo(f"    {summary}", err=True))
    rows = [
        (name, f"{seconds:.1f}", result.summary)
        for (name, seconds), result in zip(context.seconds.items(), context.results, strict=True)
    ]
    if as_json:
        from accel.verbs.report.record import FILE

        click.echo((out / FILE).read_text(encoding="utf-8"), nl=False)
    else:
        show_table(f"accel demo, {sum(context.seconds.values()):.0f} s", ("stage", "seconds", "result"), rows)
        click.echo("\n".join(["", "Next:", *(f"  {line}" for line in _next(out, board))]))
    wrong = [outcome for outcome in context.outcomes if outcome.mismatches]
    for outcome in wrong:
        click.echo(f"accel: {outcome.difference}", err=True)
    return int(bool(wrong))
