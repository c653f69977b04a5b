"""Masks that are inputs of the model, as exporters use them, held to ONNX Runtime's execution of the file."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from command import accel as command
from float_files import check, joined, kinds, linear, refuse, scores
from mask_files import INT64, Hide, T, executed, file, places, samples
from onnx import TensorProto
from qonnx_files import File

import accel
from accel import reference, storage
from accel.errors import UserError

BOOL, FLOAT = TensorProto.BOOL, TensorProto.FLOAT


def bert(f: File, s: str, mask: str) -> str:
    """(1 − mask) · −10000, added."""
    m = f.node("Cast", places(f, mask), to=FLOAT)
    return f.node("Add", s, f.node("Mul", f.node("Sub", f.const(1.0), m), f.const(-10000.0)))


def lowest(f: File, s: str, mask: str) -> str:
    """As newer versions of transformers do it: expanded, inverted, and filled with the lowest number of all."""
    m = f.node("Expand", f.node("Cast", places(f, mask), to=FLOAT), f.ints(1, 1, T, T))
    m = f.node("Sub", f.const(1.0), m)
    return f.node("Add", f.node("Where", f.node("Cast", m, to=BOOL), f.const(-3.4e38), m), s)


def chosen(f: File, s: str, mask: str) -> str:
    shown = f.node("Equal", places(f, mask), f.const(1, dtype=np.int64))
    return f.node("Where", shown, s, f.const(np.full((1, 1, T, T), -np.inf)))


def filled(f: File, s: str, mask: str) -> str:
    """As masked_fill does it."""
    gone = f.node("Not", f.node("Cast", places(f, mask), to=BOOL))
    return f.node("Where", gone, f.const(-1e9), s)


def subtracted(f: File, s: str, mask: str) -> str:
    gone = f.node("Cast", f.node("Equal", places(f, mask), f.const(0, dtype=np.int64)), to=FLOAT)
    return f.node("Sub", s, f.node("Mul", gone, f.const(1e5)))


def in_front(f: File, s: str, mask: str) -> str:
    """Hidden before the scores are quantized."""
    return f.quant(filled(f, s, mask), 0.05)


def causal_too(f: File, s: str, mask: str) -> str:
    return bert(f, f.node("Add", s, f.const(np.triu(np.full((T, T), -3.4e38), 1))), mask)


HIDES = [bert, lowest, chosen, filled, subtracted, in_front, causal_too]


@pytest.mark.parametrize("hide", HIDES)
def test_a_mask_hides_keys_of_each_sample(tmp_path: Path, hide: Hide) -> None:
    path = file(tmp_path, hide)
    imported = check(path)
    assert [(t.lo, t.hi) for t in imported.graph.inputs.values()][1] == (0, 1)
    x, mask = samples()
    found = accel.load(path).predict({"in": x, "mask": mask})
    expected = executed(path, x, mask)
    assert found.shape == expected.shape
    gone = np.broadcast_to(mask[:, None, None] == 0, (len(x), T, 2, T))
    assert hide is in_front or (found.reshape(gone.shape)[gone] == 0).all()
    assert np.abs(found - expected).max() <= 4 / 256


@pytest.mark.parametrize("kind", [BOOL, INT64])
@pytest.mark.parametrize("shape", [(1, 1, 1, T), (1, 1, T, T), (1, T, T), (T, T)])
def test_a_mask_has_any_shape_and_type(tmp_path: Path, shape: tuple[int, ...], kind: int) -> None:
    """One row of keys for all queries, or one for each of them; torch's own masks are booleans."""

    def hide(f: File, s: str, mask: str) -> str:
        return f.node("Where", f.node("Cast", mask, to=BOOL), s, f.const(-1e9))

    f = File((1, T, 8))
    s = hide(f, scores(f, f.quant("in", 0.023), T, 8, 2), f.input("mask", shape, kind))
    p = f.quant(f.node("Softmax", s, axis=-1), 1 / 256, signed=0)
    path = f.save(tmp_path, joined(f, p))
    imported = check(path)
    rng = np.random.default_rng(1)
    mask = rng.integers(0, 2, (5, *shape[-2:])) | np.eye(T, dtype=int)[-shape[-2] :]
    x = rng.normal(size=(5, T, 8)).astype(np.float32)
    given = mask.reshape(5, *shape).astype(bool if kind == BOOL else np.int64)
    found = accel.load(path).predict({"in": x, "mask": given})
    assert (found.reshape(5, T, 2, T)[np.broadcast_to(mask[:, :, None] == 0, (5, T, 2, T))] == 0).all()
    assert not imported.turned


def test_a_mask_is_a_stream_of_hardware(tmp_path: Path) -> None:
    x, mask = samples(6)
    np.savez(tmp_path / "x.npz", **{"in": x, "mask": mask})
    done = command("check", file(tmp_path, bert), "--levels", "reference,rtl", "--data", tmp_path / "x.npz")
    assert done.exit_code == 0, done.stderr
    assert "rtl" in done.stdout


