"""Masks as exporters write them: every form is held to ONNX Runtime's execution of the file, operator by operator."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from float_files import check, joined, linear, refuse, scores
from qonnx_files import File

from accel.ops import Softmax

T = 6
CAUSAL = np.triu(np.ones((T, T), dtype=bool), 1)
BAND = np.abs(np.arange(T)[:, None] - np.arange(T)) > 2
HEADS = np.stack([CAUSAL, BAND])[None]
PADDING = np.tile(np.arange(T) > 3, (T, 1))


def added(f: File, x: str, hidden: np.ndarray, number: float = -3.4e38) -> str:
    return f.node("Add", x, f.const(np.where(hidden, number, 0)))


def chosen(f: File, x: str, hidden: np.ndarray, number: float = -1e9) -> str:
    return f.node("Where", f.const(hidden, dtype=bool), f.const(number), x)


def kept(f: File, x: str, hidden: np.ndarray) -> str:
    return f.node("Where", f.const(~hidden, dtype=bool), x, f.const(np.full((1, 1, T, T), -np.inf)))


def twice(f: File, x: str, hidden: np.ndarray) -> str:
    """A causal mask and another, one after the other."""
    return added(f, chosen(f, x, CAUSAL), hidden)


def guarded(f: File, p: str) -> str:
    """Torch's attention with a mask: what is NaN becomes 0."""
    return f.node("Where", f.node("IsNaN", p), f.const(0.0), p)


def file(f: File, hide, hidden: np.ndarray, guard: bool) -> str:
    p = f.node("Softmax", hide(f, scores(f, f.quant("in", 0.023), T, 8, 2), hidden), axis=-1)
    return joined(f, f.quant(guarded(f, p) if guard else p, 1 / 256, signed=0))


@pytest.mark.parametrize("hide", [added, chosen, kept, twice])
@pytest.mark.parametrize("hidden", [CAUSAL, BAND, HEADS, PADDING], ids=["causal", "band", "heads", "padding"])
def test_any_constant_mask(tmp_path: Path, hide, hidden: np.ndarray) -> None:
    """A causal one is the Softmax's own, any other a table that pushes hidden scores beyond its exponentials."""
    f = File((1, T, 8))
    imported = check(f.save(tmp_path, file(f, hide, hidden, hide is chosen)))
    (op,) = (node.op for node in imported.graph if isinstance(node.op, Softmax))
    assert op.causal == (hidden is CAUSAL)
    assert ("position" in [node.op.kind for node in imported.graph]) == (hidden is not CAUSAL)


@pytest.mark.parametrize("guard", [False, True])
@pytest.mark.parametrize("hide", [added, chosen, kept])
def test_a_mask_that_hides_nothing_is_none(tmp_path: Path, hide, guard: bool) -> None:
    f = File((1, T, 8))
    imported = check(f.save(tmp_path, file(f, hide, np.zeros((1, 1, T, T), bool), guard)))
    assert [node.op.kind for node in imported.graph].count("position") == 0


def test_a_small_number_is_added_not_hidden(tmp_path: Path) -> None:
    """The shifted windows of Swin add −100: with scores of hundreds that is a number as any other."""
    f = File((1, T, 8))
    check(f.save(tmp_path, file(f, lambda f, x, h: added(f, x, h, -100.0), BAND, False)))


@pytest.mark.parametrize("number", [-100.0, -7.3, 0.0, 2.5])
@pytest.mark.parametrize("hidden", [CAUSAL, HEADS], ids=["causal", "heads"])
def test_numbers_in_place_of_scores_are_what_they_are(tmp_path: Path, hidden: np.ndarray, number: float) -> None:
    """Where(mask, scores, −100) hides nothing by itself: a softmax over scores that are all as low sees the number."""
    f = File((1, T, 8))
    check(f.save(tmp_path, file(f, lambda f, x, h: chosen(f, x, h, number), hidden, False)))


