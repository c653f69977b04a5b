"""Bitstreams of engines and their serial shells with open tools: what they take, and the clock that is guaranteed.

Engines are as large as `accel lower` makes them for the board; what is in build/bitstreams goes onto the board with
`accel board program`. stories260K is left out where it was not downloaded.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import engine_models
from engine_models import checkpoint_files
from figures import markdown

import accel
import boards
from accel.verbs.engine import lowering
from accel.verbs.engine.loading import CausalModel
from accel.verbs.engine.making import Wanted

BUILD = Path("build") / "bitstreams"
STORIES = "stories260K"


class Bitstream(NamedTuple):
    """A model on a board. `context` shortens its sequences where keys and values would not fit.

    `clock_mhz` is for an engine that does not reach the board's own clock.
    """

    model: str
    board: str
    context: int | None = None
    clock_mhz: float | None = None


BITSTREAMS = (
    Bitstream("microGPT", "ulx3s-85f"),
    Bitstream("microGPT", "ulx3s-25f"),
    Bitstream(STORIES, "ulx3s-85f", 256, clock_mhz=50),
)


def rows() -> list[dict[str, Any]]:
    """A row per bitstream."""
    found = []
    for wanted in BITSTREAMS:
        if wanted.model == STORIES and not checkpoint_files.stories_path().is_file():
            print(f"{STORIES} is left out: {checkpoint_files.without_stories()}", flush=True)
            continue
        found.append(built(wanted))
        print(found[-1], flush=True)
    return found


def built(wanted: Bitstream) -> dict[str, Any]:
    """The figures of a bitstream."""
    board, name = boards.get(wanted.board), f"{wanted.model}-{wanted.board}"
    design, out = BUILD / f"{name}-design", BUILD / name
    for folder in (design, out):
        shutil.rmtree(folder, ignore_errors=True)
    made = lowered(wanted, design)
    result = accel.bitstream(design, wanted.board, out, clock_mhz=wanted.clock_mhz)
    assert result is not None, "open tools are installed"
    sizes = made.program.sizes
    return {
        "model": wanted.model, "board": wanted.board, "pe": sizes.pe, "simd": sizes.simd, "context": sizes.context,
        "cycles_first": made.cycles(0), "cycles_last": made.cycles(made.last), "clock_mhz": result.clock_mhz,
        "fmax_mhz": round(result.fmax_mhz, 1), "used": result.resources.to_json(),
        "available": board.capacity.to_json(), "seconds": round(sum(result.seconds.values())),
    }  # fmt: skip


def lowered(wanted: Bitstream, out: Path) -> lowering.LoweredEngine:
    """The engine in a folder."""
    if wanted.model == STORIES:
        return accel.lower_engine(checkpoint_files.stories_path(), out, board=wanted.board, context=wanted.context)
    return lowering.lower(CausalModel(engine_models.MODELS[wanted.model].graph()), out, Wanted(), board=wanted.board)


def table(found: list[dict[str, Any]]) -> str:
    """Markdown."""
    heads = (
        "model", "board", "array", "context", "cycles", "clock (Fmax), MHz", "LUT4", "FF", "block RAM", "DSP", "build",
    )  # fmt: skip
    return markdown(heads, map(_cells, found))


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    share = [f"{row['used'][key]:,} of {row['available'][key]:,}" for key in row["used"]]
    return (
        row["model"], row["board"], f"{row['pe']} x {row['simd']}", row["context"],
        f"{row['cycles_first']:,} to {row['cycles_last']:,}", f"{row['clock_mhz']:g} ({row['fmax_mhz']})", *share,
        f"{row['seconds']} s",
    )  # fmt: skip