def attention_file(folder: Path, kind: int, **attributes: int) -> Path:
    """ONNX's Attention with a mask that comes in, as booleans or as numbers that are added."""
    f = File((1, T, 8), opset=23)
    mask = f.input("mask", (1, T), BOOL)
    m = f.node("Expand", f.node("Unsqueeze", mask, f.ints(1, 2)), f.ints(1, 2, T, T))
    if kind == FLOAT:
        m = f.node("Where", m, f.const(0.0), f.const(-1e9))
    x = f.quant("in", 0.023)
    q, k, v = (f.quant(linear(f, x, 8, 8, seed), 0.031) for seed in (1, 2, 3))
    y = f.node("Attention", q, k, v, m, q_num_heads=2, kv_num_heads=2, **attributes)
    return f.save(folder, f.quant(y, 0.02))


@pytest.mark.parametrize("attributes", [{}, {"is_causal": 1}])
@pytest.mark.parametrize("kind", [BOOL, FLOAT])
def test_the_mask_of_an_attention_node(tmp_path: Path, kind: int, attributes: dict[str, int]) -> None:
    imported = check(attention_file(tmp_path, kind, **attributes), most=2)
    assert "softmax" in kinds(imported)


def test_a_mask_takes_nothing_but_0_and_1(tmp_path: Path) -> None:
    model = accel.load(file(tmp_path, bert))
    x, mask = samples(2)
    with pytest.raises(UserError, match=r"'mask': input values 0..2 leave the declared range 0..1"):
        model.predict({"in": x, "mask": np.where(mask, 2, 0)})
    with pytest.raises(UserError, match="got arrays 'in', expected 'in', 'mask'"):
        model.predict({"in": x})
    integers = reference.quantize(model, model.samples({"in": x, "mask": mask.astype(float)}))
    np.testing.assert_array_equal(integers["mask"][:, 0], mask)


@pytest.mark.parametrize("wrong", [-1e4, 0.5, np.nan, np.inf, 2.0])
def test_a_mask_of_real_numbers_is_0_or_1(tmp_path: Path, wrong: float) -> None:
    """As floats, 0 and 1 are what they are; nothing else is rounded or clipped to one of them."""
    path = file(tmp_path, bert)
    model = storage_of(path)
    x, mask = samples(2)
    expected = model.predict({"in": x, "mask": mask})
    np.testing.assert_array_equal(model.predict({"in": x, "mask": mask.astype(np.float32)}), expected)
    mask = np.where(mask, 1.0, wrong)
    np.savez(tmp_path / "samples.npz", **{"in": x, "mask": mask})
    says = "'mask': input " + (
        f"values {min(wrong, 1):.0f}..{max(wrong, 1):.0f} leave the declared range 0..1"
        if wrong in (-1e4, 2)
        else f"has {wrong:g}, which is no "
    )
    for refused in (
        lambda: model.predict({"in": x, "mask": mask}),
        lambda: accel.check(path, tmp_path / "samples.npz", levels=["qonnx", "reference"]),
    ):
        with pytest.raises(UserError, match=re.escape(says)):
            refused()


def storage_of(path: Path) -> accel.Model:
    """The model of a file, saved and loaded."""
    storage.save(accel.load(path), path.with_suffix(".accel"))
    return storage.load(path.with_suffix(".accel"))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [(3.7, "has 3.7, which is no identifier"), (-1.0, "values -1..4 leave"), (99, "values 0..99 leave")],
)
def test_identifiers_are_whole_numbers_of_the_table(tmp_path: Path, wrong: float, says: str) -> None:
    f = File()
    f.inputs.clear()
    f.input("in", (1, T), INT64)
    table = f.quant(f.const(np.random.default_rng(0).normal(size=(16, 8))), 0.03)
    path = f.save(tmp_path, f.quant(f.node("Gather", table, "in"), 0.03))
    model = accel.load(path)
    identifiers = np.arange(T)[None] % 5
    expected = model.predict(identifiers)
    np.testing.assert_array_equal(model.predict(identifiers.astype(np.float64)), expected)
    np.save(tmp_path / "samples.npy", np.where(np.arange(T) == 1, wrong, identifiers))
    with pytest.raises(UserError, match=f"^input {says}"):
        model.predict(np.load(tmp_path / "samples.npy"))
    with pytest.raises(UserError, match=rf"samples\.npy: input {says}"):
        accel.check(path, tmp_path / "samples.npy", levels=["reference"])


def test_an_error_in_samples_names_their_file(tmp_path: Path) -> None:
    x, mask = samples(8)
    np.savez(tmp_path / "samples.npz", **{"in": x, "mask": mask[1:]})
    with pytest.raises(UserError, match=r"samples\.npz: all arrays need the same number of samples; got 8 of 'in', 7"):
        accel.check(file(tmp_path, bert), tmp_path / "samples.npz", levels=["reference"])


def test_what_no_mask_can_be(tmp_path: Path) -> None:
    """Numbers that hide nothing, and masks of scores that nobody knows."""

    def biased(f: File, s: str, mask: str) -> str:
        return f.node("Where", f.node("Cast", places(f, mask), to=BOOL), f.const(1.0), s)

    refuse(file(tmp_path, biased), "combines two activations")