def test_a_number_in_place_of_scores_that_were_hidden(tmp_path: Path) -> None:
    """A second Where shows some of what the first one hides, with another number."""
    f = File((1, T, 8))
    imported = check(f.save(tmp_path, file(f, lambda f, x, h: chosen(f, chosen(f, x, CAUSAL), h, -3.0), BAND, False)))
    assert "rotary" in [node.op.kind for node in imported.graph]


def test_a_choice_between_two_activations(tmp_path: Path) -> None:
    f = File((1, T, 8))
    x = f.quant("in", 0.023)
    a, b = (f.quant(linear(f, x, 8, 8, seed), step) for seed, step in ((1, 0.031), (2, 0.017)))
    y = f.node("Where", f.const(np.arange(8) % 3 > np.arange(T)[:, None] % 2, dtype=bool), a, b)
    check(f.save(tmp_path, f.quant(y, 0.041)))


def test_masks_made_of_constants(tmp_path: Path) -> None:
    """Comparisons, casts, Trilu and gathers of constants are folded, whatever type they pass through."""
    f = File((1, T, 8), opset=18)
    rows, columns = f.const(np.arange(T)[:, None], dtype=np.int64), f.const(np.arange(T)[None], dtype=np.int64)
    later = f.node("Less", rows, columns)
    far = f.node("Greater", f.node("Abs", f.node("Sub", rows, columns)), f.const(2, dtype=np.int64))
    hidden = f.node("Or", later, far)
    hidden = f.node("Cast", f.node("Cast", f.node("Not", f.node("Not", hidden)), to=10), to=9)  # float16, bool
    hidden = f.node("Expand", f.node("Unsqueeze", hidden, f.ints(0)), f.ints(1, 1, T, T))
    mask = f.node("Where", hidden, f.const(-np.inf), f.const(0.0))
    mask = f.node("Add", mask, f.node("Trilu", f.const(np.full((T, T), -1e9)), f.const(1, dtype=np.int64)))
    p = f.node("Softmax", f.node("Add", scores(f, f.quant("in", 0.023), T, 8, 2), mask), axis=-1)
    check(f.save(tmp_path, joined(f, f.quant(p, 1 / 256, signed=0))))


def test_a_calibrated_mask_is_refused_in_its_own_words(tmp_path: Path) -> None:
    f = File((1, T, 8))
    x = scores(f, f.quant("in", 0.023), T, 8, 2)
    for number, where in ((3.4e38, "sum"), (1e9, "mask")):
        mask = f.const(np.where(CAUSAL, -number, 0))
        step = number / 127
        y = f.quant(f.node("Add", x, f.quant(mask, step) if where == "mask" else mask), step)
        p = f.quant(f.node("Softmax", y, axis=-1), 1 / 256, signed=0)
        path = f.save(tmp_path, joined(f, p))
        refuse(
            path,
            rf"unsupported node: Quant .* its scale is {re.escape(f'{step:.2g}')}: a mask has reached the quantizer; "
            "leave the Add or Where of the mask and the Softmax out of the quantization",
        )


def test_a_quantized_mask_in_front_of_a_softmax_that_is_not(tmp_path: Path) -> None:
    """Quantized constants hide scores as others do, however large their step is."""
    f = File((1, T, 8))
    x = scores(f, f.quant("in", 0.023), T, 8, 2)
    masked = f.node("Add", x, f.quant(f.const(np.where(CAUSAL, -3.4e38, 0)), 3.4e38 / 127))
    check(f.save(tmp_path, joined(f, f.quant(f.node("Softmax", masked, axis=-1), 1 / 256, signed=0))))


def test_a_query_that_sees_nothing_is_refused(tmp_path: Path) -> None:
    f = File((1, T, 8))
    hidden = CAUSAL | (np.arange(T)[:, None] == 2)
    refuse(f.save(tmp_path, file(f, added, hidden, False)), "hides every key of a query")
