"""How far the integers of an edge are at most from the real numbers that they stand for, in steps of the edge.

What the import rounds on its way from one quantizer of the file to the next is known when it is rounded; what later
operators make of it, `Op.error` bounds. A quantizer gives integers of the file: there it ends.
"""

from __future__ import annotations

LIMIT = 0.96
"""Steps by which a number may be off in front of a quantizer: its integer is then one step off at most."""


class Imprecise(Exception):
    """A quantizer would be more than LIMIT steps off: the import starts again with more precision."""
