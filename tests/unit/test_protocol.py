"""The framed protocol: properties of encoding and of the decoder that survives garbage."""

import zlib
from itertools import pairwise

import numpy as np
import pytest
from board_designs import stream
from hypothesis import given
from hypothesis import strategies as st

from accel.errors import UserError
from boards import protocol
from boards.protocol import MAGIC, Frame, FrameDecoder

frames = st.builds(Frame, st.integers(0, 255), st.integers(0, 2**32 - 1), st.binary(max_size=40))
# bytes of the magic and of small lengths are frequent, so that false starts are
garbage = st.lists(st.sampled_from([MAGIC[:1], MAGIC[1:], MAGIC, b"\x00", b"\x05", b"\xff"]), max_size=30).map(b"".join)
streams = st.builds(stream, st.integers(1, 5), st.integers(1, 40), st.booleans(), st.integers(1, 5))


def naive_crc(data: bytes) -> int:
    """Bit by bit, as the hardware does it; returns the register before the final inversion."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0xEDB88320 if state & 1 else 0)
    return state


def decode(data: bytes, cuts: list[int]) -> list[Frame]:
    decoder = FrameDecoder(limit=64)
    found = []
    points = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(points):
        found += decoder.feed(data[start:end])
    return found + decoder.flush()


@given(frames)
def test_layout(frame):
    raw = frame.encode()
    assert raw[:2] == MAGIC
    assert raw[2] == frame.type
    assert int.from_bytes(raw[3:7], "little") == frame.tag
    assert int.from_bytes(raw[7:9], "little") == len(frame.payload)
    assert raw[9:-4] == frame.payload
    assert int.from_bytes(raw[-4:], "little") == zlib.crc32(raw[:-4]) == naive_crc(raw[:-4]) ^ 0xFFFFFFFF
    assert naive_crc(raw) == protocol.CRC_RESIDUE
    assert naive_crc(MAGIC) == protocol.CRC_AFTER_MAGIC


@given(st.lists(st.tuples(garbage, frames), max_size=5), garbage, st.lists(st.integers(0, 1000), max_size=8))
def test_every_intact_frame_is_found_between_garbage_however_it_arrives(parts, rest, cuts):
    data = b"".join(noise + frame.encode() for noise, frame in parts) + rest
    assert decode(data, cuts) == [frame for _, frame in parts]


@given(frames, st.data())
def test_a_flipped_bit_is_always_noticed(frame, data):
    raw = bytearray(frame.encode())
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    assert decode(bytes(raw), []) == []


@given(frames, frames, st.data())
def test_a_truncated_frame_costs_only_itself(cut, whole, data):
    raw = cut.encode()
    kept = raw[: data.draw(st.integers(0, len(raw) - 1))]
    assert decode(kept + whole.encode(), []) == [whole]


def test_a_frame_that_claims_too_much_is_not_waited_for():
    decoder = FrameDecoder(limit=8)
    assert decoder.feed(MAGIC + b"\x01\x00\x00\x00\x00\xff\xff" + Frame(1, 2, b"abc").encode()) == [Frame(1, 2, b"abc")]


@given(frames, st.integers(0, 20))
def test_missing_never_asks_for_too_much(frame, count):
    raw = frame.encode()
    decoder = FrameDecoder()
    count = min(count, len(raw) - 1)
    decoder.feed(raw[:count])
    assert 1 <= decoder.missing() <= len(raw) - count


@given(streams, st.data())
def test_elements_round_trip(stream, data):
    lo, hi = (-(1 << stream.width - 1), (1 << stream.width - 1) - 1) if stream.signed else (0, (1 << stream.width) - 1)
    count = stream.beats * stream.lanes
    values = data.draw(st.lists(st.integers(lo, hi), min_size=count, max_size=count))
    payload = protocol.pack(np.array(values), stream)
    assert len(payload) == protocol.payload_bytes(stream) == count * -(-stream.width // 8)
    result = protocol.unpack(payload, stream)
    assert result.dtype == np.int64
    assert result.shape == (stream.beats, stream.lanes)
    assert result.reshape(-1).tolist() == values


def test_elements_are_little_endian_in_whole_bytes():
    assert protocol.pack(np.array([-2, 300]), stream(2, 12, True, 1)) == b"\xfe\xff\x2c\x01"


def test_a_value_that_does_not_fit_is_named():
    with pytest.raises(UserError, match=r"element 2 is 8, outside -8\.\.7 that the input port holds"):
        protocol.pack(np.array([0, 7, 8, 9]), stream(2, 4, True, 2))


def test_a_wrong_number_of_elements_is_named():
    with pytest.raises(UserError, match="a sample has 4 elements, got 3"):
        protocol.pack(np.zeros(3, int), stream(2, 4, True, 2))


def test_real_numbers_are_refused():
    with pytest.raises(UserError, match="integer elements, got float64; quantize it first"):
        protocol.pack(np.zeros(4), stream(2, 4, True, 2))
