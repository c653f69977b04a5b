"""What boards are: names, aliases, pins, clocks and devices."""

from dataclasses import replace
from fractions import Fraction
from importlib import import_module

import pytest

import boards
from accel.errors import ToolError, UserError
from accel.spelling import plain
from accel.target import TARGETS
from boards import clocking, flows, shell
from boards.board import Pinout
from boards.pins import pinout

ALL = [boards.get(name) for name in boards.names()]
SERIAL = [board for board in ALL if board.pins]
ULX3S = boards.get("ulx3s-85f")


def vco_of(flow, oscillator, made):
    """The generator's oscillator and its limits; None where none runs. All from the vendors' data sheets."""
    if flow == "ecp5":
        assert oscillator / made["PLL_CLKI_DIV"] >= 10
        return oscillator / made["PLL_CLKI_DIV"] * made["PLL_CLKOP_DIV"], made["PLL_CLKOS_DIV"], 400, 800
    if flow == "vivado":
        return oscillator * made["PLL_MULT"], made["PLL_DIVIDE"], 800, 1600
    if flow == "gowin":
        assert oscillator / (made["PLL_IDIV"] + 1) >= 3
        core = oscillator * (made["PLL_FBDIV"] + 1) / (made["PLL_IDIV"] + 1)
        return core * made["PLL_ODIV"], made["PLL_ODIV"], 500, 1200
    if flow == "gw5a":
        assert oscillator / made["PLL_IDIV"] >= 19
        return oscillator / made["PLL_IDIV"] * made["PLL_MDIV"], made["PLL_ODIV"], 800, 1300
    if flow == "gatemate":  # economy: DCO = 2 · in · N, core = DCO / (4 · M); M is even
        core = Fraction(made["PLL_OUT_MHZ"])
        return next((4 * core * m, 4 * m, 1000, 2000) for m in range(2, 129, 2)
                    if 1000 < 4 * core * m <= 2000 and (4 * core * m / (2 * oscillator)).denominator == 1)  # fmt: skip
    if flow == "quartus":
        core = Fraction(made["PLL_OUT"].removesuffix(" MHz"))
        ratios = (Fraction(m, c) for m in range(12, 29) for c in range(1, 513) if abs(oscillator * m / c - core) < 1e-5)
        ratio = next(ratios)
        return oscillator * ratio.numerator * (k := -(-12 // ratio.numerator)), ratio.denominator * k, 600, 1400
    if made["PLL_DIVQ"] == 0:
        return None
    return oscillator / (made["PLL_DIVR"] + 1) * (made["PLL_DIVF"] + 1), 2 ** made["PLL_DIVQ"], 533, 1066


ONE_PER_FLOW = list({board.flow: board for board in SERIAL}.values())


@pytest.mark.parametrize("wanted", [12, 18, 27, 33.3, 48, 60, 61.3, 66.67, 80, 100, 133.33])
@pytest.mark.parametrize("board", ONE_PER_FLOW, ids=lambda board: board.name)
def test_the_clock_is_exact_and_within_the_generators_limits(board, wanted):
    oscillator = pinout(board).oscillator_mhz
    clock = clocking.plan(board.flow, oscillator, wanted)
    found = vco_of(board.flow, oscillator, clock.settings)
    if found is None:
        assert clock.mhz == oscillator
    else:
        vco, divide, lowest, highest = found
        assert lowest <= vco <= highest
        assert clock.mhz == vco / divide
    assert Fraction(85, 100) * Fraction(wanted) <= clock.mhz <= Fraction(wanted)


@pytest.mark.parametrize("board", SERIAL, ids=lambda board: board.name)
def test_the_default_clock_can_be_made_and_makes_the_baud_rate(board):
    clock = clocking.plan(board.flow, pinout(board).oscillator_mhz, board.clock_mhz)
    assert clock.mhz == Fraction(board.clock_mhz)
    assert shell.Timing.of(board, clock.mhz).clocks_per_bit >= 8


@pytest.mark.parametrize("wanted", [1, 401, float("nan"), -5])
def test_a_clock_out_of_reach_is_refused(wanted):
    with pytest.raises(UserError, match=r"core clock .* MHz: this board makes 10 to 400 MHz"):
        clocking.plan("ecp5", Fraction(25), wanted)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("ULX3S_85F", "ulx3s-85f"),
        ("ulx3s", "ulx3s-85f"),
        ("ulx3s 25f", "ulx3s-25f"),
        ("iCEBreaker", "icebreaker"),
        ("tangnano9k", "tang-nano-9k"),
        ("Tang_Nano_20K", "tang-nano-20k"),
        ("arty", "arty-a7-100t"),
        ("ArtyA7", "arty-a7-100t"),
        ("Tang Primer 25k", "tang-primer-25k"),
        ("Basys-3", "basys3"),
    ],
)
def test_boards_are_found_as_people_write_them(written, name):
    assert boards.get(written).name == name


def test_no_two_boards_share_a_name():
    spoken = [plain(name) for board in ALL for name in (board.name, *board.aliases)]
    assert len(spoken) == len(set(spoken))


def test_an_unknown_board_is_answered_with_the_nearest():
    with pytest.raises(
        UserError, match=r"unknown board 'ulxs3-85f' \(did you mean ulx3s-85f\?\); there are ulx3s-85f, "
    ):
        boards.get("ulxs3-85f")


@pytest.mark.parametrize("wanted", ["ulx3s-86f", "tangnano4k", "basys2", "arty-a7-50t", "zcu102", "de0-nano", "zzzqqq"])
def test_another_device_is_no_suggestion(wanted):
    with pytest.raises(UserError, match=rf"unknown board '{wanted}'; there are ulx3s-85f, "):
        boards.get(wanted)


@pytest.mark.parametrize("board", ALL, ids=lambda board: board.name)
def test_a_board_names_a_flow_and_a_target(board):
    assert board.target in TARGETS
    assert flows.get(board.flow).bitstream
    has_multipliers = TARGETS[board.target].dsp is not None
    assert min(board.capacity.lut, board.capacity.ff, board.capacity.bram) > 0
    assert (board.capacity.dsp > 0) == has_multipliers


@pytest.mark.parametrize("board", SERIAL, ids=lambda board: board.name)
def test_every_board_is_of_the_part_that_amaranth_boards_names(board):
    if isinstance(board.pins, Pinout):
        return
    module, name = board.pins.platform
    platform = getattr(import_module(module), name)
    named = (platform.part,) if hasattr(platform, "part") else (platform.device, platform.package)
    if board.name not in {"ulx3s-12f", "ulx3s-25f", "ulx3s-45f"}:  # they have the 85F's pins
        assert all(str(part).lower() in board.part.lower() for part in named)


def test_pins_come_from_amaranth_boards():
    ports = pinout(ULX3S).ports
    assert {port: pin.site for port, pin in ports.items()} == {
        "clk_pin": "G2",
        "reset_pin": "R1",
        "rx_pin": "M1",
        "tx_pin": "L4",
        "led_pin": "B2",
        "high0_pin": "L2",
    }
    assert ("PULLMODE", "DOWN") in ports["reset_pin"].attributes
    assert pinout(boards.get("arty")).ports["reset_pin"].inverted
    with pytest.raises(ToolError, match="has no resource laser 0"):
        pinout(replace(ULX3S, pins=replace(ULX3S.pins, led=("laser", 0))))
