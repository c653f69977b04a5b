"""Attention pooling: scores of constant queries, which a file has as a linear layer, become a product of attention.

A softmax over the keys needs them in a row, (queries, heads · keys), where the linear layer makes (keys, heads ·
queries). So its weights become tokens: a Window beside the sequence, which holds constants alone.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from accel.graph import Node
from accel.onnx_import.builder import Builder
from accel.onnx_import.layout import Factor, Layout, axis_of, merged
from accel.onnx_import.values import Call, Edge, Refused, Uncertain
from accel.ops.dense.op import Dense
from accel.ops.matmul.op import MatMul
from accel.ops.rescale.op import Rescale
from accel.ops.window.op import Window

PLAIN = "use one query vector per head, without bias, quantized per tensor"


def keys_last(build: Builder, call: Call, scores: Edge) -> Edge:
    """Scores whose last axis is all tokens, made again with these in the channels; others as they are."""
    layout = scores.layout
    tokens, rank = layout.size("token"), len(layout.axes)
    if tokens == 1 or rank < 2 or not layout.is_whole(rank - 1, "token"):
        return scores
    if layout != layout.in_memory_order("channel"):
        raise Refused("its heads and queries are not in order", PLAIN)
    after, dense, weight = _traced(build, scores)
    heads = Layout(layout.axes[:-2]).size("channel")
    queries = _queries(weight, heads)
    keys = build.edge(dense.inputs[0], layout)
    turned = _turned(layout, len(queries), tokens)
    edge = build.add(f"{call.name}/queries", Window(-len(queries), queries), (keys,), np.asarray(1.0), turned, None)
    edge = build.add(dense.name, MatMul(heads, "scores"), (edge, keys), np.asarray(dense.scale), turned, None)
    for node in after:
        edge = build.add(node.name, node.op, (edge,), np.asarray(node.scale), turned, None)
        if node.name in build.origins:
            origin = build.origins[node.name]
            build.note(replace(edge, layout=_turned(origin.layout, len(queries), tokens)), origin.tensor)
    return replace(scores, name=edge.name, layout=turned)


def _turned(layout: Layout, queries: int, tokens: int) -> Layout:
    """The axes of scores (keys, heads · queries) when they are (queries, heads · keys)."""
    axes = []
    for axis in layout.axes:
        parts: list[Factor] = []
        for f in axis:
            if f.role == "token":
                parts.append(Factor("channel", f.size, f.stride))
            elif f.role == "channel":
                inner = min(f.size, max(1, queries // f.stride))
                parts += axis_of("channel", f.size // inner, max(1, f.stride // queries) * tokens)
                parts += axis_of("token", inner, f.stride)
            else:
                parts.append(f)
        axes.append(merged(parts))
    return Layout(tuple(axes))


def _traced(build: Builder, scores: Edge) -> tuple[list[Node], Node, np.ndarray]:
    """The Rescales that made the scores, first to last, the Dense in front of them and its weights."""
    after: list[Node] = []
    node = build.producer(scores)
    while node is not None and isinstance(node.op, Rescale) and node.op.multiplier.size == 1:
        after.insert(0, node)
        node = build.producer(build.edge(node.inputs[0], scores.layout))
    if node is None or not isinstance(node.op, Dense) or node.op.bias.any():
        raise Uncertain("is taken over tokens, of scores that are no product with constant queries", PLAIN)
    return after, node, node.op.weight


def _queries(weight: np.ndarray, heads: int) -> np.ndarray:
    """(heads · queries, heads · depth) with a block per head → (queries, heads · depth)."""
    outputs, channels = weight.shape
    if channels % heads:
        raise Refused(f"its keys have {channels} channels for {heads} heads", PLAIN)
    blocks = weight.reshape(heads, outputs // heads, heads, channels // heads)
    own = np.stack([blocks[head, :, head] for head in range(heads)], axis=1)
    if np.count_nonzero(own) != np.count_nonzero(weight):
        raise Refused("a query of one head looks at another head's keys", PLAIN)
    return own.reshape(outputs // heads, channels)
