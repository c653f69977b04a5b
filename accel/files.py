"""Checks on what may be read as a file: devices and pipes can be endless, or never answer."""

from __future__ import annotations

from pathlib import Path

from accel.errors import UserError


def require_ordinary(path: Path | str) -> None:
    """Raise UserError when `path` is a device, a pipe or a socket; what is missing or a folder shows on reading."""
    try:
        special = Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir())
    except (OSError, ValueError):
        return
    if special:
        raise UserError(f"cannot read {path}: it is a device or a pipe; name an ordinary file")
