"""The credit buffer against its contract: for every input, in the first CYCLES cycles after reset."""

from pathlib import Path

import pytest
from prover import holds

ROOT = Path(__file__).parents[2]
FIFO = (ROOT / "hls" / "rtl" / "accel_fifo.sv").read_text()
CHECK = Path(__file__).with_name("fifo_check.sv").read_text()
CYCLES = 16  # a buffer of 4 fills, overfills and goes round


@pytest.mark.parametrize(("places", "block"), [(1, 0), (2, 0), (4, 0), (4, 1), (3, 0)])
def test_no_overflow_no_loss_no_reordering(places, block, tmp_path):
    files = {"accel_fifo.sv": FIFO, "fifo_check.sv": CHECK}
    assert holds(files, "fifo_check", CYCLES, tmp_path, DEPTH=places, BLOCK=block)


PLANTED = {
    "room for one too many": ("DEPTH - 1)", "DEPTH)"),
    "a place free before its beat left": ("wire leave = m_valid && m_ready", "wire leave = m_valid"),
    "a place never free again": ("take != leave", "take && !leave"),
    "a waiting beat overwritten": ("(!m_valid || m_ready)", "1'b1"),
    "a waiting beat dropped": ("m_valid <= load || (m_valid && !m_ready)", "m_valid <= load"),
    "a beat read twice": ("if (load) read_at", "if (load && m_ready) read_at"),
    "a beat read before it was written": ("write_at != read_at", "1'b1"),
    "an address that does not go round": ("write_at[AW-1:0]] <=", "write_at[AW-1:0] & {AW{!write_at[AW]}}] <="),
    "a beat that shows late": ("wire load = write_at != read_at", "wire load = write_at - read_at > 1"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(fault, tmp_path):
    before, after = PLANTED[fault]
    assert before in FIFO
    files = {"accel_fifo.sv": FIFO.replace(before, after), "fifo_check.sv": CHECK}
    assert not holds(files, "fifo_check", CYCLES, tmp_path, DEPTH=2)
