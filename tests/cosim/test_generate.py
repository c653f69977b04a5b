"""Tokens from a decode engine behind a serial port: the right ones, in order, as they come, or an exception."""

import numpy as np
import pytest
from board_designs import add_one
from engine_stand_in import continued, prompts, stand_in

import boards
from accel.design import Design
from accel.errors import ToolError, UserError

BOARD = boards.get("ulx3s-85f")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("engine")
    stand_in().write(folder)
    return folder


@pytest.fixture(scope="module")
def virtual(folder):
    with boards.VirtualBoard(Design.load(folder), BOARD) as running:
        yield running


@pytest.fixture
def device(folder, virtual):
    with boards.connect(folder, virtual.port) as device:
        yield device


def test_tokens_follow_a_prompt(device):
    for prompt, count in prompts(stand_in(), 10):
        assert list(device.generate(prompt, count)) == continued(stand_in(), prompt, count)


def test_a_sequence_that_was_left_changes_nothing(device):
    given = device.generate([1, 2, 3], 20)
    assert [next(given), next(given)] == continued(stand_in(), [1, 2, 3], 2)
    assert list(device.generate([4], 5)) == continued(stand_in(), [4], 5)


@pytest.mark.parametrize("burst", [2, 5])
def test_several_tokens_per_request(burst):
    design = stand_in(burst=burst)
    with boards.connect(design, "virtual") as device:
        for prompt, count in [*prompts(design, 5), ([1] * 24, 1), ([1], 24)]:
            assert list(device.generate(prompt, count)) == continued(design, prompt, count)


def test_a_token_comes_as_soon_as_the_board_has_answered():
    asked = []

    class Runner:
        def run(self, samples):
            asked.append(samples.tolist())
            return np.array([[[7]]])

    device = boards.Device(Runner(), stand_in())
    given = device.generate(np.array([5, 6]), 3)
    assert not asked
    assert next(given) == 7
    assert asked == [[[[5, 0]]], [[[6, 1]]]]
    next(given)
    assert asked[-1] == [[[7, 2]]]


@pytest.mark.parametrize(
    ("prompt", "count", "words"),
    [
        ([], 1, "the prompt is empty; give at least one token"),
        ([1, 64], 1, r"token 64 is not in the vocabulary of stand-in, 0\.\.63"),
        ([-1], 1, "token -1 is not in the vocabulary"),
        ([1.5], 1, "a token of the prompt is 1.5; give a whole number"),
        (["a"], 1, "a token of the prompt is 'a'; give a whole number"),
        ([1], 0, "0 tokens to generate; ask for at least 1"),
        (
            [1],
            25,
            "a prompt of 1 and 25 tokens behind it are more than the context of stand-in, 24: ask for at most 24",
        ),
        ([1] * 25, 1, "more than the context of stand-in, 24: shorten the prompt"),
    ],
)
def test_what_cannot_be_generated_is_refused_at_once(prompt, count, words):
    with pytest.raises(UserError, match=words):
        boards.Device(None, stand_in()).generate(prompt, count)


def test_a_design_without_tokens_is_refused():
    with pytest.raises(UserError, match="add-one is no decode engine, so it has no tokens: `accel lower --target eng"):
        boards.Device(None, add_one()).generate([1], 1)


def test_another_design_on_the_board_is_noticed(virtual):
    with pytest.raises(UserError, match=r"the board holds design .* load its bitstream"):
        boards.connect(stand_in(context=25), virtual.port)


def test_a_board_that_does_not_answer_is_an_error():
    class Silent:
        def write(self, data): ...

        def read(self, count):
            return b""

    design = stand_in()
    device = boards.Device(boards.Host(Silent(), design), design)
    with pytest.raises(ToolError, match="board: no answer to SAMPLE after 3 attempts"):
        list(device.generate([1], 1))
