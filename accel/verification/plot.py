"""The figure of a comparison: the layers that differ at each level, and the share of its range that a layer uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from accel.verification.row import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WRONG, USED, DECLARED = "#d55e00", "#0072b2", "#dcdcdc"
"""Vermilion and blue of Okabe and Ito, which readers with any colour vision can tell apart, and grey."""
LONGEST = 36
"""Characters of a layer's name that are shown: the last ones say most."""


def figure(model: str, levels: tuple[str, ...], layers: dict[str, dict[str, Row]]) -> Figure:
    """Layers from top to bottom; left the share of samples that differ, right the values in their declared range."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(7 + 0.9 * len(levels), 1.8 + 0.24 * len(layers)), layout="constrained")
    made.suptitle(f"{model}: levels by layer")
    left, right = made.subplots(1, 2, sharey=True, width_ratios=[0.55 * len(levels) + 0.3, 4])
    left.set_yticks(range(len(layers)), [_short(layer) for layer in layers], fontsize=8)
    _mismatches(left, layers, levels)
    _ranges(right, [list(rows.values())[-1] for rows in layers.values()])
    return made


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else "…" + name[1 - LONGEST :]


def _mismatches(axes: Axes, layers: dict[str, dict[str, Row]], levels: tuple[str, ...]) -> None:
    """A cell per layer and level: white where equal, vermilion where samples differ, grey without values."""
    from matplotlib.colors import LinearSegmentedColormap

    shares = np.full((len(layers), len(levels)), np.nan)
    for y, rows in enumerate(layers.values()):
        for x, level in enumerate(levels):
            if level in rows:
                row = rows[level]
                shares[y, x] = row.mismatches / row.samples
                text = str(row.mismatches) if row.mismatches else "·"
                axes.text(
                    x, y, text, ha="center", va="center", fontsize=7, color="white" if shares[y, x] > 0.6 else "black"
                )
    colors = LinearSegmentedColormap.from_list("wrong", ["white", "#f6c9a8", WRONG]).with_extremes(bad="#bbbbbb")
    axes.imshow(shares, cmap=colors, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(len(levels)), levels, rotation=30, ha="right", fontsize=8)
    axes.set_xticks(np.arange(len(levels) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(layers) + 1) - 0.5, minor=True)
    axes.grid(False, which="major")  # a reader's style may draw it through the numbers
    axes.grid(which="minor", color="#cccccc", linewidth=0.5)
    axes.tick_params(which="minor", length=0)
    axes.set_title("samples that differ", fontsize=9)


def _ranges(axes: Axes, rows: list[Row]) -> None:
    """Declared range (pale) and values (dark), each layer in units of its largest declared magnitude."""
    y = np.arange(len(rows))
    unit = np.array([max(abs(row.lo), abs(row.hi), 1) for row in rows], dtype=float)
    for low, high, height, color, label in (
        ([row.lo for row in rows], [row.hi for row in rows], 0.8, DECLARED, "declared"),
        ([row.least for row in rows], [row.most for row in rows], 0.4, USED, "values"),
    ):
        start, end = np.array(low) / unit, np.array(high) / unit
        axes.barh(y, np.maximum(end - start, 0.01), height, start, color=color, label=label)
    for place, row in enumerate(rows):
        for count, x, side in ((row.below, -1.03, "right"), (row.above, 1.03, "left")):
            if count:
                axes.text(x, place, f"{count / row.values:.2%}", va="center", ha=side, fontsize=7, color=WRONG)
    axes.grid(False, axis="y")
    axes.axvline(0, color="gray", linewidth=0.6)
    axes.set_xlim(-1.35, 1.35)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", which="both", length=0, labelleft=False)
    axes.set_xlabel("share of the largest declared magnitude; at the sides, how many values a clip changed", fontsize=8)
    axes.set_title(f"values at level {rows[-1].level}", fontsize=9)
    axes.legend(frameon=False, fontsize=7, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
