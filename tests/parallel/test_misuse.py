"""A layout, a model or a recipe that does not fit: the same one error on every rank, and nobody waits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from gloo import run
from steps import RECIPE, SMALL, refusals

from accel.errors import UserError
from models.parallel import Parallel
from models.recipe import Distillation, Pruning, Recipe

TENSOR, PIPELINE = Parallel(tensor=2), Parallel(pipeline=2)


def of(**changes: object) -> Recipe:
    return replace(RECIPE, model=replace(SMALL, **changes))  # type: ignore[arg-type]


REFUSED: dict[str, tuple[Recipe, Parallel]] = {
    r"heads \(3\) must be a multiple of parallel.tensor \(2\)": (of(channels=15, heads=3), TENSOR),
    r"kv_heads \(1\) must be a multiple of parallel.tensor \(2\)": (of(kv_heads=1), TENSOR),
    r"hidden \(15\) must be a multiple of parallel.tensor \(2\)": (of(hidden=15), TENSOR),
    r"divides full matrices, not those of rank 4": (of(rank=4), TENSOR),
    r"accumulator_bits takes whole matrices, tensor=2 divides them": (of(accumulator_bits=14), TENSOR),
    r"accumulator_bits takes whole matrices, data=2,sharded=true divides them": (
        of(accumulator_bits=14),
        Parallel(data=2, sharded=True),
    ),
    r"no learned scales per channel": (of(learned_scales=True, per_channel=True), TENSOR),
    r"parallel.pipeline \(2\) is more than the model's layers \(1\)": (of(layers=1), PIPELINE),
    r"stages of their own layers: use shared=False": (of(shared=True), PIPELINE),
    r"pipeline=4 takes 4 processes, 2 were started: torchrun --nproc": (RECIPE, Parallel(pipeline=4)),
    r"batch \(15\) must be a multiple of parallel.data \(2\)": (replace(RECIPE, batch=15), Parallel(data=2)),
    r"Recipe.precision trains on one process only": (replace(RECIPE, precision="bf16"), Parallel(data=2)),
    r"Recipe.pruning trains on one": (replace(RECIPE, pruning=Pruning(weights=0.5)), Parallel(data=2)),
    r"Recipe.distillation trains on one": (replace(RECIPE, distillation=Distillation()), Parallel(data=2)),
}


def test_every_rank_refuses_with_the_same_line() -> None:
    """Also where one rank alone has a scale that is not calibrated."""
    cases = [*REFUSED.values(), (RECIPE, Parallel(data=2))]
    ranks = run(2, refusals, cases)
    assert ranks[0] == ranks[1]
    for text, wanted in zip(ranks[0], [*REFUSED, "the scale of .* is not calibrated: quantize the model"], strict=True):
        assert re.search(wanted, text), (wanted, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data=0", r"parallel.data is a number from 1; got 0"),
        ("data=x", r"parallel.data is a number from 1; got 'x'"),
        ("model=2", r"parallel has no 'model'; there are data, tensor"),
        ("sharded=yes", r"parallel.sharded is true or false; got 'yes'"),
        ("schedule=x", r"parallel.schedule is one of 1f1b, gpipe; got 'x'"),
        ("microbatches=4", r"parallel.microbatches \(4\) are a pipeline's"),
        ("pipeline=4,microbatches=2", r"parallel.microbatches \(2\) must be at least parallel.pipeline \(4\)"),
    ],
)
def test_a_layout_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Parallel.parse(text)


def test_a_layout_is_read_as_it_is_written() -> None:
    layout = Parallel(data=2, pipeline=2, sharded=True, schedule="gpipe", microbatches=4)
    assert Parallel.parse(str(layout)) == layout
    assert Parallel.parse(str(Parallel())) == Parallel()


def test_torchrun_ends_with_one_line_of_ours(tmp_path: Path) -> None:
    """Rank 0 says it, every rank ends with code 2."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "models.train"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [*command, "--parallel", "tensor=3", "--checkpoint", str(tmp_path)],
        capture_output=True, text=True, env=environment, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert lines == ["error: parallel: tensor=3 takes 3 processes, 2 were started: torchrun --nproc-per-node N"]
    assert not list(tmp_path.iterdir())
