"""The board top behind its serial pins: right answers after whatever came before, and never a wrong one."""

import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from board_designs import add_one, silent

import boards
from accel import image
from accel.errors import ToolError, UserError
from boards import clocking, protocol, shell
from boards.host import Host
from boards.pins import pinout
from boards.protocol import MAGIC, Frame, Reason, Type
from hls.simulation import verilator

BOARD = boards.get("ulx3s-85f")
SILENCE = shell.Timing.simulated().timeout + 100
BYTE = 10 * shell.SIMULATION_CLOCKS_PER_BIT


def samples(design, count, seed=0):
    stream = design.input
    half = 1 << stream.width - 1
    return np.random.default_rng(seed).integers(-half, half, (count, stream.beats, stream.lanes))


@pytest.mark.parametrize(
    "name", {board.flow: board.name for board in map(boards.get, boards.names()) if board.pins}.values()
)
@pytest.mark.parametrize("timing", ["simulated", "real"])
def test_the_board_top_is_lint_clean(name, timing, tmp_path):
    board = boards.get(name)
    pins = pinout(board)
    clock = clocking.plan(board.flow, pins.oscillator_mhz, board.clock_mhz)
    chosen = shell.Timing.simulated() if timing == "simulated" else shell.Timing.of(board, clock.mhz)
    files = shell.files(add_one(), board, pins, clock, chosen) | shell.simulation_files()
    for file, content in files.items():
        image.write(tmp_path / file, content)
    verilator.lint(tmp_path, shell.sources(files), shell.TOP)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("ulx3s-85f", (2, 6, 12, 5)), ("ulx3s-85f", (1, 8, 8, 1)), ("arty-a7-100t", (3, 17, 24, 2))],
)
def test_results_are_right_whatever_registers_start_with(name, shape):
    design = add_one(*shape)
    x = samples(design, 12)
    for seed in (1, 2):
        assert np.array_equal(
            boards.simulate(design, boards.get(name), x, seed=seed), (x + 1).reshape(12, *x.shape[1:])
        )


def test_a_core_that_never_answers_ends_the_simulation_with_a_clear_error():
    with pytest.raises(
        ToolError,
        match=r"board: no answer to SAMPLE after 1 attempt \(\d+ cycles simulated, at most 20000 per answer\)",
    ):
        boards.simulate(silent(), BOARD, samples(silent(), 1), limit=20_000)


def test_samples_of_a_wrong_size_are_refused():
    with pytest.raises(UserError, match="a sample has 10 elements, got 9"):
        boards.simulate(add_one(), BOARD, np.zeros((1, 9), int))


@pytest.fixture(scope="module")
def link():
    with boards.SimulatedBoard(add_one(), BOARD, limit=50_000) as simulated:
        yield simulated


@pytest.fixture
def works(link):
    """After the test the board still computes: the host recovers within its attempts."""
    yield
    link.idle(SILENCE)
    x = samples(add_one(), 3, seed=9)
    assert np.array_equal(Host(link, add_one()).run(x), x + 1)


def request(tag: int, x: np.ndarray) -> bytes:
    return Frame(Type.SAMPLE, tag, protocol.pack(x, add_one().input)).encode()


def answers(link, data: bytes, cycles: int = SILENCE + 2000) -> list[Frame]:
    """Send bytes, wait until nothing more can come."""
    link.write(data)
    decoder = protocol.FrameDecoder()
    return decoder.feed(link.idle(len(data) * BYTE + cycles)) + decoder.flush()


def right(tag: int, x: np.ndarray) -> Frame:
    return Frame(Type.RESULT, tag, protocol.pack(x + 1, add_one().output))


X = samples(add_one(), 1)[0]


