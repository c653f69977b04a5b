"""Random graphs over all forms that import: nothing is wrong, and little is refused."""

from __future__ import annotations

import pytest
from import_judge import counted

from accel.onnx_import.builder import Builder

GRAPHS, REFUSED = 500, 0.08
BATCH, BATCHES = 1_000, 20


def test_what_imports_computes_what_the_file_computes() -> None:
    kinds, reasons, wrong = counted(range(GRAPHS))
    assert not wrong
    assert kinds["refused"] <= REFUSED * GRAPHS, reasons
    assert kinds["exact"] > 20


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
def test_twenty_thousand_graphs(batch: int) -> None:
    _, _, wrong = counted(range(BATCH * batch, BATCH * (batch + 1)))
    assert not wrong


def test_a_pending_relu_that_is_lost_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Builder, "settled", lambda self, edge: edge)
    _, _, wrong = counted(range(40))
    assert wrong
    assert "seed" in wrong[0]
