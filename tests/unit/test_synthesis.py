"""Cells of a netlist as resources."""

from __future__ import annotations

import pytest

from accel.errors import UserError
from accel.target import TARGETS, Cells
from hls.synthesis import yosys


def test_every_target_has_a_family() -> None:
    assert set(yosys.FAMILIES) == set(TARGETS)


@pytest.mark.parametrize(
    ("target", "cells", "expected"),
    [
        ("ecp5", {"LUT4": 10, "TRELLIS_DPR16X4": 2, "CCU2C": 3, "TRELLIS_FF": 7}, Cells(lut=18, ff=7, carry=3)),
        ("ecp5", {"DP16KD": 2, "MULT18X18D": 5, "EHXPLLL": 1, "$scopeinfo": 9}, Cells(bram=2, dsp=5)),
        ("ice40", {"SB_LUT4": 4, "SB_DFF": 1, "SB_DFFESR": 2, "SB_DFFNE": 1, "SB_CARRY": 6}, Cells(4, 4, carry=6)),
        ("ice40", {"SB_RAM40_4K": 3, "SB_RAM40_4KNR": 1, "SB_MAC16": 8}, Cells(bram=4, dsp=8)),
        ("gowin", {"LUT1": 1, "LUT4": 2, "RAM16SDP4": 1, "DFFRE": 3, "DFF": 1, "ALU": 5}, Cells(11, 10, carry=5)),
        ("gowin", {"SDPX9B": 1, "SDPB": 2, "MULT9X9": 2, "MULT18X18": 1}, Cells(bram=3, dsp=3)),
        ("xilinx7", {"LUT6": 5, "RAM32M": 1, "FDRE": 9, "CARRY4": 2, "MUXF7": 4}, Cells(9, 9, carry=2)),
        ("xilinx7", {"RAMB18E1": 1, "RAMB36E1": 2, "DSP48E1": 3}, Cells(bram=5, dsp=3)),
        ("ultrascale+", {"LUT2": 1, "RAM32M16": 1, "DSP48E2": 3}, Cells(lut=9, dsp=3)),
        ("cyclone5", {"MISTRAL_ALUT4": 2, "MISTRAL_ALUT_ARITH": 3, "MISTRAL_FF": 4}, Cells(5, 4, carry=3)),
    ],
)
def test_cells_are_counted_as_what_they_occupy(target: str, cells: dict[str, int], expected: Cells) -> None:
    assert yosys.count(cells, target) == expected


def test_an_unknown_target_is_named_with_those_there_are() -> None:
    with pytest.raises(UserError, match="no open synthesis for target 'stratix'; there is ecp5, ice40, gowin"):
        yosys.script(["a.sv"], "a", "stratix")
