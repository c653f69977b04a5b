"""Hosts on a damaged line: right answers or exceptions, never a wrong answer, never a hang. And: faults are found."""

import numpy as np
import pytest
from board_designs import add_one, silent
from encoders import encoder, samples

import boards
from accel import reference
from boards import faults, host, protocol
from hls import rtl

BOARD = boards.get("ulx3s-85f")
DESIGN = add_one()
X = np.random.default_rng(0).integers(-32, 32, (40, 5, 2))


@pytest.mark.parametrize(
    ("inferences", "count"), [(50, 300), pytest.param(1000, 10_000, marks=pytest.mark.slow, id="long")]
)
def test_right_or_refused_over_the_virtual_board(inferences, count):
    graph = encoder()
    x = samples(graph, 64)
    expected = reference.run(graph, x)
    tally = faults.virtual_soak(rtl.lower(graph), BOARD, x, expected, inferences=inferences, faults=count)
    assert (tally.wrong, tally.hangs) == (0, 0)
    assert tally.inferences >= inferences
    assert tally.faults >= count


@pytest.fixture(scope="module")
def link():
    with boards.SimulatedBoard(DESIGN, BOARD, limit=50_000) as simulated:
        yield simulated


def soak(link, design=DESIGN):
    return faults.soak(link, design, X, X + 1, inferences=200, faults=1000)


def test_a_host_that_looks_at_no_tag_gets_wrong_answers(link, monkeypatch):
    monkeypatch.setattr(host.secrets, "randbits", lambda bits: 0)
    assert soak(link).wrong


def test_a_host_that_looks_at_no_checksum_gets_wrong_answers(link, monkeypatch):
    def careless(self, size):
        raw = bytes(self._buffer[:size])
        header = protocol._HEADER.unpack_from(raw) if len(raw) == size >= protocol.OVERHEAD else None
        return header and protocol.Frame(header[1], header[2], raw[protocol._HEADER.size : -4])

    monkeypatch.setattr(protocol.FrameDecoder, "_intact", careless)
    assert soak(link).wrong


class Careless(boards.SimulatedBoard):
    """A board that takes every sample, whatever its checksum."""

    def _sources(self):
        files = super()._sources()
        text = files["accel_frame_rx.sv"]
        careless = text.replace("state <= (crc == accel_board_pkg::CRC_RESIDUE && sample)", "state <= sample")
        assert careless != text
        return {**files, "accel_frame_rx.sv": careless}


def test_a_board_that_looks_at_no_checksum_gives_wrong_answers():
    with Careless(DESIGN, BOARD, limit=50_000) as careless:
        assert soak(careless).wrong


def test_a_board_that_stops_answering_is_a_hang():
    with boards.SimulatedBoard(silent(), BOARD, limit=10_000) as link:
        assert soak(link, silent()).hangs == 1


def test_a_board_that_answers_late_is_no_hang(link):
    class Late:
        requests = 0

        def write(self, data):
            self.requests += 1
            link.write(data)

        def read(self, count):
            return b"" if self.requests % 6 else link.read(count)

    tally = faults.soak(Late(), DESIGN, X, X + 1, inferences=30, faults=30)
    assert (tally.wrong, tally.hangs) == (0, 0)
