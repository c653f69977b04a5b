"""Einsum: a linear layer where one operand is constant, a product of attention where none is, else a transposition."""

from __future__ import annotations

from dataclasses import replace

from accel.onnx_import.attributes import understands
from accel.onnx_import.builder import Builder
from accel.onnx_import.contraction import Labels, contracted
from accel.onnx_import.layout import Layout, merged
from accel.onnx_import.linear import RELAYOUT, attention, is_unknown
from accel.onnx_import.shaping import AGAIN, moved, shape_of
from accel.onnx_import.values import Call, Constant, Edge, Refused, Shared, Unknown, Value


@understands("equation")
def einsum(build: Builder, call: Call) -> Value:
    operands = call.take(1, 2)[: len(call.inputs)]
    if is_unknown(*operands):
        return Unknown()
    labels, out = _parsed(call.text("equation"), [len(shape_of(value)) for value in operands])
    if len(operands) == 1:
        if sorted(out) != sorted(labels[0]):
            raise Refused("sums or repeats an axis", "pool with ReduceSum, or use a linear layer")
        perm = tuple(labels[0].index(label) for label in out)
        return moved(operands[0], lambda a: a.transpose(perm), lambda layout: layout.transposed(perm))
    a, b = operands
    if isinstance(a, Edge) and isinstance(b, Constant):
        return contracted(build, call, a, labels[0], b, labels[1], out)
    if isinstance(a, Constant) and isinstance(b, Edge):
        return contracted(build, call, b, labels[1], a, labels[0], out)
    if isinstance(a, Edge | Shared) and isinstance(b, Edge | Shared):
        return _product(build, call, (a, b), (labels[0], labels[1]), out)
    raise Refused("multiplies two constants", "fold constants before exporting (qonnx cleanup)")


def _parsed(equation: str, ranks: list[int]) -> tuple[list[Labels], Labels]:
    """Labels of every operand and of the result; the axes of "..." are counted from its end."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise Refused(f"equation {equation[:40]!r} does not have {len(ranks)} operands", AGAIN)
    if not arrow:
        letters = left.replace(",", "").replace(".", "")
        right = "..." * ("..." in left) + "".join(sorted(c for c in letters if letters.count(c) == 1))
    labels = [_labels(term, rank) for term, rank in zip(terms, ranks, strict=True)]
    hidden = max((sum(label < 0 for label in one) for one in labels), default=0)
    out = _labels(right, len(right.replace("...", "")) + hidden)
    known = {label for one in labels for label in one}
    if len(set(out)) != len(out) or any(len(set(one)) != len(one) for one in labels) or not known.issuperset(out):
        raise Refused(f"equation {equation[:40]!r} repeats or invents an axis", "use every letter once per operand")
    return labels, out


def _labels(term: str, rank: int) -> Labels:
    before, dots, after = term.partition("...")
    hidden = rank - len(before) - len(after)
    if hidden < 0 or (hidden and not dots) or not all(c.isalpha() for c in before + after):
        raise Refused(f"equation term {term[:20]!r} does not fit {rank} axes", AGAIN)
    return (*map(ord, before), *range(-hidden, 0), *map(ord, after))


def _product(
    build: Builder, call: Call, edges: tuple[Edge | Shared, Edge | Shared], labels: tuple[Labels, Labels], out: Labels
) -> Edge:
    """Both operands are brought to (…, rows, terms) and (…, terms, rows), the result to its order."""
    a, b = labels
    shared = [label for label in a if label in b and label in out]
    terms = [label for label in a if label in b and label not in out]
    rows, columns = ([label for label in one if label not in other] for one, other in ((a, b), (b, a)))
    if max(len(rows), len(columns)) > 1 or not terms or not set(rows + columns) <= set(out):
        raise Refused("is no product of attention", RELAYOUT)
    if rows and columns and out.index(columns[0]) < out.index(rows[0]):  # queries come first
        return _product(build, call, (edges[1], edges[0]), (b, a), out)
    left = _grouped(edges[0], a, [*([label] for label in shared), rows, terms])
    right = _grouped(edges[1], b, [*([label] for label in shared), terms, columns])
    made = [*shared, *rows, *columns]
    dropped = [len(shared)] * (not rows) + [len(shared) + 1] * (not columns)
    order = tuple(made.index(label) for label in out)

    def finish(layout: Layout) -> Layout:
        kept = tuple(axis for i, axis in enumerate(layout.axes) if i not in dropped)
        return Layout(kept).transposed(order)

    return attention(build, call, left, right, finish)


def _grouped(edge: Edge | Shared, labels: Labels, groups: list[list[int]]) -> Edge | Shared:
    """An axis for every group of labels."""
    axes = [[f for label in group for f in edge.layout.axes[labels.index(label)]] for group in groups]
    return replace(edge, layout=Layout(tuple(merged(axis) for axis in axes)))
