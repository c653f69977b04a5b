"""The packages hls, models and boards have common names: a clear error when a folder of the user hides one."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import accel
from accel.errors import UserError

PACKAGES = ("hls", "models", "boards")


def require_own_packages() -> None:
    """Raise UserError when `hls`, `models` or `boards` is not the package that was installed with this one."""
    for package in PACKAGES:
        spec = find_spec(package)
        found = Path(spec.origin) if spec and spec.origin else None
        ours = Path(accel.__file__).parent.parent / package / "__init__.py"
        if found is None:
            raise UserError(f"the package {package!r} of accel-fpga is missing: install accel-fpga again")
        if found.resolve() != ours.resolve():
            raise UserError(f"{found} hides the package {package!r} of accel-fpga: rename it, or run from elsewhere")
