"""Hostile files: several hundred, damaged on purpose, each given to `accel` as a user would, under limits.

`files` are those that are no valid model any more. Each has to end in one line that names it, within 10 s of processor
time and 2 GB, with nothing written. `still_valid` were harmed too little to be wrong: every level agreed on them.
"""

from __future__ import annotations

import argparse
import hashlib
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from mutated_folders import Edit, designs, graphs, schedules
from mutations import Mutant, mutants
from qonnx_files import Encoder, File, encoder
from sandbox import Limits, Ran, Sandbox

if TYPE_CHECKING:
    from models import EncoderConfig

PREFIX = "accel: error: "
LONGEST = 20_000  # characters of a line that lists every reason
KINDS = (
    "clear_error",
    "traceback",
    "timeout",
    "memory",
    "escape",
    "unclear",
    "mismatch",
    "accepted",
    "refused",
    "still_valid",
)
OUT = "../out/made"
COMMANDS = (
    ("check", "model.onnx", "--levels", "qonnx,reference", "--samples", "2"),
    ("lower", "model.onnx", "--target", "rtl", "--out", OUT),
)


@dataclass(frozen=True)
class Case:
    """A damaged file, written to the working directory by `write`, and the commands that read it.

    An error has to contain `names`.
    """

    name: str
    write: Callable[[Path], None]
    commands: tuple[tuple[str, ...], ...] = COMMANDS
    names: str = "model.onnx"
    must_refuse: bool = False
    must_accept: bool = False
    may_start: bool = False
    """other programs, before what is wrong can show"""


@dataclass(frozen=True)
class Verdict:
    """`kind` is one of KINDS; `text` is what the user was told, or what went wrong."""

    case: Case
    kind: str
    text: str
    seconds: float = 0
    peak: int = 0


def examine(box: Sandbox, case: Case, plant: str = "") -> Verdict:
    """Run a case's commands in a new folder until one does not succeed."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        root = Path(name)
        for folder in ("work", "out", "home", "tmp"):
            (root / folder).mkdir()
        case.write(root / "work")
        before = _contents(root)
        seconds, peak = 0.0, 0
        for command in case.commands:
            ran = box.run(command, root, plant)
            seconds, peak = max(seconds, ran.seconds), max(peak, ran.peak)
            kind, text = _judge(ran, _changed(before, _contents(root), ran.code == 0), case)
            if kind != "still_valid":
                break
    return Verdict(case, kind, text, seconds, peak)


def _judge(ran: Ran, changed: list[str], case: Case) -> tuple[str, str]:
    lines = ran.stderr.splitlines()
    errors = [line for line in lines if line.startswith(PREFIX)]
    if changed or ran.outside or (ran.code and ran.started and not case.may_start):
        return "escape", ", ".join((*changed, *ran.outside, *ran.started))
    if ran.stopped:
        return {"time": "timeout", "memory": "memory"}[ran.stopped], f"{ran.seconds:.1f} s, {ran.peak >> 20} MB"
    if "Traceback" in ran.stderr or ran.code not in (0, 1, 2):
        return "traceback", ran.stderr[-3000:] or f"exit code {ran.code}"
    if ran.code == 0:
        return ("accepted", "no error") if case.must_refuse else ("still_valid", "")
    if ran.code == 1 and any(line.startswith("accel: ") for line in lines):
        return "mismatch", ran.stderr
    clear = len(lines) == 1 == len(errors) and case.names in lines[0] and lines[0].isprintable()
    if not clear or ran.stdout or len(lines[0]) > LONGEST:
        return "unclear", f"exit code {ran.code}, {ran.stdout[:200]!r}, {ran.stderr[:2000]!r}"
    return "refused" if case.must_accept else "clear_error", lines[0].removeprefix(PREFIX)


def _contents(root: Path) -> dict[str, tuple[object, ...]]:
    """Every entry below `root` but what the sandbox itself writes there, with its metadata and contents."""
    found: dict[str, tuple[object, ...]] = {}
    for path in root.rglob("*"):
        name, state = str(path.relative_to(root)), path.lstat()
        if name in ("stdout", "stderr") or name.startswith("home/cache"):
            continue
        data = hashlib.sha256(path.read_bytes()).digest() if stat.S_ISREG(state.st_mode) else b""
        when = 0 if stat.S_ISDIR(state.st_mode) else state.st_mtime_ns
        found[name] = (state.st_mode, when, data)
    return found


def _changed(before: dict[str, tuple[object, ...]], after: dict[str, tuple[object, ...]], well: bool) -> list[str]:
    """List files that are new, gone or different; after a success the output folder may be new."""
    made = OUT.removeprefix("../")
    names = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return sorted(name for name in names if not (well and (name == made or name.startswith(made + "/"))))


def sources() -> dict[str, onnx.ModelProto]:
    """Valid models: our exporter's file of a network with random weights, and files written node by node."""
    small = File()
    dense = small.dense(small.quant("in", 0.5), np.arange(-8, 8).reshape(4, 4), 0.5, np.arange(4), 0.25)
    written = {"encoder": Encoder(gelu=True), "causal": Encoder(causal=True, merged=True, batch=2, form="rms")}
    files = {"dense": (small, dense)} | {name: encoder(options) for name, options in written.items()}
    with tempfile.TemporaryDirectory() as folder:
        own = onnx.load(exported(Path(folder)))
    return {name: file.proto(output) for name, (file, output) in files.items()} | {"exported": own}


