"""Programs for the computer beside a core that is reached over AXI: a folder `driver`, which needs no accel there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from accel.design import Design
from accel.stream import Stream
from boards import protocol

_HERE = Path(__file__).parent
_EXAMPLES = 4
PROGRAMS = {"zynq": "pynq_driver.py", "vitis": "xrt_host.py"}
"""Tool flow → the program."""


def files(design: Design, flow: str) -> dict[str, str]:
    """Name → text of the folder `driver`: program, what it has to know of the design, an example and a README."""
    known = {"hash": design.hash, "input": _described(design.input), "output": _described(design.output)}
    tensor = design.input.tensor
    x = np.random.default_rng(0).integers(tensor.lo, tensor.hi + 1, (_EXAMPLES, tensor.size))
    return {
        "driver/driver.py": _text(PROGRAMS[flow]).replace(
            "from boards.host_samples import", "from host_samples import"
        ),
        "driver/host_samples.py": _text("host_samples.py"),
        "driver/design.json": json.dumps(known, indent=1) + "\n",
        "driver/x.txt": "".join(" ".join(map(str, row)) + "\n" for row in x),
        "driver/README.md": _README[flow],
    }


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _described(stream: Stream) -> dict[str, object]:
    """Entries of a stream that `host_samples` reads."""
    tensor = stream.tensor
    entry: dict[str, object] = {
        "elements": tensor.size,
        "bytes": protocol.element_bytes(stream),
        "signed": stream.signed,
        "shape": tensor.shape,
        "lo": tensor.lo,
        "hi": tensor.hi,
        "scale": tensor.scale,
    }
    return entry | ({"offset": tensor.offset} if tensor.offset else {})


_README = {
    "zynq": """\
# Driver

What runs on the board's own processor: Linux with pynq (the PYNQ image, or Kria's pynq installation) and numpy.

1. Build the bitstream: `sh build.sh` in the folder above, where Vivado is installed.
2. Copy this folder and, into it, `board.bit` and `board.hwh` to the board.
3. There: `sudo -E python3 driver.py x.txt y.txt`

`x.txt` holds example samples, one per line, as integers in the input's range. `design.json` has ranges, scales and
shapes: real value = integer * scale. Where accel is installed, `boards.connect(design, overlay="board.bit")` does the
same with real numbers.
""",
    "vitis": """\
# Host program

What runs on the computer with the card: Python with numpy and pyxrt, which comes with XRT
(source /opt/xilinx/xrt/setup.sh).

1. Build the kernel: `sh build.sh` in the folder above, where Vivado and Vitis are installed.
2. There: `python3 driver.py x.txt y.txt ../accel.xclbin`

`x.txt` holds example samples, one per line, as integers in the input's range. `design.json` has ranges, scales and
shapes: real value = integer * scale.
""",
}
