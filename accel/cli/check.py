"""`accel check`: does every level give the same integers for a model file?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accel.cli import names
from accel.cli.bitstream import BOARD
from accel.cli.display import Progress, json_option, show_json, show_table, working
from accel.cli.inputs import input_range, load_samples

if TYPE_CHECKING:
    from accel.graph import Graph
    from accel.onnx_import import Deviation, Imported, Rounding
    from accel.verification.levels import Level, Outcome

LEVELS = ("qonnx", "reference", "csim", "rtl", "rtl_stalled", "board")
MAX_LSB = 2
"""Steps of its output by which an operator may be off the file before `check` fails."""
ON_REQUEST = ("netlist",)
"""Levels that take minutes: run when they are asked for by name."""


@dataclass(frozen=True)
class Checked:
    """Results of a model file at every level, in order.

    `deviations` is empty for an exact file, which is a level itself; of any other it says how far each operator of
    the graph is from the file. `rounding` is what powers of two for its scales change, where they are asked for.
    """

    graph: Graph
    outcomes: tuple[Outcome, ...]
    deviations: tuple[Deviation, ...] = ()
    ending: tuple[str, ...] = ()  # operators at the end of the file that stay with the host
    rounding: Rounding | None = None

    @property
    def worst(self) -> Deviation | None:
        """The operator that is farthest from the file; None for an exact file."""
        return max(self.deviations, key=lambda found: found.max_lsb, default=None)

    @property
    def mismatches(self) -> int:
        """Over all levels."""
        return sum(outcome.mismatches for outcome in self.outcomes)


def check(
    model: Path | str,
    data: Path | str | None = None,
    samples: int = 64,
    *,
    levels: Sequence[str] = LEVELS,
    board: str = BOARD,
    device: str = "cpu",
    seed: int = 0,
    input_scale: float | None = None,
    input_bits: int | str | None = None,
    po2_scales: bool = False,
    progress: Progress | None = None,
) -> Checked:
    """Run `levels` on a QONNX file and compare them.

    The reference has to give the integers that qonnx gives, and all other levels those of the reference. If the file
    means real numbers, it has no integers to compare with: the level "qonnx" then measures deviations instead.

    `po2_scales` rounds the scales of the file before anything else, and also measures how far this moves the network's
    outputs. `data`, `samples` and `seed` are explained in `accel.cli.inputs.load_samples`, `input_scale` and
    `input_bits` in `accel.onnx_import.read`. Raises UserError when the file or the board cannot be used.
    """
    from accel import onnx_import
    from accel.cli.levels import QONNX_LIMIT
    from accel.verification.levels import verify_all

    entry: dict[str, Any] = {"input_scale": input_scale, "input_bits": input_bits}
    imported = onnx_import.read(model, **entry, po2_scales=po2_scales)
    progress = progress or (lambda text: None)
    graph = imported.graph
    deviations: tuple[Deviation, ...] = ()
    x = load_samples(graph, data, samples, seed)
    if "qonnx" in levels and not imported.is_exact:
        progress("deviations from the file")
        levels = [name for name in levels if name != "qonnx"]
        deviations = onnx_import.deviations(imported, x[:QONNX_LIMIT])
    rounding = None
    if po2_scales:
        progress("deviation by rounded scales")
        rounding = onnx_import.rounding(imported, onnx_import.read(model, **entry), x[:QONNX_LIMIT])
    chosen = _levels(imported, levels, board, device, seed, progress)
    return Checked(graph, tuple(verify_all(graph, chosen, x)), deviations, imported.ending, rounding)


def _levels(
    model: Imported, names: Sequence[str], board: str, device: str, seed: int, progress: Progress
) -> Iterator[Level]:
    """Levels in order, each made when its turn comes; temporary files live as long as their level."""
    import boards
    from accel.cli import levels
    from hls import rtl

    graph, target = model.graph, boards.get(board)
    design = cache(lambda: rtl.lower(graph))
    make: dict[str, Callable[[], AbstractContextManager[Level]]] = {
        "qonnx": lambda: nullcontext(levels.qonnx(model)),
        "reference": lambda: nullcontext(levels.torch_reference(graph, device)),
        "csim": lambda: levels.temporary_csim(graph),
        "rtl": lambda: nullcontext(levels.Rtl(design()).level),
        "rtl_stalled": lambda: nullcontext(levels.Rtl(design(), stall=levels.STALL, seed=seed).level),
        "board": lambda: nullcontext(levels.board(design(), target)),
        "netlist": lambda: nullcontext(levels.netlist(design(), target.target)),
    }
    wanted = [name for name in (*LEVELS, *ON_REQUEST) if name in names]
    for number, name in enumerate(wanted, 1):
        progress(f"{number} of {len(wanted)} levels: {name}")
        with make[name]() as level:
            yield level


def _selection(_: click.Context, __: click.Parameter, text: str) -> tuple[str, ...]:
    chosen = tuple(part.strip() for part in text.split(","))
    unknown = [name for name in chosen if name not in (*LEVELS, *ON_REQUEST)]
    if unknown:
        raise click.BadParameter(f"unknown level {unknown[0]!r}; there are {', '.join((*LEVELS, *ON_REQUEST))}")
    return chosen


@click.command(short_help="Compare all levels on an ONNX file.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Samples in an .npy file (default: random).")
@click.option("--samples", type=click.IntRange(min=1), default=64, show_default=True, help="Maximum number of samples.")
@click.option(
    "--levels",
    default=",".join(LEVELS),
    callback=_selection,
    help="Comma-separated levels to run.  [default: all but netlist]",
)
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
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of random samples and pauses.")
@click.option(
    "--max-lsb",
    type=click.IntRange(min=0),
    default=MAX_LSB,
    show_default=True,
    help="Fail if an operator differs from the file by more steps of its output.",
)
@json_option
@input_range
def command(
    model: Path,
    data: Path | None,
    samples: int,
    levels: tuple[str, ...],
    board: str,
    device: str,
    seed: int,
    max_lsb: int,
    as_json: bool,
    entry: dict[str, Any],
) -> int:
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

    \b
    Examples:
      accel check model.onnx
      accel check model.onnx --data x.npy --levels reference,csim --json
      accel check model.onnx --levels reference,rtl,netlist --samples 2
    """
    with working("check") as progress:
        done = check(
            model, data, samples, levels=levels, board=board, device=device, seed=seed, progress=progress, **entry
        )
    if as_json:
        entries = {o.level: _entry(o) for o in done.outcomes}
        extra: dict[str, Any] = {}
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
