"""Dividers of the clock generators: the core clock that results is known exactly, as a fraction of MHz.

Limits: ECP5 PLL (Lattice FPGA-DS-02012): phase detector 10–400 MHz, VCO 400–800 MHz, dividers 1–128.
iCE40 UltraPlus PLL (Lattice FPGA-TN-02052): phase detector 10–133 MHz, VCO 533–1066 MHz, output 16–275 MHz.
Gowin rPLL (UG286; the narrower of GW1NR-9 and GW2AR-18): phase detector 3–400 MHz, VCO 500–1200 MHz, output from 4 MHz.
Gowin PLLA (GW5A, DS1103; the narrower of the speed grades): phase detector from 19 MHz, VCO 800–1300 MHz.
GateMate CC_PLL in economy mode (Cologne Chip DS1001): reference up to 50 MHz, DCO 1000–2000 MHz, core up to 312.5 MHz.
Cyclone V PLL, speed grade 7 (Intel CV-51002): phase detector 5–325 MHz, VCO 600–1400 MHz, output divider 1–512.
Zynq processors divide a PLL (1000 MHz on 7000, 1500 MHz on UltraScale+) by 6-bit numbers; Vitis takes whole MHz.
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

    settings: dict[str, int | str]
    mhz: Fraction


def plan(flow: str, oscillator: Fraction, wanted_mhz: float) -> Clock:
    """The fastest core clock that does not exceed `wanted_mhz`; the flow names the clock generator.

    Raises UserError when the request is out of the generator's reach.
    """
    candidates = list(_GENERATORS[flow](oscillator))
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
                    yield Clock(
                        {"PLL_CLKI_DIV": divide, "PLL_CLKOP_DIV": primary, "PLL_CLKOS_DIV": secondary}, vco / secondary
                    )


def _ice40(oscillator: Fraction) -> Iterator[Clock]:
    """The oscillator itself, or simple feedback: VCO = in / (DIVR + 1) · (DIVF + 1), core = VCO / 2^DIVQ."""
    yield Clock(dict.fromkeys(("PLL_DIVR", "PLL_DIVF", "PLL_DIVQ", "PLL_FILTER"), 0), oscillator)
    for divide in range(16):
        detector = oscillator / (divide + 1)
        if not 10 <= detector <= 133:
            continue
        loop_filter = next(number for number, below in _ICE40_FILTERS if detector < below)
        for multiply in range(128):
            for power in range(1, 7):
                vco = detector * (multiply + 1)
                if 533 <= vco <= 1066 and 16 <= vco / 2**power <= 275:
                    settings = {"PLL_DIVR": divide, "PLL_DIVF": multiply, "PLL_DIVQ": power, "PLL_FILTER": loop_filter}
                    yield Clock({**settings}, vco / 2**power)


_ICE40_FILTERS = ((1, 17), (2, 26), (3, 44), (4, 66), (5, 101), (6, 134))
"""FILTER_RANGE, and the phase detector's frequency in MHz below which it is the right one."""


def _gowin(oscillator: Fraction) -> Iterator[Clock]:
    """Core = in / (IDIV_SEL + 1) · (FBDIV_SEL + 1), VCO = core · ODIV_SEL."""
    for divide in range(64):
        for multiply in range(64):
            core = oscillator / (divide + 1) * (multiply + 1)
            fits = (vco for vco in (2, 4, 8, *range(16, 129, 16)) if 500 <= core * vco <= 1200)
            output = next(fits, None)
            if output and oscillator / (divide + 1) >= 3 and 4 <= core <= 400:
                settings = {"PLL_IDIV": divide, "PLL_FBDIV": multiply, "PLL_ODIV": output}
                yield Clock({**settings, "PLL_IN_MHZ": f"{float(oscillator):g}"}, core)


def _gw5a(oscillator: Fraction) -> Iterator[Clock]:
    """VCO = in / IDIV_SEL · MDIV_SEL, core = VCO / ODIV0_SEL; FBDIV_SEL stays 1."""
    for divide in range(1, 1 + int(oscillator / 19)):
        for multiply in range(2, 129):
            vco = oscillator / divide * multiply
            for output in range(1, 129):
                if 800 <= vco <= 1300 and 10 <= vco / output <= 400:
                    settings = {"PLL_IDIV": divide, "PLL_MDIV": multiply, "PLL_ODIV": output}
                    yield Clock({**settings, "PLL_IN_MHZ": f"{float(oscillator):g}"}, vco / output)


def _gatemate(oscillator: Fraction) -> Iterator[Clock]:
    """DCO = 2 · in · N, core = DCO / (4 · M) with an even M; nextpnr finds N and M for a frequency that it is told.

    It compares in steps of 0.0001 MHz, so only frequencies without further digits are made.
    """
    for multiply in range(1, 1 + int(1000 / oscillator)):
        dco = 2 * oscillator * multiply
        for divide in range(2, 129, 2):
            core = dco / (4 * divide)
            if 1000 < dco <= 2000 and 4 <= core <= 312 and (core * 10_000).denominator == 1:
                frequencies = {"PLL_IN_MHZ": oscillator, "PLL_OUT_MHZ": core}
                yield Clock({name: f"{float(mhz):.4f}" for name, mhz in frequencies.items()}, core)


def _plle2(oscillator: Fraction) -> Iterator[Clock]:
    """VCO = in · MULT, core = VCO / DIVIDE."""
    for multiply in range(2, 65):
        vco = oscillator * multiply
        for divide in range(1, 129):
            if 800 <= vco <= 1600 and 10 <= vco / divide <= 400:
                settings = {"PLL_MULT": multiply, "PLL_DIVIDE": divide, "PLL_PERIOD_NS": round(1000 / oscillator)}
                yield Clock({**settings}, vco / divide)


def _quartus(oscillator: Fraction) -> Iterator[Clock]:
    """Quartus finds the dividers for a frequency by itself: VCO = in · M, core = VCO / C has a solution for these."""
    for multiply in range(1, 1 + int(1400 / oscillator)):
        vco = oscillator * multiply
        for divide in range(1, 513):
            if vco >= 600 and 4 <= vco / divide <= 400:
                frequencies = {"PLL_IN": oscillator, "PLL_OUT": vco / divide}
                settings = {name: f"{float(mhz):.6f} MHz" for name, mhz in frequencies.items()}
                yield Clock({**settings}, vco / divide)


def _processor(source: Fraction) -> Iterator[Clock]:
    """Core = PLL / divider, the second divider is 1."""
    for divide in range(2, 64):
        if 10 <= source / divide <= 400:
            yield Clock({}, source / divide)


def _vitis(_: Fraction) -> Iterator[Clock]:
    return (Clock({}, Fraction(mhz)) for mhz in range(50, 501))


_GENERATORS = {
    "ecp5": _ecp5,
    "ice40": _ice40,
    "gowin": _gowin,
    "gw5a": _gw5a,
    "gatemate": _gatemate,
    "quartus": _quartus,
    "vivado": _plle2,
    "vitis": _vitis,
    "zynq": _processor,
}