def exported(folder: Path) -> Path:
    """Our own exporter's file of a small encoder with random weights."""
    import models

    config = models.EncoderConfig(tokens=4, features=4, classes=3, channels=8, heads=2, layers=1, hidden=8)
    return export(config, folder)


def export(config: EncoderConfig, folder: Path) -> Path:
    """The file of a network that is calibrated and not trained."""
    import torch

    import models
    from models.quantization import quantize

    torch.manual_seed(0)
    network = models.Encoder(replace(config, quantized=False))
    samples = torch.rand(64, config.tokens, config.features) * 2 - 1
    return models.export(quantize(network, samples), folder / "model.onnx")


def cases() -> list[Case]:
    """All of them, in a fixed order."""
    valid = sources()
    untouched = [Mutant(f"{name}: untouched", model.SerializeToString()) for name, model in valid.items()]
    hostile = [Case(mutant.name, mutant.write, must_refuse=mutant.must_refuse) for mutant in mutants(valid)]
    return [Case(mutant.name, mutant.write, must_accept=True) for mutant in untouched] + hostile + list(_stored())


def _stored() -> Iterator[Case]:
    """Edited schedules, graphs and designs of a small model."""
    file = File()
    hidden = file.quant(file.dense(file.quant("in", 0.5), np.arange(-8, 8).reshape(4, 4), 0.5), 1.0)
    model = bytes(file.proto(file.dense(hidden, np.arange(-4, 4).reshape(4, 2), 0.5)).SerializeToString())
    lower = ("lower", "model.onnx", "--target", "rtl", "--schedule", "design/schedule.json", "--out", OUT)
    simulate, report = ("simulate", "design", "--samples", "2"), ("report", "design", "--out", f"{OUT}/page.html")
    lowered = _lowered(model)

    def writer(edit: Edit) -> Callable[[Path], None]:
        def write(folder: Path) -> None:
            (folder / "model.onnx").write_bytes(model)
            (folder / "design").mkdir()
            for name, content in lowered.items():
                (folder / "design" / name).write_bytes(content)
            edit.change(folder / "design")

        return write

    yield Case(
        "design: untouched", writer(Edit("", lambda folder: None, "")), (lower, simulate, report), must_accept=True
    )
    for edits, commands in ((schedules(), (lower,)), (graphs(), (simulate,)), (designs(), (report, simulate))):
        for edit in edits:
            yield Case(edit.name, writer(edit), commands, edit.names, may_start=simulate in commands)


def _lowered(model: bytes) -> dict[str, bytes]:
    """The files of a design of this model."""
    from accel import onnx_import
    from accel.verbs.lower import lower

    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "model.onnx").write_bytes(model)
        lower(onnx_import.load(Path(name) / "model.onnx"), "rtl", Path(name) / "design")
        return {path.name: path.read_bytes() for path in (Path(name) / "design").iterdir()}


def judge_all(chosen: Sequence[Case]) -> Iterator[Verdict]:
    """Their verdicts, one by one."""
    with Sandbox() as box:
        for case in chosen:
            yield examine(box, case)


def summary(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The figures of a run."""
    counts = Counter(verdict.kind for verdict in verdicts)
    return {
        "files": len(verdicts) - counts["still_valid"],
        "clear_errors": counts["clear_error"],
        "tracebacks": counts["traceback"],
        "timeouts": counts["timeout"],
        "escapes": counts["escape"],
        "beyond_memory": counts["memory"],
        "unclear_errors": counts["unclear"],
        "accepted": counts["accepted"],
        "valid_but_refused": counts["refused"],
        "mismatches": counts["mismatch"],
        "still_valid": counts["still_valid"],
        "longest_s": round(max(v.seconds for v in verdicts if v.kind != "still_valid"), 2),
        "limit_s": Limits().cpu_s,
        "largest_mb": max(v.peak for v in verdicts if v.kind != "still_valid") >> 20,
        "limit_mb": Limits().memory >> 20,
    }


def rows() -> dict[str, Any]:
    """Counts by outcome; what is no clear error is printed."""
    verdicts = []
    for verdict in judge_all(cases()):
        verdicts.append(verdict)
        if verdict.kind not in ("clear_error", "still_valid"):
            print(f"{verdict.kind}: {verdict.case.name}: {verdict.text}", flush=True)
    return summary(verdicts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--match", default="", help="only cases whose name contains this")
    chosen = [case for case in cases() if parser.parse_args().match in case.name]
    for verdict in judge_all(chosen):
        shown = verdict.text if verdict.kind == "traceback" else verdict.text[:300]
        print(f"{verdict.kind:11} {verdict.seconds:5.2f} s {verdict.peak >> 20:5} MB  {verdict.case.name}: {shown}")


if __name__ == "__main__":
    main()
