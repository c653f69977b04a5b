"""`accel check`: does every level give the same integers for a model file?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accel.cli import names
from accel.cli.display import json_option, show_json, show_table, working
from accel.cli.engine_options import engine_options, require_own
from accel.cli.inputs import input_range
from accel.verbs import BOARD
from accel.verbs.check import LEVELS, ON_REQUEST, Checked, check
from accel.verbs.engine import checking, making
from accel.verbs.engine.making import Wanted
from accel.verbs.inputs import Entry
from accel.verbs.lower import ENGINE

if TYPE_CHECKING:
    from accel.onnx_import import Deviation
    from accel.verification.levels import Outcome

SAMPLES = 64
MAX_LSB = 2
"""Steps of its output by which an operator may be off the file before `check` fails."""


def _selection(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    """The levels that are named, all of the target's; None where none are."""
    if text is None:
        return None
    known = checking.KNOWN if context.params.get("target") == ENGINE else (*LEVELS, *ON_REQUEST)
    chosen = tuple(part.strip() for part in text.split(","))
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise click.BadParameter(f"unknown level {unknown[0]!r}; there are {', '.join(known)}", context, parameter)
    return chosen


@click.command(short_help="Compare all levels on a model.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--target",
    type=click.Choice(("rtl", ENGINE)),
    default="rtl",
    show_default=True,
    is_eager=True,
    help="engine: the levels of a decode engine, for language models.",
)
@click.option("--data", type=click.Path(path_type=Path), help="Samples in an .npy or .npz file (default: random).")
@click.option("--samples", type=click.IntRange(min=1), help="Maximum number of samples.  [default: 64]")
@click.option("--tokens", type=click.IntRange(min=1), help="Engine: length of the random sequence.  [default: 16]")
@click.option("--levels", callback=_selection, help="Comma-separated levels to run.  [default: all but netlist]")
@click.option(
    "--board",
    shell_complete=names.boards,
    default=BOARD,
    show_default=True,
    help="Board for the levels `board` and `netlist`.",
)
@click.option(
    "--device", default="cpu", show_default=True, help="Where the reference runs: cpu, cuda or native (compiled C++)."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of random samples and pauses."
)
@click.option(
    "--max-lsb",
    type=click.IntRange(min=0),
    help=f"Fail if an operator differs from the file by more steps of its output.  [default: {MAX_LSB}]",
)
@engine_options
@json_option
@input_range
def command(
    model: Path, target: str, data: Path | None, samples: int | None, tokens: int | None,
    levels: tuple[str, ...] | None, board: str, device: str, seed: int, max_lsb: int | None, as_json: bool,
    wanted: Wanted, entry: Entry,
) -> int:  # fmt: skip
    """Run every level on a QONNX MODEL and count the samples on which they disagree.

    The reference has to give what qonnx computes from the file, and all other levels have to give what the reference
    computes. All outputs are compared as raw integers. If a level disagrees, the error names its first faulty layer.

    A file with float scales, softmax, norms or functions means real numbers, and the import chooses integer operators
    for them. Instead of the level qonnx, a second table then shows how far each operator alone is from the file, in
    steps of its output (LSB).

    The level `netlist` simulates the gates that yosys makes of the design. A few samples take minutes, so it runs only
    if --levels names it.

    DATA holds an array (samples, tokens, channels), or samples in the shape of the model's own input, such as images.
    Real numbers are quantized as the model does. Integers are taken as they are.

    With --target engine, MODEL is a language model, which may be a checkpoint too. Random tokens go through the graph
    as a whole (reference) and row by row (decode), the program in its interpreter (program), the SystemVerilog (rtl),
    with a tape that pauses (rtl_stalled), and the design of a board (board). The tokens that follow and all logits are
    compared. If a level disagrees, the error names the first wrong token, layer and instruction.

    \b
    Examples:
      accel check model.onnx
      accel check model.onnx --data x.npy --levels reference,csim --json
      accel check model.onnx --levels reference,rtl,netlist --samples 2
      accel check stories260K.bin --target engine --levels decode,program,rtl --tokens 32
    """
    if target == ENGINE:
        require_own({"data": data, "samples": samples, "max_lsb": max_lsb}, "--target rtl", ENGINE)
        return _check_engine(
            model, entry, wanted, as_json, levels=levels or checking.LEVELS, tokens=tokens, board=board, device=device,
            seed=seed,
        )  # fmt: skip
    require_own({"tokens": tokens, **vars(wanted)}, "--target engine", target)
    return _check_dataflow(
        model, entry, MAX_LSB if max_lsb is None else max_lsb, as_json, data=data, samples=samples or SAMPLES,
        levels=levels or LEVELS, board=board, device=device, seed=seed,
    )  # fmt: skip


