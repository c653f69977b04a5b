"""The closed set of operators. One explicit table; everything is imported on first use."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from accel.op import Op

#: kind → class name; the class lives in `accel.ops.<kind>.op`.
OPERATORS: dict[str, str] = {
    "dense": "Dense",
    "matmul": "MatMul",
    "add": "Add",
    "mul": "Mul",
    "rescale": "Rescale",
    "lookup": "Lookup",
    "softmax": "Softmax",
    "exponential": "Exponential",
    "divide": "Divide",
    "norm": "Norm",
    "blockfloat": "BlockFloat",
    "position": "Position",
    "rotary": "Rotary",
    "pool": "Pool",
    "window": "Window",
    "embedding": "Embedding",
}


def operator(kind: str) -> type[Op]:
    """The operator class of a kind. Raises KeyError for a kind that is not in the table."""
    class_name = OPERATORS[kind]
    found: type[Op] = getattr(import_module(f"accel.ops.{kind}.op"), class_name)
    return found


def folder(kind: str) -> Path:
    """Folder that holds an operator's definition and its HLS and SystemVerilog sources."""
    (place,) = import_module(f"accel.ops.{kind}").__path__
    return Path(place)


def __getattr__(name: str) -> type[Op]:
    for kind, class_name in OPERATORS.items():
        if class_name == name:
            return operator(kind)
    raise AttributeError(f"accel.ops has no operator {name!r}; there are {', '.join(OPERATORS.values())}")
