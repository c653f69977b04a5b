"""Checksum, serial line and framing units: for every input, in the first cycles after reset. And: faults are found."""

from pathlib import Path

import pytest
from prover import holds

HERE = Path(__file__).parent
SHELL = HERE.parents[1] / "boards" / "shell"
MODULES = {
    "crc": ("accel_crc32",),
    "uart": ("accel_uart_rx", "accel_uart_tx"),
    "pack": ("accel_pack", "accel_unpack"),
    "frame_rx": ("accel_frame_rx",),
    "frame_tx": ("accel_frame_tx",),
}
slow = pytest.mark.slow


def proves(check: str, cycles: int, folder: Path, plant: tuple[str, str] = ("", ""), **parameters: int) -> bool:
    """Does `check` hold of its modules of the shell; `plant` replaces text in one of them."""
    files = {"framing_pkg.sv": (HERE / "framing_pkg.sv").read_text()} if check.startswith("frame") else {}
    files |= {f"{name}.sv": (SHELL / f"{name}.sv").read_text() for name in MODULES[check]}
    if check.startswith("frame"):
        files["short_crc32.sv"] = (HERE / "short_crc32.sv").read_text()
    assert plant[0] in "".join(files.values())
    files = {name: text.replace(*plant) for name, text in files.items()}
    files[f"{check}_check.sv"] = (HERE / f"{check}_check.sv").read_text()
    return holds(files, f"{check}_check", cycles, folder, **parameters)


@pytest.mark.parametrize(
    ("check", "cycles", "parameters"),
    [
        ("crc", 20, {}),  # a byte, cut or not, and another one
        ("uart", 140, {"NOISE": 4}),
        pytest.param("uart", 180, {"NOISE": 44}, marks=slow),  # a byte of any noise: the receiver is in any state
        ("pack", 16, {"LANES": 2, "WIDTH": 10, "BYTES": 2}),
        ("pack", 16, {"LANES": 3, "WIDTH": 5, "BYTES": 1}),
        ("pack", 16, {"LANES": 1, "WIDTH": 16, "BYTES": 2, "SIGNED": 0}),
        ("frame_rx", 49, {}),  # the longest frame
        pytest.param("frame_rx", 76, {}, marks=slow),  # a cut frame, its time-out, and a whole one
        ("frame_tx", 30, {}),  # an error
        pytest.param("frame_tx", 48, {}, marks=slow),  # a result, an identity
    ],
)
def test_a_unit_keeps_its_contract(check, cycles, parameters, tmp_path):
    assert proves(check, cycles, tmp_path, **parameters)


CRC = {
    "another polynomial": ("32'hEDB88320", "32'hEDB88321"),
    "a bit short": ("left  <= 4'd8", "left  <= 4'd7"),
    "cleared only when idle": ("if (clear)", "if (clear && !busy)"),
}
UART = {
    "bit order": ("{line[1], data[7:1]}", "{data[6:0], line[1]}"),
    "sampled at the edge": ("timer <= HALF", "timer <= WHOLE"),
    "a bit too many": ("index == 4'd9", "index == 4'd10"),
    "deaf after a byte": ("busy  <= 1'b0;\n                valid", "valid"),
}
PACK = {
    "last too early": ("left == C'(1)", "left == C'(2)"),
    "sign of another bit": ("SIGNED && s_data[TOP]", "SIGNED && s_data[TOP-1]"),
    "a beat overwritten": ("assign s_ready = left == '0", "assign s_ready = 1'b1"),
    "a byte overwritten": ("assign s_ready = !m_valid", "assign s_ready = 1'b1"),
    "a beat dropped": ("m_valid && m_ready) m_valid", "m_valid) m_valid"),
    "last kept": ("m_last <= s_last", "m_last <= m_last || s_last"),
}
FRAME_RX = {
    "checksum of samples ignored": ("crc == accel_board_pkg::CRC_RESIDUE && sample) ?", "sample) ?"),
    "checksum of requests ignored": (
        "notice_identity <= crc == accel_board_pkg::CRC_RESIDUE",
        "notice_identity <= 1'b1",
    ),
    "length ignored": ("!length_low || ", ""),
    "tag reversed": ("tag <= {s_data, tag[31:8]}", "tag <= {tag[23:0], s_data}"),
    "done too early": ("WAIT: if (finished) state", "WAIT: state"),
    "notice dropped": ("NOTICE: if (notice_ready) state", "NOTICE: state"),
    "checksum not cleared": ("clear(state == HUNT || state == MAGIC)", "clear(state == HUNT)"),
    "payload overwritten": ("if (s_valid && state == BODY) memory", "if (s_valid) memory"),
}
TIME_OUT = {
    "no time-out": ("in_frame && !s_valid && silence == SILENCE", "1'b0"),
    "time-out of the whole frame": ("silence <= (s_valid || !in_frame) ?", "silence <= !in_frame ?"),
    "place kept after a time-out": ("index <= '0;\n                tag", "tag"),
}
FRAME_TX = {
    "tag of another frame": ("m_data = tag_kept[31:24]", "m_data = tag[31:24]"),
    "checksum not inverted": ("~crc[8*index[1:0]+:8]", "crc[8*index[1:0]+:8]"),
    "payload not in the checksum": ("sent && state != CHECK", "sent && state == HEADER"),
    "finished too early": ("sent && index == 4'd3;", "index == 4'd3;"),
    "result before notice": ("!notice_valid ? RESULT", "running ? RESULT"),
}
FAULTS = [
    pytest.param(check, cycles, plant, id=f"{check}: {name}", marks=() if index < quick else slow)
    for check, cycles, quick, faults in [
        ("crc", 20, 3, CRC),
        ("uart", 140, 2, UART),
        ("pack", 16, 6, PACK),
        ("frame_rx", 56, 1, FRAME_RX),
        ("frame_rx", 76, 0, TIME_OUT),
        ("frame_tx", 34, 1, FRAME_TX),
    ]
    for index, (name, plant) in enumerate(faults.items())
]


@pytest.mark.parametrize(("check", "cycles", "plant"), FAULTS)
def test_a_fault_is_found(check, cycles, plant, tmp_path):
    assert not proves(check, cycles, tmp_path, plant, **({"NOISE": 4} if check == "uart" else {}))
