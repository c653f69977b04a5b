"""The virtual board behind its pseudo-terminal, and the one driver for all boards."""

import os

import numpy as np
import pytest
import serial
from encoders import encoder, samples

import boards
from accel import reference
from accel.design import Design
from accel.errors import ToolError, UserError
from accel.graph import Graph
from accel.tensor import Tensor
from boards.protocol import MAGIC
from hls import rtl

BOARD = boards.get("ulx3s-85f")


@pytest.fixture(scope="module")
def graph() -> Graph:
    """An encoder whose ends have scales."""
    plain = encoder()
    nodes = list(plain.nodes)
    nodes[-1] = type(nodes[-1])(nodes[-1].name, nodes[-1].op, nodes[-1].inputs, tuple(2.0**-k for k in range(5)))
    return Graph(
        plain.name, {"x": Tensor(plain.input.shape, plain.input.lo, plain.input.hi, 0.25)}, tuple(nodes), "head"
    )


@pytest.fixture(scope="module")
def folder(graph, tmp_path_factory):
    """As `accel lower` writes it: everything below goes through the file."""
    folder = tmp_path_factory.mktemp("design")
    rtl.lower(graph).write(folder)
    return folder


@pytest.fixture(scope="module")
def virtual(folder):
    with boards.VirtualBoard(Design.load(folder), BOARD) as running:
        yield running


def test_raw_gives_the_integers_of_the_reference(graph, folder, virtual):
    x = samples(graph, 20)
    with boards.connect(folder, virtual.port) as device:
        assert np.array_equal(device.raw(x), reference.run(graph, x))


def test_predict_takes_and_gives_real_units(graph, folder, virtual):
    real = np.random.default_rng(1).normal(0, 10, (5, *graph.input.shape))  # some are beyond the range
    expected = reference.run(graph, reference.quantize(graph, real)) * np.array(graph.output_tensor.scale)
    with boards.connect(folder, virtual.port) as device:
        assert np.array_equal(device.predict(real), expected)


def test_hosts_come_and_go(graph, folder, virtual):
    """Also those that die inside a frame and leave an answer behind that nobody reads."""
    x = samples(graph, 3)
    for attempt in range(3):
        with boards.connect(folder, virtual.port) as device:
            assert np.array_equal(device.raw(x), reference.run(graph, x))
        with serial.Serial(virtual.port) as died:
            died.write(MAGIC + b"\x01ABC"[: attempt + 1])


def test_the_port_may_be_virtual_itself(graph, folder):
    x = samples(graph, 2)
    with boards.connect(str(folder), "virtual", board="ulx3s") as device:
        assert np.array_equal(device.raw(x), reference.run(graph, x))


def test_another_design_on_the_board_is_noticed(virtual):
    with pytest.raises(UserError, match=r"the board holds design .* load its bitstream"):
        boards.connect(rtl.lower(encoder(seed=1)), virtual.port)


def test_a_line_where_nothing_answers(folder):
    master, slave = os.openpty()
    with pytest.raises(ToolError, match="board: no answer to IDENTIFY after 2 attempts"):
        boards.connect(folder, os.ttyname(slave), timeout=0.05, attempts=2)
    os.close(master)
    os.close(slave)


def test_a_simulation_that_ends_is_told_to_whoever_waits(folder):
    with boards.VirtualBoard(Design.load(folder), BOARD) as running:
        running._board._process.kill()
        os.write(running._slave, b"x")
        with pytest.raises(ToolError, match="board simulation of encoder ended: exit code -9"):
            running.wait(10)


def test_samples_that_do_not_fit_are_refused(graph, folder, virtual):
    with boards.connect(folder, virtual.port) as device:
        with pytest.raises(UserError, match=r"input values 0\.\.64 leave the declared range -64\.\.63"):
            device.raw(np.eye(4, dtype=int)[None] * 64)
        with pytest.raises(UserError, match=r"the model takes \(samples, 4, 4\)"):
            device.predict(np.zeros((4, 4)))
