"""A serial port has one host at a time: the second one is told so. The ports are pseudo-terminals, the locks real."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest

from accel.errors import UserError
from boards.serial_line import SerialLine

BAUD = 115200
NOBODY = 65534


@pytest.fixture
def terminal() -> Iterator[int]:
    """A pseudo-terminal's end for the host, as a descriptor."""
    board, host = pty.openpty()
    yield host
    os.close(board)
    os.close(host)


def test_a_second_host_is_told_that_the_port_is_in_use(terminal: int) -> None:
    port = os.ttyname(terminal)
    first = SerialLine(port, BAUD, 1.0)
    with pytest.raises(UserError, match=f"serial port {port} is in use by another program: end that one first"):
        SerialLine(port, BAUD, 1.0)
    first.close()
    SerialLine(port, BAUD, 1.0).close()


def test_another_process_is_a_host_too(terminal: int) -> None:
    port = os.ttyname(terminal)
    holding = f"import serial; p = serial.Serial({port!r}, exclusive=True); print('open', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(UserError, match="is in use by another program"):
            SerialLine(port, BAUD, 1.0)
        other.communicate(b"\n")
    SerialLine(port, BAUD, 1.0).close()


def test_a_terminal_program_that_locks_in_the_kernel_is_one_too(terminal: int) -> None:
    """As `screen` does. The kernel lets root pass."""
    port = os.ttyname(terminal)
    fcntl.ioctl(terminal, termios.TIOCEXCL)
    if root := os.geteuid() == 0:
        os.chown(port, NOBODY, -1)
        os.seteuid(NOBODY)
    try:
        with pytest.raises(UserError, match="is in use by another program"):
            SerialLine(port, BAUD, 1.0)
    finally:
        if root:
            os.seteuid(0)


def test_a_port_that_does_not_exist_is_not_called_in_use() -> None:
    with pytest.raises(UserError, match="cannot open serial port /dev/nowhere: No such file or directory; check its"):
        SerialLine("/dev/nowhere", BAUD, 1.0)
