"""`accel board`: a board at work, real or simulated: load its bitstream, run samples on it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from accel.progress import Progress
from accel.verbs import BOARD

if TYPE_CHECKING:
    import numpy as np

_SLICE = 16  # samples between two signs of progress


def run(
    folder: Path | str,
    x: np.ndarray,
    *,
    port: str | None = None,
    board: str = BOARD,
    raw: bool = False,
    progress: Progress | None = None,
) -> tuple[np.ndarray, float]:
    """Samples through a board that holds the design in `folder`: (results, seconds); arguments as `boards.connect`.

    `x` and the results are real numbers in the shapes of the model's file, as of `Graph.predict`; with `raw` they are
    (samples, tokens, channels), the integers of the input and output stream. Raises UserError
    when there is no such port, the board holds another design, a decode engine, or the samples do not fit, ToolError
    when it does not answer.
    """
    import numpy as np

    import boards
    from accel.design import Design

    design = Design.load(Path(folder), ("rtl",))
    design.require_dataflow("there are no samples to run")
    tell = progress or (lambda text: None)
    tell("connecting")
    with boards.connect(design, port, board=board) as device:
        x = device.checked(x) if raw else device.quantized(x)
        y = np.empty((len(x), *device.output.shape), np.int64)
        start = time.perf_counter()
        for first in range(0, len(x), _SLICE):
            part = slice(first, min(first + _SLICE, len(x)))
            y[part] = device.raw(x[part])
            tell(f"{part.stop}/{len(x)} samples, {part.stop / (time.perf_counter() - start):.1f} per second")
        seconds = time.perf_counter() - start
        return (y if raw else device.real(y)), seconds
