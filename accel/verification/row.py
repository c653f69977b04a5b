"""One layer at one level: the line of a comparison."""

from __future__ import annotations

from dataclasses import dataclass

from accel.verification.difference import Difference


@dataclass(frozen=True)
class Row:
    """One layer (an edge of the graph) at one level, over all samples that the level took.

    `mismatches` counts the samples, out of `samples`, with any wrong element; `index` (sample, token, channel) is the
    first of these elements, with what was `expected` and `got`. Values lie in `least`..`most`, the graph declares
    `lo`..`hi`. `below` and `above` count the values that the layer's clip changed: of the `values` elements of all
    samples, those whose definition without the clip, on the level's own inputs of the layer, is below or above the
    bounds of its operator (a ReLU's is 0). None where the layer has no clip, or the level does not show its inputs.
    """

    level: str
    layer: str
    kind: str
    samples: int
    mismatches: int
    index: tuple[int, ...] | None
    expected: int | None
    got: int | None
    least: int
    most: int
    lo: int
    hi: int
    below: int | None
    above: int | None
    values: int

    @property
    def difference(self) -> Difference | None:
        """Describe the first difference as other comparisons of levels do; None when all is equal."""
        if self.index is None or self.expected is None or self.got is None:
            return None
        return Difference(self.level, self.layer, self.index, self.expected, self.got, self.mismatches, self.samples)
