"""Matrices, each with what becomes of its sums."""

from __future__ import annotations

from accel.engine.macros import Multiply, ToKeys, ToLogits, ToQueries, ToResidual, ToValues, ToVector, Turn
from accel.engine.matching import gates
from accel.engine.matching.rounding import rounded
from accel.engine.matching.vectors import to_matrices, vector
from accel.engine.matching.walk import Walk, is_clip, is_exact
from accel.graph import Node
from accel.ops.add.op import Add
from accel.ops.dense.op import Dense
from accel.ops.lookup.op import Lookup
from accel.ops.matmul.op import MatMul
from accel.ops.mul.op import Mul
from accel.ops.rescale.op import Rescale
from accel.ops.rotary.op import Rotary


def multiply(walk: Walk, node: Node) -> Multiply:
    """A matrix and the destination of its sums. Raises UserError, naming the node, where they have none."""
    walk.use(node)
    assert isinstance(node.op, Dense)
    source = vector(walk, node)
    if (logits := _logits(walk, node.name)) is not None:
        return Multiply(source, node.name, node.op, logits)
    reader = walk.only(node.name)
    if reader and isinstance(reader.op, Add):
        return Multiply(source, node.name, node.op, _aligned(walk, node.name, reader))
    edge, rescale = rounded(walk, node.name)
    if any(isinstance(reader.op, Mul) for reader in walk.readers(edge)):
        return gates.gated(walk, node, source, edge, rescale)
    reader = walk.only(edge)
    if reader and isinstance(reader.op, Add) and set(_factors(walk, reader).values()) != {1}:
        if not is_exact(walk.tensor(node.name), rescale):
            raise walk.refusal(edge, "it is rounded, and then again with the residual stream: round their sum alone")
        return Multiply(source, edge, _scaled(node.op, rescale), _aligned(walk, edge, reader))
    return Multiply(source, node.name, node.op, _destination(walk, edge, rescale))


def _scaled(dense: Dense, rescale: Rescale) -> Dense:
    """A matrix whose sums are those of another one times integers."""
    factors = rescale.multiplier.wide()
    return Dense(dense.weight.wide() * factors[:, None], dense.bias.wide() * factors)


def _logits(walk: Walk, sums: str) -> ToLogits | None:
    """The destination of sums that are logits; None where they are not."""
    if sums in walk.outputs:
        _require_logits(walk, sums)
        return ToLogits(sums)
    node = walk.only(sums)
    if node is None or node.name not in walk.outputs or not isinstance(node.op, Rescale):
        return None
    _require_logits(walk, node.name)
    walk.use(node)
    if walk.is_identity(node):
        return ToLogits(node.name)
    if not is_exact(walk.tensor(sums), node.op):
        raise walk.refusal(
            node.name, "logits are sums times multipliers; these are rounded or clipped: leave them whole"
        )
    return ToLogits(node.name, node.op)


def _require_logits(walk: Walk, edge: str) -> None:
    if walk.readers(edge):
        raise walk.refusal(walk.readers(edge)[0].name, "it reads logits, of which the engine takes the largest")
    logits, identifiers = walk.tensor(edge).channels, walk.graph.input.hi + 1
    if logits != identifiers:
        raise walk.refusal(
            edge, f"there are {logits} logits and {identifiers} identifiers: the next token is one of both"
        )


def _aligned(walk: Walk, sums: str, add: Node) -> ToResidual:
    """x ← kept(aligned · x + sums)."""
    factors = _factors(walk, add)
    aligned, factor = factors[walk.stream], factors[sums]
    walk.use(add)
    kept = walk.follow(add.name, Rescale, "the residual stream")
    assert isinstance(kept.op, Rescale)
    walk.stream = kept.name
    if factor != 1:
        if aligned != 1 or not is_clip(kept.op):
            raise walk.refusal(add.name, f"sums are multiplied with {factor} and rounded with the residual stream")
        x = walk.tensor(sums)
        widened = Rescale([factor], 0, kept.op.rounding, factor * x.lo, factor * x.hi)
        return ToResidual(kept.name, widened, kept.op)
    if aligned & (aligned - 1):
        raise walk.refusal(add.name, f"the residual stream is multiplied with {aligned}, which is no power of two")
    return ToResidual(kept.name, None, kept.op, aligned)


def _factors(walk: Walk, add: Node) -> dict[str, int]:
    """Operand → what it is multiplied with in a sum. Raises UserError where neither is the residual stream."""
    assert isinstance(add.op, Add)
    inputs = walk.inputs(add)
    if walk.stream not in inputs or inputs[0] == inputs[1]:
        raise walk.refusal(add.name, f"a sum of the engine is the residual stream, {walk.stream!r}, and a matrix' sums")
    return {edge: int(factor) for edge, factor in zip(inputs, add.op.multipliers, strict=True)}


def _destination(walk: Walk, edge: str, rescale: Rescale) -> ToResidual | ToVector | ToQueries | ToKeys | ToValues:
    """Where rounded sums go."""
    reader, readers = walk.only(edge), walk.readers(edge)
    if reader and isinstance(reader.op, Add):
        return _added(walk, edge, rescale, reader)
    if reader and isinstance(reader.op, Rotary | MatMul):
        return _of_heads(walk, edge, rescale)
    if reader and isinstance(reader.op, Lookup):
        walk.use(reader)
        return ToVector(to_matrices(walk, reader.name, ToVector), rescale, reader.op)
    if readers:
        return ToVector(to_matrices(walk, edge, ToVector), rescale)
    raise walk.refusal(edge, "rounded logits: the engine takes the largest of whole sums; leave them unrounded")


def _added(walk: Walk, edge: str, rescale: Rescale, add: Node) -> ToResidual:
    """x ← kept(x + rounded sums)."""
    _factors(walk, add)
    walk.use(add)
    kept = walk.follow(add.name, Rescale, "the residual stream")
    assert isinstance(kept.op, Rescale)
    if not is_clip(kept.op):
        raise walk.refusal(kept.name, "it rounds what was rounded before it was added: use one step for both")
    walk.stream = kept.name
    return ToResidual(kept.name, rescale, kept.op)


def _of_heads(walk: Walk, edge: str, rescale: Rescale) -> ToQueries | ToKeys | ToValues:
    """Queries, keys and values."""
    edge, turn = _turned(walk, edge)
    product = walk.only(edge)
    if product is None or not isinstance(product.op, MatMul):
        raise walk.refusal(edge, "it has the place of queries, keys or values, and no product of attention reads it")
    if turn and turn.rotary.period != walk.graph.tensors[walk.inputs(product)[1]].channels // product.op.kv_heads:
        raise walk.refusal(edge, f"its positions repeat after {turn.rotary.period} channels, which are no whole head")
    if walk.inputs(product).index(edge) == 1:
        if product.op.form == "scores":
            return ToKeys(edge, rescale, turn)
        if turn is None:
            return ToValues(edge, rescale)
    if product.op.form == "values":
        raise walk.refusal(product.name, "it weights values with what is no share of attention, or turns them")
    return ToQueries(edge, rescale, turn)


def _turned(walk: Walk, edge: str) -> tuple[str, Turn | None]:
    """An edge with rotary positions, where there are any, and what they are."""
    node = walk.only(edge)
    if node is None or not isinstance(node.op, Rotary):
        return edge, None
    walk.use(node)
    if not node.op.turns:
        raise walk.refusal(node.name, "a product with constants of the position; the engine turns pairs of channels")
    after, rescale = rounded(walk, node.name)
    return after, Turn(node.op, rescale)
