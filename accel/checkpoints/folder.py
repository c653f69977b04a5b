"""Files of a folder that nobody vouches for."""

from __future__ import annotations

from pathlib import Path

from accel.errors import UserError
from accel.spelling import printable


def inside(folder: Path, name: str) -> Path | None:
    """A file of the folder, or None. Raises UserError for a name with a folder in it and a link that leads outside.

    The cache of the package huggingface_hub is the one exception: the links of `snapshots/<commit>` lead to `blobs`
    beside it.
    """
    path = folder / name
    try:
        if name != Path(name).name or name in ("", ".", ".."):
            raise UserError(f"{folder}: names {printable(name)!r}, which is no file of the folder; it is not opened")
        if not path.is_symlink() and not path.exists():
            return None
        home, target = folder.resolve(), path.resolve()
        homes = [home, home.parent.parent / "blobs"] if home.parent.name == "snapshots" else [home]
        if not any(target.is_relative_to(place) for place in homes):
            raise UserError(f"{path}: is a link that leads out of its folder; it is not opened")
        return path if path.is_file() else None
    except (OSError, ValueError, RuntimeError):  # too long a name, a zero in it, links in a circle
        raise UserError(f"{folder}: names {printable(name)!r}, which is no file name; download it again") from None
