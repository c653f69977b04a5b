"""Samples in files and as bytes, for the programs in a folder `driver`: numpy is enough."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent


def described() -> dict[str, Any]:
    """The design as its build described it."""
    found: dict[str, Any] = json.loads((HERE / "design.json").read_text(encoding="utf-8"))
    return found


def words(arguments: list[str], usage: str | None, image: str) -> tuple[Path, Path, Path]:
    """Samples, results and the image of the command line; ends with a sentence when one is missing."""
    if len(arguments) not in (2, 3):
        raise SystemExit(usage)
    found = Path(arguments[2]) if len(arguments) == 3 else HERE / image
    if not found.exists():
        raise SystemExit(
            f"{found} is missing: copy {image} of the build beside driver.py, or name it as third argument"
        )
    return Path(arguments[0]), Path(arguments[1]), found


def stream_bytes(stream: dict[str, int]) -> int:
    """Bytes of one sample."""
    return int(stream["elements"]) * int(stream["bytes"])


def pack(samples: np.ndarray, stream: dict[str, int]) -> np.ndarray:
    """Integers (samples, elements) → bytes, the lowest first."""
    wide = np.ascontiguousarray(samples.astype("<i8")).view(np.uint8).reshape(-1, 8)
    return np.ascontiguousarray(wide[:, : stream["bytes"]]).reshape(-1)


def unpack(data: np.ndarray, stream: dict[str, int]) -> np.ndarray:
    """Bytes → integers (samples, elements)."""
    raw = data.reshape(-1, stream["bytes"])
    fill = np.where(raw[:, -1:] >= 128, 0xFF, 0) if stream["signed"] else np.zeros((len(raw), 1))
    wide = np.concatenate([raw, np.repeat(fill, 8 - stream["bytes"], axis=1)], axis=1).astype(np.uint8)
    return np.ascontiguousarray(wide).view("<i8").astype(np.int64).reshape(-1, stream["elements"])


def checked(samples: np.ndarray, stream: dict[str, int]) -> np.ndarray:
    """Samples as rows of integers; ends with a sentence when they cannot be the design's."""
    rows = samples.reshape(len(samples), -1) if samples.ndim > 1 else samples.reshape(1, -1)
    if rows.shape[1] != stream["elements"] or (rows != np.rint(rows)).any():
        raise SystemExit(f"a sample has {stream['elements']} integers, got {rows.shape[1]} numbers")
    if rows.size and not stream["lo"] <= rows.min() <= rows.max() <= stream["hi"]:
        raise SystemExit(f"samples have values from {stream['lo']} to {stream['hi']}, got {rows.min()} to {rows.max()}")
    return rows.astype(np.int64)


def read(source: Path, stream: dict[str, int]) -> np.ndarray:
    """Samples of a text or .npy file as rows of integers."""
    return checked(np.load(source) if source.suffix == ".npy" else np.loadtxt(source, ndmin=2), stream)


def write(target: Path, results: np.ndarray) -> None:
    """Results as text, or as .npy."""
    if target.suffix == ".npy":
        np.save(target, results)
    else:
        np.savetxt(target, results, fmt="%d")
