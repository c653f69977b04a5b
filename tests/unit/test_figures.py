"""README's figures are those that the benchmarks recorded in benchmarks/results: who measures again corrects both."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import language_speed
import pytest

ROOT = Path(__file__).parents[2]
README = " ".join((ROOT / "README.md").read_text().split())


def recorded(name: str) -> Any:
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())


def units() -> str:
    """Look-up tables that matrix units save."""
    used = {
        (row["pe"], row["simd"], row["weights"], row["activations"], row["device"], row["variant"]): row
        for row in recorded("hardware")["area"]
    }
    saved = [
        100 - 100 * row["lut_equivalents"] / used[(*key[:-1], "plain")]["lut_equivalents"]
        for key, row in used.items()
        if key[-1] == "lut"
    ]
    return f"take {min(saved):.0f} to {max(saved):.0f} % fewer LUTs than plain `*`"


def unrolled() -> str:
    ratios = [row["ratio"] for row in recorded("hardware")["unrolled"]]
    return f"take {min(ratios):.2f} to {max(ratios):.2f} times the LUTs of da4ml's own project"


def cost_model() -> str:
    families = recorded("hardware")["cost_model"]["families"].values()
    median, worst = (max(100 * family["lut"][key] for family in families) for key in ("median_error", "worst_error"))
    assert all(family[key]["worst_error"] == 0 for family in families for key in ("bram", "dsp"))
    return f"within {math.ceil(median)} % of synthesis in the median and {worst:.0f} % at worst"


def utilization() -> str:
    digits, fashion, causal = (f"{100 * one:.1f} %" for one in recorded("hardware")["utilization"].values())
    return f"in {digits} of all cycles. The figure is {fashion} for 4 layers of 64 channels, and {causal} for a causal"


def routed() -> str:
    row = recorded("hardware")["digits"]
    return (
        f"folded for {row['interval']} cycles per image, reaches {row['fmax_mhz']:.1f} MHz after place and route "
        f"(median of three seeds). This is {round(row['inferences_per_s'], -3):,} images per second."
    )


def damaged_line() -> str:
    row = recorded("hardware")["virtual_board"]
    assert row["wrong"] == row["hangs"] == 0
    return f"was damaged {row['faults']:,} times during {row['inferences']:,} inferences"


def simulation() -> str:
    (row,) = [row for row in recorded("speed") if row["task"] == "simulation, digits, cycles/s"]
    return f"runs {round(row['ours'], -4):,.0f} cycles per second, {row['ratio']:.0f} times as many as cocotb"


def peers() -> str:
    digits = {
        row["peer_name"]: row["ratio"]
        for row in recorded("speed")
        if row["task"] == "reference, compiled, digits, samples/s" and row["batch"] == 1024
    }
    csim, file = (f"{float(f'{digits[name]:.2g}'):,.0f}" for name in ("hls4ml csim, Vitis", "qonnx"))
    return f"| the C simulation of the Vitis HLS project | {csim} | | the file in qonnx | {file} |"


def torch() -> str:
    best = {row["model"]: row["ratio"] for row in recorded("contract")["torch"] if row["batch"] == 1024}
    return f"a Xeon with AVX-512 VNNI | {best['digits']:.1f} ({best['Fashion-MNIST']:.1f}) |"


def layers() -> str:
    ratios: dict[bool, list[float]] = {True: [], False: []}
    for row in recorded("contract")["sweep"]:
        plain = row["tokens"] == 16 and row.get("bits", 4) == 4 and row["batch"] == 1024
        if plain and not row.get("causal"):
            ratios["AVX-512" in row["processor"]].append(row["ratio"])
    wide, narrow = (f"{min(ratios[key]):.1f} to {max(ratios[key]):.1f}" for key in (True, False))
    return f"any layer of 32 to 768 channels (without AVX-512) | {wide} ({narrow}) |"


@pytest.mark.parametrize(
    "sentence",
    [units, unrolled, cost_model, utilization, routed, damaged_line, simulation, peers, torch, layers],
    ids=lambda sentence: sentence.__name__,
)
def test_readme_says_what_was_measured(sentence: Callable[[], str]) -> None:
    assert sentence() in README


def test_efficiency() -> None:
    """The first two columns of README's table of recipes."""
    found = recorded("efficiency")
    rows = {row["recipe"]: row for row in found["rows"] if row["model"] == "digits"}
    base = rows["W4A8"]

    def accuracy(*names: str) -> str:
        means, spreads = ([100 * rows[name][key] for name in names] for key in ("accuracy_mean", "accuracy_spread"))
        return " / ".join(f"{mean:.1f} ± {spread:.1f}" for mean, spread in zip(means, spreads, strict=True)) + " %"

    def less(name: str, key: str) -> str:
        return f"{100 - 100 * rows[name][key] / base[key]:.0f}"

    faster = {name: f"{ratio:.2f}" for name, ratio in found["equal_multipliers"].items()}
    halves = ("half-of-the-neurons", "half-of-neurons-and-heads")
    for line in (
        f"| W4A8, the base | {accuracy('W4A8')} | {base['cycles']:,} cycles, {base['lut']:,} LUTs, "
        f"{base['weight_bits'] / 1000:.0f} kbit of weights |",
        f"| W4A4 | {accuracy('W4A4')} | {less('W4A4', 'lut')} % fewer LUTs |",
        f"| W2A8 / binary | {accuracy('W2A8', 'binary')} | {less('W2A8', 'weight_bits')} / "
        f"{less('binary', 'weight_bits')} % fewer weight bits |",
        f"| 2:4 | {accuracy('2:4')} | {rows['2:4']['cycles']:,} cycles; at equal multipliers, {faster['2:4']} times",
        f"| half-of-the-neurons / half-of-neurons-and-heads | {accuracy(*halves)} | at equal multipliers, "
        f"{faster[halves[0]]} / {faster[halves[1]]} times fewer cycles |",
        f"| BatchNorm-folded | {accuracy('BatchNorm-folded')} | {less('BatchNorm-folded', 'lut')} % fewer LUTs |",
        f"| one-key-head | {accuracy('one-key-head')} | {rows['one-key-head']['cycles']:,} cycles |",
        f"The float network reaches {100 * base['float_accuracy']:.1f} %.",
    ):
        assert line in README, line


def test_rows_of_a_speed_replace_those_of_the_same_case() -> None:
    """A row of no position is of an earlier form, and has no place in the table."""
    case = {"recipe": "A", "threads": 1, "position": 64, "ours": 2.0, "peer": 1.0, "ratio": 2.0}
    old: list[language_speed.Row] = [{"recipe": "A", "threads": 1}, case, case | {"threads": 2}]
    rows = language_speed.joined(old, [case | {"ours": 3.0, "ratio": 3.0}])
    assert [(row["threads"], row["ours"]) for row in rows] == [(1, 3.0), (2, 2.0)]
    assert "| A | 1 | 64 | decode, behind | 3.0 | 1.0 | 3.00 |" in language_speed.table({"decode": rows, "prefill": []})
