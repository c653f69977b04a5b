"""Engines of random graphs and sizes: every logit is the reference's, every token takes the predicted cycles."""

from __future__ import annotations

import pytest
import random_engines


@pytest.mark.parametrize("seed", [7, 2, 3, 13, 24, 25])
def test_logits_and_cycles(seed: int) -> None:
    """Seed 7 has norms whose exponents are all below 0: only with them is a shift within the range of the rounding.

    In seed 25 the multipliers of what a gate opens are raised to the shift of the gate's.
    """
    engine = random_engines.drawn(seed)
    found = random_engines.judged(
        engine.program(), random_engines.sequences(engine, seed), dsp=random_engines.multipliers(seed)
    )
    assert not found.wrong, f"{found.wrong} of {found.logits} logits"
    assert found.cycles == found.predicted
