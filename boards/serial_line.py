"""A serial port as the host's link: no call waits forever, and every error says what to check."""

from __future__ import annotations

import errno
import os
import time

import serial
from serial.tools import list_ports

from accel.errors import ToolError, UserError

_POLL_S = 0.05
_REMEDY = "check its name and your permission (on Linux: group dialout)"


class SerialLine:
    """A port, opened exclusively. `write` starts the `patience` seconds in which `read` waits for the answer."""

    def __init__(self, port: str, baud: int, patience: float) -> None:
        self._patience = patience
        self._deadline = 0.0
        try:
            poll = min(_POLL_S, patience)
            self._serial = serial.Serial(port, baud, timeout=poll, write_timeout=patience, exclusive=True)
        except (OSError, ValueError) as error:  # pyserial's SerialException is an OSError
            if _is_taken(error):
                raise UserError(f"serial port {port} is in use by another program: end that one first") from None
            raise UserError(f"cannot open serial port {port}: {_reason(error)}; {_REMEDY}") from None

    def write(self, data: bytes) -> None:
        """Send bytes. Raises ToolError when the port does not take them in time."""
        try:
            self._serial.write(data)
        except OSError as error:
            raise self._failed(error) from None
        self._deadline = time.monotonic() + self._patience

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; fewer when they have not come in time. Raises ToolError when the port is gone."""
        data = b""
        try:
            while len(data) < count and time.monotonic() < self._deadline:
                data += self._serial.read(count - len(data))
        except OSError as error:
            raise self._failed(error) from None
        return data

    def close(self) -> None:
        """Give the port back."""
        self._serial.close()

    def _failed(self, error: OSError) -> ToolError:
        return ToolError(f"serial port {self._serial.port}: {_reason(error)}; is the board still connected?")


def find_port() -> str:
    """The only USB serial port there is. Raises UserError when there are none or several."""
    found = [port for port in list_ports.comports() if port.vid is not None]
    if len(found) == 1:
        return str(found[0].device)
    if not found:
        raise UserError("no USB serial port found: connect the board, or name a port")
    listed = ", ".join(f"{port.device} ({port.description})" for port in found)
    raise UserError(f"there are {len(found)} USB serial ports, name one: {listed}")


def _is_taken(error: Exception) -> bool:
    """Whether another program holds pyserial's lock on the port, or the kernel's own (TIOCEXCL)."""
    return "exclusively lock" in str(error) or getattr(error, "errno", None) == errno.EBUSY


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error)
