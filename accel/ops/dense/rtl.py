"""Dense in hardware: PE × SIMD multipliers, weights in a ROM, one pass over the inputs per PE outputs; or unrolled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from accel.fold import Fold, MatrixFold, Pattern
from accel.hardware import Actor, Every, Module, Port, Rom, Unit, consume, divisors, produce
from accel.numeric import bits, signed_width
from accel.ops.common.multiply import array_folds, array_latency, digits, packing
from accel.ops.dense import sparsity, unrolled
from accel.ops.dense.op import Dense
from accel.target import Target
from accel.tensor import Tensor


def folds(op: Dense, inputs: tuple[Tensor, ...], output: Tensor) -> list[MatrixFold]:
    """Every PE dividing the outputs with every SIMD dividing the inputs; "unrolled" is for schedules that name it.

    Where the weights are N:M, "sparse" folds do the products of the kept weights only: SIMD of them per row and cycle,
    with M / N times as many inputs.
    """
    rows, columns = op.weight.shape
    found = array_folds(divisors(rows), divisors(columns))
    kept = sparsity.pattern(op)
    if kept:
        groups = divisors(columns // kept.m)
        some = array_folds(divisors(rows), [kept.n * count for count in groups])
        found += [replace(fold, sparse=kept) for fold in some]
    return found + unrolled.folds(op)


def refusal(op: Dense, fold: Fold) -> str | None:
    """Explain why these weights lack the zeros that the fold assumes; None if they have them."""
    if not isinstance(fold, MatrixFold) or not fold.is_sparse:
        return None
    return sparsity.refusal(op.weight.values, fold.sparse)


def units(op: Dense, inputs: tuple[Tensor, ...], output: Tensor, fold: MatrixFold, target: Target) -> tuple[Unit, ...]:
    """One unit: SF = in / SIMD · N / M beats per pass, NF = out / PE passes per token."""
    (x,) = inputs
    if fold.unrolled:
        return (unrolled.unit(op, x, output, fold.unrolled),)
    rows, columns = op.weight.shape
    kept = fold.sparse
    pe, simd = fold.pe, fold.simd
    wide = simd // kept.n * kept.m
    passes, beats = rows // pe, columns // wide

    selected = fold.is_sparse
    weight_width = bits(min(-1, op.weight.lo), max(0, op.weight.hi))[0]
    packed = packing(target, fold, (x.width, x.signed), (weight_width, True))
    coded = packed.lanes == 0 and (selected or op.weight.magnitude <= 1)
    if coded:
        weight_width = digits(_weights(op, kept))[1]
    inverted = packed.inverted(pe)[:, None] * (1 << (weight_width - 1))

    def rom(width: int, make: Callable[[], np.ndarray], flipped: np.ndarray | None = None) -> Rom:
        def words() -> np.ndarray:
            made = make()
            tiles = made.reshape(passes, pe, beats, simd).transpose(0, 2, 1, 3)
            if flipped is not None:  # as narrow as the weights: most of the time goes into moving them
                tiles = tiles ^ flipped.astype(made.dtype)
            return tiles.reshape(passes * beats, pe * simd)

        return Rom(passes * beats, pe * simd, width, words)

    weights = rom(weight_width, lambda: digits(_weights(op, kept))[0] if coded else _weights(op, kept), inverted)
    bias = op.bias.wide()
    bias_width = min(signed_width(bias), output.width)
    params = {
        "ROWS": rows, "COLS": columns, "PE": pe, "SIMD": simd, "AW": x.width, "A_SIGNED": int(x.signed),
        "WW": weight_width, "OW": output.width, "BW": bias_width,
        "BLOCK": int(weights.is_deep(target)), **packed.params(), "CODED": int(coded),
    }  # fmt: skip
    roms = {"WEIGHT_FILE": weights, "BIAS_FILE": Rom.of(bias.reshape(passes, pe), bias_width)}
    if selected:
        params |= {"N": kept.n, "M": kept.m}
        roms["INDEX_FILE"] = rom(kept.index_bits, lambda: sparsity.compress(op.weight.wide(), kept)[1])
    module = Module("accel_dense", params, roms)
    firings = x.tokens * passes * beats
    actor = Actor(
        firings,
        (consume("in0", Every(passes * beats, 0, beats)),),
        (produce("out", Every(beats, beats - 1), array_latency(simd) + selected),),
    )
    return (
        Unit(
            module,
            (Port("in0", wide, x.width),),
            (Port("out", pe, output.width),),
            (actor,),
            multipliers=pe * simd,
        ),
    )


def _weights(op: Dense, kept: Pattern) -> np.ndarray:
    """(rows, columns · N / M) the weights that a memory holds; as narrow as they are, if that has a sign bit."""
    if kept.n < kept.m:
        return sparsity.compress(op.weight.wide(), kept)[0]
    return op.weight.values if op.weight.values.dtype.kind == "i" else op.weight.wide()
