"""Recorded models keep their integers, cycles and texts; `python tests/recorded.py` says what the record holds."""

from __future__ import annotations

import numpy as np
import pytest
import recorded

from accel.constants import Constant

MODELS = recorded.models()


@pytest.mark.parametrize("name", MODELS)
def test_a_recorded_model_is_what_it_was(name: str) -> None:
    found = recorded.differences(name, recorded.facts(MODELS[name]()))
    assert not found, "\n".join([*found, "if that is meant: python tests/recorded.py --record"])


@pytest.mark.parametrize("name", recorded.PROJECTS)
def test_a_recorded_project_has_the_same_sources(name: str) -> None:
    found = recorded.differences(name, recorded.project_facts(MODELS[name]()))
    assert not found, "\n".join([*found, "if that is meant: python tests/recorded.py --record"])


def test_every_model_is_on_record() -> None:
    known = recorded.record()
    assert list(known) == list(MODELS)
    assert {name for name, facts in known.items() if "hls" in facts} == set(recorded.PROJECTS)


def test_a_difference_is_named() -> None:
    """Another bias changes integers and text, and neither the schedule nor the cycles."""
    model = MODELS["encoder small"]()
    embed = next(node.op for node in model.graph if node.op.kind == "dense")
    bias = np.array(embed.bias)
    bias[0] += 1
    object.__setattr__(embed, "bias", Constant(bias))
    kinds = {line.split(": ")[1] for line in recorded.differences("encoder small", recorded.facts(model))}
    assert kinds == {"integers", "text"}