@pytest.mark.usefixtures("works")
class TestLine:
    """What may arrive on the line, and what the board answers."""

    def test_garbage_before_a_frame(self, link):
        assert answers(link, b"\x00\xff\x13" * 9 + MAGIC[:1] * 3 + request(5, X)) == [right(5, X)]

    def test_garbage_between_frames(self, link):
        noise = bytes(value for value in range(256) if value != MAGIC[0])
        assert answers(link, request(1, X)) == [right(1, X)]
        assert answers(link, noise + request(2, -X)) == [right(2, -X)]

    @pytest.mark.parametrize("bit", [*range(16, 24), 30, 48, 60, 77, 127, 151, 152, 164, 183])
    def test_a_flipped_bit_is_refused_or_ignored(self, link, bit):
        raw = bytearray(request(7, X))
        raw[bit // 8] ^= 1 << bit % 8
        tag = 7 ^ 1 << bit - 24 if 24 <= bit < 56 else 7
        reasons = [Frame(Type.ERROR, tag, bytes([reason])) for reason in Reason]
        found = answers(link, bytes(raw))
        assert len(found) == 1
        assert found[0] in reasons

    def test_a_bad_crc_has_its_reason(self, link):
        raw = request(3, X)
        assert answers(link, raw[:-1] + bytes([raw[-1] ^ 1])) == [Frame(Type.ERROR, 3, bytes([Reason.CRC]))]

    def test_a_bad_length_has_its_reason_at_once(self, link):
        found = answers(link, Frame(Type.SAMPLE, 4, b"12345678901").encode())
        assert found[0] == Frame(Type.ERROR, 4, bytes([Reason.LENGTH]))

    def test_an_unknown_type_has_its_reason(self, link):
        assert answers(link, Frame(9, 4, b"").encode())[0] == Frame(Type.ERROR, 4, bytes([Reason.TYPE]))

    @pytest.mark.parametrize("kept", [1, 2, 4, 6, 9, 15, 22])
    def test_a_truncated_frame_ends_with_silence(self, link, kept):
        sent = request(8, X)[:kept]
        found = answers(link, sent)
        tag = int.from_bytes(sent[3:7].rjust(4, b"\0"), "little")
        assert found == ([Frame(Type.ERROR, tag, bytes([Reason.TRUNCATED]))] if kept > 1 else [])
        assert answers(link, request(9, X)) == [right(9, X)]

    def test_bytes_inside_a_frame(self, link):
        raw = request(6, X)
        found = answers(link, raw[:10] + b"\xac\xce\x00" + raw[10:])
        assert found
        assert all(frame.type == Type.ERROR for frame in found)

    def test_identity(self, link):
        identity = bytes.fromhex(add_one().hash)[:8]
        assert answers(link, Frame(Type.IDENTIFY, 77).encode()) == [Frame(Type.IDENTITY, 77, identity)]
        Host(link, add_one()).check()

    def test_random_damage_never_makes_a_wrong_result(self, link):
        rng = random.Random(2024)
        x = samples(add_one(), 40, seed=3)
        for tag, sample in enumerate(x):
            raw = bytearray(request(tag, sample))
            for _ in range(rng.randint(1, 3)):
                place = rng.randrange(len(raw))
                match rng.randrange(3):
                    case 0:
                        raw[place] = rng.randrange(256)
                    case 1:
                        del raw[place]
                    case 2:
                        raw.insert(place, rng.choice((MAGIC[0], MAGIC[1], rng.randrange(256))))
            for frame in answers(link, bytes(raw)):
                assert frame.type == Type.ERROR or frame == right(tag, sample)


def test_another_design_on_the_board_is_noticed(link):
    with pytest.raises(UserError, match=r"the board holds design [0-9a-f]{16}, not [0-9a-f]{16}; load its bitstream"):
        Host(link, add_one(1, 8, 8, 1)).check()


class DamagedLink:
    """Flips a bit in a third of the requests and of the answers."""

    def __init__(self, link):
        self.link, self.rng = link, random.Random(5)

    def damage(self, data: bytes) -> bytes:
        raw = bytearray(data)
        if raw and self.rng.random() < 1 / 3:
            raw[self.rng.randrange(len(raw))] ^= 1 << self.rng.randrange(8)
        return bytes(raw)

    def write(self, data):
        self.link.write(self.damage(data))

    def read(self, count):
        return self.damage(self.link.read(count))


def test_the_host_repeats_what_the_line_damaged(link):
    x = samples(add_one(), 8, seed=4)
    assert np.array_equal(Host(DamagedLink(link), add_one(), attempts=20).run(x), x + 1)


@pytest.mark.parametrize("top", ["evil; exec rm", "a b", "$(id)", "top]", ""])
def test_hostile_top_names_are_refused(top):
    design = replace(add_one(), top=top)
    with pytest.raises(UserError, match="is no identifier"):
        shell.check(design)


@pytest.mark.parametrize("name", ["[exec id].sv", "a b.sv", "../x.sv", "$x.sv", ";.sv", "-o.sv", 'q".sv'])
def test_hostile_file_names_are_refused(name):
    design = replace(add_one(), files={name: ""})
    with pytest.raises(UserError, match="may only have letters, digits"):
        shell.check(design)


def test_names_of_the_shell_are_refused():
    design = replace(add_one(), files={"accel_shell.sv": ""})
    with pytest.raises(UserError, match=r"accel_shell\.sv in the design has a name that the board shell uses"):
        shell.check(design)


def test_a_baud_rate_out_of_reach_is_refused():
    with pytest.raises(UserError, match="a core clock of 3 MHz cannot make 1000000 baud"):
        shell.Timing.of(BOARD, Fraction(3))
