"""An interrupted training goes on under any other layout as if nothing had happened; nothing half-written is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from gloo import run
from steps import RECIPE, SMALL, STEPS, calibrated, resumed, single

from models.parallel import Parallel, checkpoint

CHAIN = (
    Parallel(data=2, tensor=2),
    Parallel(pipeline=2, schedule="gpipe"),
    Parallel(data=2, sharded=True),
    Parallel(tensor=2),
    Parallel(),
    Parallel(data=2),
)


def go_on(layout: Parallel, folder: Path, until: int) -> tuple[int, list[float]]:
    ranks = run(layout.processes, resumed, RECIPE, layout, folder, until)
    return ranks[0][:2]


def test_a_training_that_changes_its_layout_keeps_its_curve(tmp_path: Path) -> None:
    """Six layouts one after the other: 20 steps in pieces."""
    losses, weights = single(RECIPE)
    ends = [4, 8, 11, 14, 17, STEPS]
    for layout, first, end in zip(CHAIN, [0, *ends], ends, strict=False):
        start, found = go_on(layout, tmp_path, end)
        assert start == first
        assert max(abs(a - b) for a, b in zip(found, losses[first:end], strict=True)) <= 1e-12, layout
    assert [path.name for path in tmp_path.iterdir()] == [f"step-{STEPS}"]
    model = checkpoint.whole(calibrated(SMALL), tmp_path / f"step-{STEPS}")
    for name, value in model.named_parameters():
        assert (value - weights[name]).abs().max() <= 1e-10, name


def test_what_is_half_written_or_damaged_is_not_loaded(tmp_path: Path) -> None:
    alone = Parallel()
    go_on(alone, tmp_path, 2)
    whole = tmp_path / "step-2"
    unfinished = tmp_path / "step-4.partial"
    unfinished.mkdir()
    (unfinished / "__0_0.distcp").write_bytes(b"")
    assert checkpoint.newest(tmp_path) == whole
    (data,) = whole.glob("*.distcp")
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(RuntimeError, match=r"UserError: .*step-2: damaged \(.*\): remove it"):
        go_on(alone, tmp_path, 4)


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    go_on(Parallel(), tmp_path, 1)
    notes = tmp_path / "step-1" / checkpoint.NOTES
    notes.write_text(notes.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(RuntimeError, match=r"UserError: .*step-1 is the training of another recipe"):
        go_on(Parallel(), tmp_path, 2)
