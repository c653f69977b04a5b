"""Implementations of a graph as levels that are compared with `==`, and the first place where two differ."""

from __future__ import annotations

from accel.lazy import lazy

HOMES = {
    "Level": "accel.verification.levels",
    "Outcome": "accel.verification.levels",
    "verify": "accel.verification.levels",
    "verify_all": "accel.verification.levels",
    "Comparison": "accel.verification.comparison",
    "compare_levels": "accel.verification.comparison",
    "Row": "accel.verification.row",
    "Difference": "accel.verification.difference",
}

__all__ = [*HOMES]
__getattr__ = lazy(__name__, HOMES)
