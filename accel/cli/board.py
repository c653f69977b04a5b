"""`accel board`: a board at work, real or simulated: load its bitstream, run samples on it, let it write."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from accel.cli import interrupts, names
from accel.cli.display import json_option, show_json, show_table, working
from accel.cli.group import Verbs
from accel.cli.talking import answers, lines
from accel.verbs import BOARD
from accel.verbs.board import run
from accel.verbs.inputs import read_array
from accel.verbs.output import whole_file

_LOOK_S = 0.2  # how soon an end of the simulation or of the user's patience is noticed


@click.group(cls=Verbs, short_help="Load a board, simulate one, run samples on it, let it write.")
def command() -> None:
    """Program a board, simulate one, and run samples on either, or let a language model on it write.

    \b
    Examples:
      accel board program ulx3s-85f build/rtl-ulx3s-85f      load what `accel bitstream` wrote
      accel board run build/rtl --input x.npy --out y.npy    run samples on the board at the only USB port
      accel board chat build/engine                          text from the language model on the board
      accel board serve ulx3s-85f build/rtl                  simulate the board
    """


@command.command("serve", short_help="Simulate a board behind a serial port.")
@click.argument("board", shell_complete=names.boards)
@click.argument("folder", type=click.Path(path_type=Path))
def serve_command(board: str, folder: Path) -> None:
    """Simulate BOARD with the RTL design in FOLDER, cycle by cycle, behind a serial port (a pseudo-terminal).

    accel prints the port. Until you press Ctrl-C, any program can use this port as it uses the real board.

    \b
    Example:
      accel board serve ulx3s-85f build/rtl
      accel board run build/rtl --port /dev/pts/3 --input x.npy --out y.npy    (in another terminal)
    """
    import boards
    from accel.design import Design

    with ExitStack() as running:
        with working("building the simulation"):
            virtual = running.enter_context(boards.VirtualBoard(Design.load(folder), boards.get(board)))
        ended = running.enter_context(interrupts.awaited())
        click.echo(f"port {virtual.port} (Ctrl-C ends it)")
        while not ended.is_set():
            virtual.wait(_LOOK_S)


_port = click.option(
    "--port", help="Serial port, or `virtual` to simulate the board.  [default: the only USB serial port]"
)
_board = click.option(
    "--board",
    default=BOARD,
    show_default=True,
    shell_complete=names.boards,
    help="One of `accel boards`; it sets the speed of the serial line.",
)


@command.command("run", short_help="Run samples on a board.")
@click.argument("folder", type=click.Path(path_type=Path))
@_port
@_board
@click.option("--input", "source", required=True, type=click.Path(path_type=Path), help="Samples in an .npy file.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The .npy file to write.")
@click.option("--raw", is_flag=True, help="Read and write the hardware's integers instead of real numbers.")
@json_option
def run_command(folder: Path, port: str | None, board: str, source: Path, out: Path, raw: bool, as_json: bool) -> None:
    """Run samples on a board that holds the RTL design in FOLDER.

    Samples and results are real numbers in the shapes of the model's file, as `accel.load(path).predict` takes and
    gives them. Samples may also be (samples, tokens, channels), as they are with --raw. Before the first sample, accel
    checks that the board holds this design.

    \b
    Examples:
      accel board run build/rtl --input x.npy --out y.npy
      accel board run build/rtl --port /dev/ttyUSB0 --board icebreaker --input q.npy --out logits.npy --raw
      accel board run build/rtl --port virtual --input x.npy --out y.npy
    """
    import numpy as np

    x = read_array(source)
    with whole_file(out) as path:
        with working("board") as tell:
            y, seconds = run(folder, x, port=port, board=board, raw=raw, progress=tell)
        with path.open("wb") as file:
            np.save(file, y)
    rate = len(y) / seconds if seconds else 0.0
    if as_json:
        show_json({"out": out, "samples": len(y), "shape": y.shape[1:], "seconds": seconds})
        return
    show_table(
        str(out), ("samples", "shape", "seconds", "samples/s"), [(len(y), y.shape[1:], f"{seconds:.2f}", f"{rate:.1f}")]
    )


@command.command("chat", short_help="Text from a language model on a board.")
@click.argument("folder", type=click.Path(path_type=Path))
@_port
@_board
@click.option(
    "--tokenizer",
    help="letters, ascii, bytes, a checkpoint, or a tokenizer's file of llama2.c.  [default: the checkpoint's that "
    "`accel lower` read]",
)
@click.option(
    "--tokens", type=click.IntRange(min=1), help="Tokens to write at most.  [default: until the context is full]"
)
@click.option(
    "--seed",
    type=click.IntRange(0, 65535),
    help="Draw tokens with this seed; 0: the likeliest ones.  [default: another seed each time, where the engine has "
    "a temperature or logits]",
)
@click.option(
    "--temperature", type=click.FloatRange(min=0, min_open=True), help="Of the draw, with logits.  [default: 1]"
)
@click.option("--top-k", type=click.IntRange(min=1), help="Draw from the likeliest tokens only, with logits.")
@json_option
def chat_command(
    folder: Path, port: str | None, board: str, tokenizer: str | None, tokens: int | None, seed: int | None,
    temperature: float | None, top_k: int | None, as_json: bool,
) -> int:  # fmt: skip
    """Let the decode engine in FOLDER write: a prompt per line, until the input ends (Ctrl-D).

    Every prompt begins a text of its own, and the board goes on with it, token by token, with the likeliest one. An
    engine that was lowered with --temperature draws tokens instead, and the host does for one that was lowered with
    --logits: the same --seed gives the same text. Text comes as it is written, and how fast it came follows on standard
    error. A prompt that does not fit is left out.

    \b
    Examples:
      accel board chat build/stories --port virtual --tokens 40
      echo "Once upon a time" | accel board chat build/stories
      echo "em" | accel board chat build/names --tokenizer letters --json
    """
    from accel.verbs.engine.talking import Talk

    with ExitStack() as opened:
        with working("connect"):
            talk = opened.enter_context(Talk(folder, port=port, board=board, tokenizer=tokenizer))
        seed = talk.any_seed() if seed is None else seed
        if seed:
            click.echo(f"seed {seed}", err=True)
        talk.require(seed, temperature, top_k)
        say = partial(talk.say, tokens=tokens, seed=seed, temperature=temperature, top_k=top_k)
        found = [*answers(lines(blank=True), say, show=not as_json)]
    written = [asdict(one) for one in found if one]
    if as_json:
        show_json(written)
    return 2 if found and not written else 0


@command.command("program", short_help="Load a bitstream into a board.")
@click.argument("board", shell_complete=names.boards)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--flash", is_flag=True, help="Write to the board's flash, so that it survives power-off.")
@json_option
def program_command(board: str, folder: Path, flash: bool, as_json: bool) -> None:
    """Load the bitstream in FOLDER, which `accel bitstream` wrote, into BOARD at a USB port, with openFPGALoader.

    \b
    Example:
      accel bitstream build/rtl --board ulx3s-85f
      accel board program ulx3s-85f build/rtl-ulx3s-85f
    """
    import boards

    target = boards.get(board)
    with working("program"):
        boards.program(target, folder, flash=flash)
    if as_json:
        show_json({"board": target.name, "holds": folder, "flash": flash})
        return
    click.echo(f"{target.name} holds {folder}")
