"""Pinned packages install with every Python that accel names, down to the first release of it."""

from __future__ import annotations

import tomllib
from importlib.metadata import distributions
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).parents[2]


def test_pins_take_the_oldest_python() -> None:
    """Debian 12 has Python 3.11.2; a pin that wanted 3.11.5 kept users of it out."""
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    oldest = Version(named.removeprefix(">=") + ".0")
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines}
    wanted = {each.name.lower().replace("_", "-"): each.metadata["Requires-Python"] for each in distributions()}
    found = {name: wanted[name] for name in pinned & set(wanted) if wanted[name]}
    assert len(found) > len(pinned) / 2
    assert not {name: asks for name, asks in found.items() if not SpecifierSet(asks).contains(oldest)}
