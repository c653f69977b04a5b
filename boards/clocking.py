"""Dividers of the clock generators: the core clock that results is known exactly, as a fraction of MHz.

Limits: ECP5 PLL (Lattice FPGA-DS-02012): phase detector 10–400 MHz, VCO 400–800 MHz, dividers 1–128.
7-series PLLE2, speed grade -1 (Xilinx DS181): VCO 800–1600 MHz, multiplier 2–64, divider 1–128.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from accel.errors import UserError


@dataclass(frozen=True)
class Clock:
    """Generator settings (SystemVerilog constants by name) and the exact core clock in MHz that they make."""

    settings: dict[str, int]
    mhz: Fraction


def plan(flow: str, oscillator: Fraction, wanted_mhz: float) -> Clock:
    """The fastest core clock that does not exceed `wanted_mhz`; the flow names the clock generator.

    Raises UserError when the request is out of the generator's reach.
    """
    candidates = list({"ecp5": _ecp5, "vivado": _plle2}[flow](oscillator))
    lowest, highest = (float(pick(clock.mhz for clock in candidates)) for pick in (min, max))
    if not lowest <= wanted_mhz <= highest:
        raise UserError(f"core clock {wanted_mhz:g} MHz: this board makes {lowest:g} to {highest:g} MHz")
    wanted = Fraction(wanted_mhz).limit_denominator(1_000_000)
    return max((clock for clock in candidates if clock.mhz <= wanted), key=lambda clock: clock.mhz)


def _ecp5(oscillator: Fraction) -> Iterator[Clock]:
    """Feedback through output CLKOP (CLKFB_DIV 1), the core on CLKOS: VCO = in / CLKI_DIV · CLKOP_DIV."""
    for divide in range(1, int(oscillator / 10) + 1):
        for primary in range(1, 129):
            vco = oscillator / divide * primary
            for secondary in range(1, 129):
                if 400 <= vco <= 800 and 10 <= vco / secondary <= 400:
                    settings = {"PLL_CLKI_DIV": divide, "PLL_CLKOP_DIV": primary, "PLL_CLKOS_DIV": secondary}
                    yield Clock(settings, vco / secondary)


def _plle2(oscillator: Fraction) -> Iterator[Clock]:
    """VCO = in · MULT, core = VCO / DIVIDE."""
    for multiply in range(2, 65):
        vco = oscillator * multiply
        for divide in range(1, 129):
            if 800 <= vco <= 1600 and 10 <= vco / divide <= 400:
                settings = {"PLL_MULT": multiply, "PLL_DIVIDE": divide, "PLL_PERIOD_NS": round(1000 / oscillator)}
                yield Clock(settings, vco / divide)
