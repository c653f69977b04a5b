"""A program as text, `program.json`: sizes, tables and tape by what they hold, then one instruction per line.

Two programs can be read and compared line by line. Fields that have their usual value are left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from enum import IntEnum

import numpy as np

from accel.engine.isa import EngineProgram, Epilogue, Instruction, Opcode

TAPE = "weights", "factors", "multipliers", "biases"


def text(program: EngineProgram) -> str:
    """The program as JSON that ends with a line."""
    sizes = asdict(program.sizes)
    limits = sizes.pop("limits")
    tape = {name: part for name in TAPE if (part := getattr(program.tape, name)) is not None}
    heads = {
        "network": json.dumps(program.network.graph.name),
        "sizes": json.dumps(sizes),
        "tables": _lines(f"{json.dumps(name)}: {_contents(array)}" for name, array in program.tables.items()),
        "tape": _lines(f"{json.dumps(name)}: {_contents(array)}" for name, array in tape.items()),
        **({"noise": _contents(program.noise.words << program.noise.up)} if program.noise else {}),
        "instructions": _lines((_told(each, limits) for each in program.instructions), "[]"),
    }
    return _lines(f"{json.dumps(name)}: {value}" for name, value in heads.items()) + "\n"


def _lines(parts: Iterable[str], ends: str = "{}") -> str:
    """Parts of an object or a list, one per line."""
    return ends[0] + "\n" + ",\n".join(parts) + "\n" + ends[1]


def _contents(array: np.ndarray) -> str:
    """Shape, range and SHA-256 of integers."""
    digest = hashlib.sha256(np.ascontiguousarray(array, dtype="<i8").tobytes()).hexdigest()
    ends = [int(array.min(initial=0)), int(array.max(initial=0))]
    return json.dumps({"shape": list(array.shape), "range": ends, "sha256": digest})


def _told(instruction: Instruction, limits: list[tuple[int, int]]) -> str:
    """One instruction: names in place of numbers, what is usual left out."""
    found: dict[str, object] = {}
    for one in fields(instruction):
        value = getattr(instruction, one.name)
        if one.name in ROUNDED:
            found |= {one.name: limits[value]} if ROUNDED[one.name](instruction) else {}
        elif one.name == "op" or value != one.default:
            found[one.name] = value.name if isinstance(value, IntEnum) else value
    return json.dumps(found)


def _rounds_twice(instruction: Instruction) -> bool:
    """Is there a rounding behind a turn, a gate, or a sum with the residual stream?"""
    added = instruction.epilogue is Epilogue.RESIDUAL and not instruction.aligned
    is_gate = instruction.epilogue is Epilogue.GATE
    return instruction.op is Opcode.MATRIX and (instruction.turned or is_gate or added)


ROUNDED: dict[str, Callable[[Instruction], bool]] = {
    "limits": lambda instruction: instruction.op is not Opcode.END,
    "late_limits": _rounds_twice,
}
"""Fields of an instruction that are places in `Sizes.limits`, and whether it has such a rounding: the text has the
lowest and the highest number instead."""
