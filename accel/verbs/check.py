"""`accel check`: does every level give the same integers for a model file?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from accel.progress import Progress
from accel.verbs import BOARD
from accel.verbs.inputs import load_samples, require_streams

if TYPE_CHECKING:
    from accel.graph import Graph
    from accel.onnx_import import Deviation, ScaleRounding
    from accel.onnx_import.entry import Given
    from accel.verification.levels import Outcome

LEVELS = ("qonnx", "reference", "csim", "rtl", "rtl_stalled", "board")
SEVERAL = frozenset({"qonnx", "reference", "rtl", "rtl_stalled"})
"""Levels that take several inputs and give several outputs: all but those of HLS projects and boards."""
ON_REQUEST = ("netlist",)
"""Levels that take minutes: run when they are asked for by name."""


@dataclass(frozen=True)
class Checked:
    """Results of a model file at every level, in order.

    `deviations` is empty for an exact file, which is a level itself; of any other it says how far each operator of
    the graph is from the file. `rounding` is what powers of two for its scales change, where they are asked for.
    """

    graph: Graph
    outcomes: tuple[Outcome, ...]
    deviations: tuple[Deviation, ...] = ()
    ending: tuple[str, ...] = ()  # operators at the end of the file that stay with the host
    rounding: ScaleRounding | None = None

    @property
    def worst(self) -> Deviation | None:
        """The operator that is farthest from the file; None for an exact file."""
        return max(self.deviations, key=lambda found: found.max_lsb, default=None)

    @property
    def mismatches(self) -> int:
        """Over all levels."""
        return sum(outcome.mismatches for outcome in self.outcomes)


def check(
    model: Path | str,
    data: Path | str | None = None,
    samples: int = 64,
    *,
    levels: Sequence[str] = LEVELS,
    board: str = BOARD,
    device: str = "cpu",
    seed: int = 0,
    input_scale: Given[float] = None,
    input_bits: Given[int | str] = None,
    po2_scales: bool = False,
    progress: Progress | None = None,
) -> Checked:
    """Run `levels` on a QONNX file and compare them.

    The reference has to give the integers that qonnx gives, and all other levels those of the reference. If the file
    means real numbers, it has no integers to compare with: the level "qonnx" then measures deviations instead.

    `po2_scales` rounds the scales of the file before anything else, and also measures how far this moves the network's
    outputs. `data`, `samples` and `seed` are explained in `accel.verbs.inputs.load_samples`, `input_scale` and
    `input_bits` in `accel.onnx_import.read`. Raises UserError when the file or the board cannot be used.
    """
    from accel import onnx_import
    from accel.arrays import head
    from accel.verbs.level_table import Subject, in_turn
    from accel.verbs.levels import QONNX_LIMIT
    from accel.verification.levels import verify_all

    read = partial(onnx_import.read, model, input_scale=input_scale, input_bits=input_bits)
    imported = read(po2_scales=po2_scales)
    progress = progress or (lambda text: None)
    graph = imported.graph
    deviations: tuple[Deviation, ...] = ()
    if not SEVERAL.issuperset(levels):
        require_streams(
            graph,
            "check it with --levels qonnx,reference,rtl,rtl_stalled, or export the part that you build; in Python, "
            "accel.cut.cut(graph, …) cuts a part out",
        )
    x = load_samples(graph, data, samples, seed)
    if "qonnx" in levels and not imported.is_exact:
        progress("deviations from the file")
        levels = [name for name in levels if name != "qonnx"]
        deviations = onnx_import.deviations(imported, head(x, QONNX_LIMIT))
    rounding = None
    if po2_scales:
        progress("deviation by rounded scales")
        rounding = onnx_import.rounding(imported, read(), head(x, QONNX_LIMIT))
    chosen = [name for name in (*LEVELS, *ON_REQUEST) if name in levels]
    subject = Subject(graph, imported, board, device, seed)
    outcomes = tuple(verify_all(graph, in_turn(subject, chosen, progress), x))
    return Checked(graph, outcomes, deviations, imported.ending, rounding)
