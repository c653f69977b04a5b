"""Hosts on a damaged line: right answers or exceptions, never a wrong answer, never a hang. And: faults are found."""

import numpy as np
import pytest
from board_designs import add_one, silent
from encoders import encoder, samples
from engine_stand_in import continued, prompts, stand_in

import boards
from accel import reference
from accel.errors import ToolError
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


ENGINE = stand_in()
TEXTS = [(prompt, continued(ENGINE, prompt, count)) for prompt, count in prompts(ENGINE, 30)]


@pytest.mark.parametrize(
    ("generations", "count"), [(8, 200), pytest.param(200, 10_000, marks=pytest.mark.slow, id="long")]
)
def test_tokens_are_right_over_the_virtual_board(generations, count):
    tally = faults.virtual_soak_generations(ENGINE, BOARD, TEXTS, generations=generations, faults=count)
    assert (tally.wrong, tally.hangs) == (0, 0)
    assert tally.inferences >= generations
    assert tally.faults >= count


def test_a_host_that_goes_on_without_an_answer_gives_wrong_tokens(monkeypatch):
    """The board then lacks a token of the sequence, and everything behind depends on it."""
    request = host.Host._request

    def careless(self, kind, payload, wanted, size):
        try:
            return request(self, kind, payload, wanted, size)
        except ToolError:
            return bytes(size)

    monkeypatch.setattr(host.Host, "_request", careless)
    monkeypatch.setattr(faults, "_ATTEMPTS", 2)
    with boards.SimulatedBoard(ENGINE, BOARD, limit=50_000) as link:
        assert faults.soak_generations(link, ENGINE, TEXTS, generations=5, faults=20).wrong


def test_a_request_of_another_sequence_in_the_middle_gives_wrong_tokens():
    with boards.SimulatedBoard(ENGINE, BOARD, limit=50_000) as link:
        device = boards.Device(boards.Host(link, ENGINE), ENGINE)
        (prompt, right), (other, _) = TEXTS[:2]
        given = device.generate(prompt, len(right))
        first = next(given)
        device.raw([[[other[0], 0]]])
        assert [first, *given] != right
