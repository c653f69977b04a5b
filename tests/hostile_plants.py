"""Faults to plant into accel, in a sandbox: what `hostile_files` has to notice."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from accel.onnx_import import handlers
from accel.onnx_import.builder import Builder
from accel.onnx_import.values import Call, Constant, Edge, Value


def _before_refusing(act: Callable[[], object]) -> None:
    """Every MatMul acts before it is imported."""
    original = handlers.HANDLERS["", "MatMul"]

    def handler(build: Builder, call: Call) -> Value:
        act()
        return original(build, call)

    handlers.HANDLERS["", "MatMul"] = handler


def traceback() -> None:
    def act() -> None:
        raise AssertionError("planted")

    _before_refusing(act)


def busy() -> None:
    def act() -> None:
        while True:
            pass

    _before_refusing(act)


def asleep() -> None:
    _before_refusing(lambda: time.sleep(1000))


def greedy() -> None:
    hoard: list[bytearray] = []

    def act() -> None:
        while True:
            hoard.append(bytearray(os.urandom(1 << 20)) * 64)

    _before_refusing(act)


def killed() -> None:
    _before_refusing(os.abort)


def escape() -> None:
    _before_refusing(lambda: Path("../../escaped").write_text("x"))


def leftover() -> None:
    _before_refusing(lambda: Path("half").write_text("x"))


def overwrite() -> None:
    _before_refusing(lambda: Path("model.onnx").write_bytes(b"other"))


def program() -> None:
    _before_refusing(lambda: os.system("true"))


def chatter() -> None:
    _before_refusing(lambda: print("debug", flush=True))


def lenient() -> None:
    """Takes a scale of NaN for 1."""
    import numpy as np

    from accel.onnx_import import quantizers

    original = quantizers.scale_of
    quantizers.scale_of = lambda value: np.nan_to_num(value.value, nan=1.0) if _is_nan(value) else original(value)


def wrong() -> None:
    """Imports another multiplication than the file's."""
    from accel.onnx_import import linear

    original = linear._linear

    def changed(build: Builder, call: Call, x: Edge, weight: Constant, left: bool) -> Edge:
        return original(build, call, x, Constant(-weight.value, weight.step), left)

    linear._linear = changed


def _is_nan(value: object) -> bool:
    import numpy as np

    array = getattr(value, "value", None)
    return array is not None and bool(np.isnan(array).any())
