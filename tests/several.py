"""Random graphs of one to three inputs and outputs: streams that join late or early, masks, heads, and inner edges."""

from __future__ import annotations

import numpy as np
from random_blocks import Maker

from accel.building import Edge
from accel.graph import Graph
from accel.ops import Add, Mul, Pool
from accel.tensor import Tensor


def several_ends(seed: int) -> Graph:
    """The graph of a seed; two seeds of three have several inputs, two of three several outputs."""
    rng = np.random.default_rng(seed)
    maker = Maker(lambda lo, hi: int(rng.integers(lo, hi, endpoint=True)))
    maker.heads, maker.kv_heads, maker.causal = 1, 1, 0
    maker.norms = [maker.pick("layer", "rms", ""), "before"]
    tokens, channels = maker.integer(2, 5), maker.integer(2, 6)
    total = _branch(maker, tokens, channels)
    for _ in range(seed % 3):
        if maker.pick(False, True):
            mask = maker.input(Tensor((tokens, channels), 0, 1), "mask")
            total = maker.narrow(maker.add(Mul(), total, mask))
        else:
            total = maker.narrow(maker.add(Add([1, maker.integer(1, 5)]), total, _branch(maker, tokens, channels)))
    heads = [_head(maker, total) for _ in range(1 + seed // 3 % 3)]
    return maker.graph([*heads, total] if len(heads) == 3 else heads, "several")


def _branch(maker: Maker, tokens: int, channels: int) -> Edge:
    """An input and some layers, of any depth: attention takes all tokens before it gives one."""
    x = maker.input(Tensor((tokens, maker.integer(1, 6)), *maker.range()), "x")
    x = maker.narrow(maker.dense(x, channels))
    return maker.residual(x, maker.pick(maker.attention, maker.feed_forward)) if maker.pick(False, True) else x


def _head(maker: Maker, x: Edge) -> Edge:
    x = maker.narrow(maker.dense(x, maker.integer(1, 4)))
    return maker.add(Pool(), x) if maker.pick(False, True) else x
