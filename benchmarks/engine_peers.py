"""Other microGPTs on FPGAs: clock cycles of one token, as Verilator counted them from `start` to `done` of their cores.

The counts are recorded here, since the sources are their authors': each core ran 16 positions one after the other on
the commit named, with the tokens that its own test bench expects. A later position attends to more keys.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from figures import markdown

VERILATOR = "5.048"


class Core(NamedTuple):
    """A core: cycles of positions 0 and 15, the greedy ones; what its authors publish of speed; its source."""

    name: str
    first: int
    last: int
    clock_mhz: float
    published: int
    """Tokens per second on their board."""
    note: str
    source: str

    @property
    def row(self) -> dict[str, Any]:
        mean = (self.first + self.last) / 2
        return {
            "name": self.name,
            "cycles": [self.first, self.last],
            "clock_mhz": self.clock_mhz,
            "tokens_per_s": round(self.clock_mhz * 1e6 / mean),
            "published_tokens_per_s": self.published,
            "note": self.note,
            "source": self.source,
        }


CORES = (
    Core(
        "TALOS-V2, greedy", 753, 1053, 56.25, 53_000, "the same 4,192 parameters, Q4.12; 20 cycles more a position",
        "github.com/Luthiraa/TALOS-V2 at 86d346e, Apache-2.0",
    ),
    Core(
        "TALOS-V2, sampling", 867, 1167, 56.25, 53_000, "the same with its sampler of 114 cycles",
        "github.com/Luthiraa/TALOS-V2 at 86d346e, Apache-2.0",
    ),
    Core(
        "gateGPT, greedy", 1158, 1938, 80.0, 60_600, "24 channels, 8,664 parameters, Q5.11; 52 cycles more a position",
        "github.com/fguzman82/gateGPT at 4a1cd6c",
    ),
)  # fmt: skip


def rows() -> list[dict[str, Any]]:
    return [core.row for core in CORES]


def table(found: list[dict[str, Any]]) -> str:
    """Markdown."""
    heads = "core", "cycles, position 0 to 15", "MHz", "tokens/s in the mean", "published", ""
    rows = (
        (
            row["name"], f"{row['cycles'][0]:,} to {row['cycles'][1]:,}", row["clock_mhz"], f"{row['tokens_per_s']:,}",
            f"{row['published_tokens_per_s']:,}", row["note"],
        )
        for row in found
    )  # fmt: skip
    sources = ", ".join(dict.fromkeys(row["source"] for row in found))
    return markdown(heads, rows) + f"\n\nSources: {sources}; Verilator {VERILATOR}."
