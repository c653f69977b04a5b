"""Language models at the reference level, token by token: every new identifier is the likeliest one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from accel.arrays import single
from accel.errors import UserError
from accel.graph import Graph
from accel.ops.embedding.op import Embedding
from accel.ops.matmul.op import MatMul
from accel.ops.softmax.op import Softmax
from accel.reference.decoding import decode


def generate(graph: Graph, prompt: Sequence[int], count: int, *, device: str = "native") -> Iterator[int]:
    """`count` identifiers that follow a prompt, one after the other; the lowest one wins where logits are equal.

    Every identifier costs one row of the graph, while they are not more than it has tokens. Of more it sees the last
    ones: each at another place than before, so that all rows are evaluated again. `device` as in `reference.run`: a
    graph is compiled once, in seconds. Raises UserError for a graph that is
    no causal language model, an empty prompt and an identifier that the graph does not know.
    """
    _check(graph, prompt)
    scale, decoder = np.asarray(graph.output_tensor.scale), decode(graph, device=device)
    known = list(prompt)
    for _ in range(count):
        if len(known) > graph.input.tokens:
            decoder.restart()
        new = known[-graph.input.tokens :][decoder.tokens :]
        logits = single(decoder.append(np.array(new, np.int64)[None, :, None], last=True))[0, -1]
        known.append(int((logits * scale).argmax()))
        yield known[-1]


def _check(graph: Graph, prompt: Sequence[int]) -> None:
    ops = [node.op for node in graph]
    if not any(isinstance(op, Embedding) for op in ops) or graph.output_tensor.tokens != graph.input.tokens:
        raise UserError(f"{graph.name} is no language model: it needs identifiers in and logits of every token out")
    masked = [op for op in ops if isinstance(op, Softmax) and op.causal]
    if len(masked) < len([op for op in ops if isinstance(op, MatMul) and op.form == "values"]):
        raise UserError(f"{graph.name} looks at later tokens: train it with causal=True")
    unknown = [i for i in prompt if not graph.input.lo <= i <= graph.input.hi]
    if unknown or not len(prompt):
        raise UserError(
            f"a prompt has at least one identifier in {graph.input.lo}..{graph.input.hi}; got {unknown[:1] or 'none'}"
        )
