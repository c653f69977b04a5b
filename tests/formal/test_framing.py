"""Checksum, serial line and framing units: for every input, in the first cycles after reset."""

from pathlib import Path

import pytest
from prover import holds

HERE = Path(__file__).parent
SHELL = HERE.parents[1] / "boards" / "shell"
GOOD = ("", "")


def proves(check: str, cycles: int, folder: Path, *modules: str, plant: tuple[str, str] = GOOD, **parameters) -> bool:
    """Does `check` hold of these modules of the shell; `plant` replaces text in the first one."""
    files = {f"{name}.sv": (SHELL / f"{name}.sv").read_text() for name in modules}
    first = f"{modules[0]}.sv"
    assert plant[0] in files[first]
    files[first] = files[first].replace(*plant)
    files[f"{check}.sv"] = (HERE / f"{check}.sv").read_text()
    return holds(files, check, cycles, folder, **parameters)


CRC = {
    "another polynomial": ("32'hEDB88320", "32'hEDB88321"),
    "a bit short": ("left  <= 4'd8", "left  <= 4'd7"),
    "cleared only when idle": ("if (clear)", "if (clear && !busy)"),
}


def test_the_checksum_is_crc_32(tmp_path):
    assert proves("crc_check", 20, tmp_path, "accel_crc32")


@pytest.mark.parametrize("fault", CRC)
def test_a_fault_in_the_checksum_is_found(fault, tmp_path):
    assert not proves("crc_check", 20, tmp_path, "accel_crc32", plant=CRC[fault])


UART = {
    "bit order": ("{line[1], data[7:1]}", "{data[6:0], line[1]}"),
    "sampled at the edge": ("timer <= HALF", "timer <= WHOLE"),
    "a bit too many": ("index == 4'd9", "index == 4'd10"),
    "deaf after a byte": ("busy  <= 1'b0;\n                valid", "valid"),
}
LINE = ("accel_uart_rx", "accel_uart_tx")


def test_bytes_pass_the_line_after_a_byte_of_any_noise(tmp_path):
    assert proves("uart_check", 180, tmp_path, *LINE, NOISE=44)


@pytest.mark.parametrize("fault", UART)
def test_a_fault_in_the_receiver_is_found(fault, tmp_path):
    assert not proves("uart_check", 140, tmp_path, *LINE, plant=UART[fault], NOISE=4)
