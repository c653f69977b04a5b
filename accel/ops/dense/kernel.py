"""Dense: what the HLS back end needs.

The arithmetic is in accel_dense.h, for N:M weights in accel_sparse.h, or in an adder graph written for the node.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from accel.fold import MatrixFold
from accel.kernel import Kernel, Table
from accel.ops.dense import adders
from accel.ops.dense.op import Dense
from accel.ops.dense.sparsity import compress
from accel.tensor import Tensor

HEADER = Path(__file__).with_name("accel_dense.h")
SPARSE = Path(__file__).with_name("accel_sparse.h")


def kernel(op: Dense, inputs: tuple[Tensor, ...], output: Tensor, fold: MatrixFold) -> Kernel:
    """Weights lie pass by pass and beat by beat: PE rows of SIMD each are one word."""
    if fold.unrolled:
        return adders.kernel(op, inputs[0], output)
    rows, columns = op.weight.shape
    kept, pe, simd = fold.sparse, fold.pe, fold.simd
    wide = simd // kept.n * kept.m
    passes, beats = rows // pe, columns // wide

    def table(values: np.ndarray) -> Table:
        return Table(values.reshape(passes, pe, beats, simd).transpose(0, 2, 1, 3).ravel())

    weight, bias = op.weight.wide(), Table(op.bias.wide())
    constants = {"tokens": output.tokens, "passes": passes, "beats": beats, "pe": pe, "simd": simd, "word": pe * simd}
    reuse = passes * beats
    if not fold.is_sparse:
        tables = {"weight": table(weight), "bias": bias}
        return Kernel("accel_dense", HEADER, (simd,), pe, constants, tables=tables, reuse=reuse)
    values, place = map(table, compress(weight, kept))
    constants |= {"wide": wide, "n": kept.n, "m": kept.m}
    tables = {"weight": values, "place": place, "bias": bias}
    return Kernel("accel_sparse", SPARSE, (wide,), pe, constants, tables=tables, reuse=reuse)
