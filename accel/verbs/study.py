"""`accel study`: efficiency techniques compared on one model by accuracy, size, cycles and cells."""

from __future__ import annotations

import csv
import io
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, fields
from pathlib import Path

from accel.errors import UserError
from accel.progress import Progress
from accel.verbs.studying import StudyRow, Training, jobs, row, train

TABLE, TEXT, PLOT = "study.csv", "study.md", "study.png"
OUT = Path("build/study")
COLUMNS = ("lever", "recipe", "accuracy, % (float)", "nats (float)", "parameters", "weight bits", "MACs", "cycles",
           "LUT", "DSP", "BRAM", "training, s")  # fmt: skip


def study(
    data: str,
    out: Path | str = OUT,
    names: Sequence[str] = (),
    seeds: int = 3,
    processes: int = 1,
    part: tuple[int, int] = (1, 1),
    progress: Progress | None = None,
) -> list[StudyRow]:
    """Train every recipe with every seed and measure what came out; the rows whose trainings are all there.

    Everything is kept in `out`: what is there already is not done again, and what was interrupted goes on. Of several
    machines that share the folder, each does part (i, n): every n-th training from the i-th, i = 1..n.

    Raises UserError on an unknown recipe, and at the end, with every reason, when trainings failed.
    """
    out = Path(out)
    wanted = jobs(data, list(names), seeds)
    mine = wanted[part[0] - 1 :: part[1]]
    left = [job for job in mine if not job.model(out).exists()]
    failed = []
    for number, (job, error) in enumerate(_trained(left, out, processes), 1 + len(mine) - len(left)):
        if error:
            failed.append(f"{job.name}, seed {job.seed}: {error}")
        if progress:
            progress(f"{number} of {len(mine)} trainings: {job.name}, seed {job.seed}")
    rows = []
    for name in dict.fromkeys(job.name for job in wanted):
        networks = [job.model(out) for job in wanted if job.name == name]
        if all(network.exists() for network in networks):
            if progress:
                progress(f"measures {name}")
            rows.append(row(data, name, networks))
    _write(rows, out)
    if failed:
        raise UserError(f"{len(failed)} of {len(mine)} trainings failed ({out} has the others): {'; '.join(failed)}")
    return rows


def _trained(wanted: list[Training], out: Path, processes: int) -> Iterator[tuple[Training, UserError | None]]:
    """Jobs in the order in which they end, each trained by one of several processes, with what made it fail."""
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(train, job, out): job for job in wanted}
        try:
            for future in as_completed(futures):
                failure = None
                try:
                    future.result()
                except UserError as error:
                    failure = error
                yield futures[future], failure
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def table(rows: list[StudyRow]) -> str:
    """Markdown, a line per recipe."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for r in rows:
        spread = f" ± {100 * r.accuracy_spread:.1f}" if r.seeds > 1 else ""
        cells = (
            r.lever,
            r.recipe,
            f"{100 * r.accuracy_mean:.1f}{spread} ({100 * r.float_accuracy:.1f})",
            f"{r.nats:.3f} ({r.float_nats:.3f})",
            *(f"{n:,}" for n in (r.parameters, r.weight_bits, r.macs, r.cycles, r.lut, r.dsp, r.bram)),
            f"{r.train_seconds:g}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _write(rows: list[StudyRow], out: Path) -> None:
    from accel.files import write_atomic

    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(StudyRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_atomic(out / TABLE, text.getvalue())
    write_atomic(out / TEXT, table(rows) + "\n")
    if rows:
        _plot(rows, out / PLOT)


def _plot(rows: list[StudyRow], path: Path) -> None:
    """Accuracy over cells × cycles: the Pareto front is joined by a line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
    cells, accuracies = [r.lut * r.cycles / 1e6 for r in rows], [100 * r.accuracy_mean for r in rows]
    axes.errorbar(cells, accuracies, yerr=[100 * r.accuracy_spread for r in rows], fmt="o", ms=4, lw=0.8)
    for x, y, r in zip(cells, accuracies, rows, strict=True):
        axes.annotate(r.recipe, (x, y), xytext=(4, 3), textcoords="offset points", fontsize=7)
    points = sorted(zip(cells, accuracies, strict=True))
    front = [p for p in points if all(p[1] > q[1] for q in points if q[0] < p[0])]
    axes.step([x for x, _ in front], [y for _, y in front], where="post", lw=1, alpha=0.6)
    axes.set_xscale("log")
    axes.set_xlabel("LUTs x cycles per inference, millions")
    axes.set_ylabel("accuracy, %")
    axes.set_title(f"{rows[0].model}: accuracy against area and time")
    figure.savefig(path, dpi=150)