def _check_engine(model: Path, entry: Entry, wanted: Wanted, as_json: bool, **options: Any) -> int:
    with working("check") as progress:
        graph = making.read(model, wanted, entry).graph
        outcomes = checking.check(graph, wanted=wanted, progress=progress, **options)
    if as_json:
        levels = {o.level: {"tokens": o.tokens, "mismatches": o.mismatches, "seconds": o.seconds} for o in outcomes}
        show_json({"model": graph.name, "levels": levels})
    else:
        rows = [(o.level, o.tokens, o.mismatches, f"{o.seconds:.2f}") for o in outcomes]
        show_table(graph.name, ("level", "tokens", "mismatches", "seconds"), rows)
    for outcome in outcomes:
        if outcome.difference:
            click.echo(f"accel: {outcome.difference}", err=True)
    return int(any(outcome.mismatches for outcome in outcomes))


def _check_dataflow(model: Path, entry: Entry, max_lsb: int, as_json: bool, **options: Any) -> int:
    with working("check") as progress:
        done = check(model, progress=progress, **options, **entry)
    if as_json:
        entries = {o.level: _entry(o) for o in done.outcomes}
        extra: dict[str, object] = {}
        if done.deviations:
            extra["deviations"] = [asdict(found) for found in done.deviations]
        if done.rounding:
            extra["rounding"] = asdict(done.rounding)
        ending = {"ending": list(done.ending)} if done.ending else {}
        show_json({**ending, "model": done.graph.name, "levels": entries, **extra})
    else:
        _show(done)
    for outcome in done.outcomes:
        if outcome.difference:
            click.echo(f"accel: {outcome.difference}", err=True)
    too_far = done.worst is not None and done.worst.max_lsb > max_lsb
    if done.worst is not None and too_far:
        click.echo(f"accel: {_too_far(done.worst, max_lsb)}", err=True)
    return int(done.mismatches > 0 or too_far)


def _too_far(worst: Deviation, limit: int) -> str:
    return (
        f"layer {worst.layer!r} ({' '.join(worst.operators)}) is {worst.max_lsb} LSB off the file, more than "
        f"--max-lsb {limit}: quantize its inputs and its output more finely, or calibrate them again"
    )


def _show(done: Checked) -> None:
    show_deviations(done.graph.name, done.deviations)
    if done.rounding:
        found = done.rounding
        click.echo(
            f"scales rounded to powers of two: outputs differ from the file's by {found.largest:.1%} of the largest at "
            f"most, {found.mean:.2%} on average; {found.changed:.1%} of samples have another largest output"
        )
    if done.ending:
        click.echo(
            f"{' and '.join(done.ending)} at the end of the file: left to the host, the graph gives the input of it"
        )
    rows = [(o.level, o.samples, o.mismatches, f"{o.seconds:.2f}") for o in done.outcomes]
    show_table(done.graph.name, ("level", "samples", "mismatches", "seconds"), rows)


def show_deviations(name: str, deviations: Sequence[Deviation]) -> None:
    """Print how far each operator is from the file, if there is anything to tell."""
    if deviations:
        columns = ("layer", "operators", "values", "max LSB", "mean LSB", "differing")
        rows = [
            (d.layer, " ".join(d.operators), d.values, d.max_lsb, f"{d.mean_lsb:.4f}", f"{d.differing:.2%}")
            for d in deviations
        ]
        show_table(f"{name}: deviation of each operator from the file", columns, rows)


def _entry(outcome: Outcome) -> dict[str, object]:
    found = outcome.difference
    return {
        "samples": outcome.samples,
        "mismatches": outcome.mismatches,
        "seconds": outcome.seconds,
        **({"difference": str(found)} if found else {}),
    }
