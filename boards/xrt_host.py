"""Run samples through this design on an Alveo card: Python with pyxrt (part of XRT) and numpy is enough.

    python3 driver.py x.txt y.txt [accel.xclbin]

x.txt has one sample per line: its integers, tokens times channels, separated by blanks. An .npy file is read as well.
Real numbers become such integers as round(x / scale), clipped to lo..hi; scale, lo and hi are in design.json.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from boards.host_samples import described, pack, read, stream_bytes, unpack, words, write


def run(xclbin: Path, design: dict[str, Any], samples: np.ndarray) -> np.ndarray:
    """Integers (samples, elements) through memory -> accel_send -> core -> accel_receive -> memory."""
    import pyxrt  # type: ignore[import-not-found, unused-ignore]

    device = pyxrt.device(0)
    uuid = device.load_xclbin(pyxrt.xclbin(str(xclbin)))
    send = pyxrt.kernel(device, uuid, "accel_send:{send}", pyxrt.kernel.shared)
    receive = pyxrt.kernel(device, uuid, "accel_receive:{receive}", pyxrt.kernel.shared)
    data, size = pack(samples, design["input"]), len(samples) * stream_bytes(design["output"])
    into = pyxrt.bo(device, len(data), pyxrt.bo.normal, send.group_id(0))
    out = pyxrt.bo(device, size, pyxrt.bo.normal, receive.group_id(0))
    into.write(data.tobytes(), 0)
    into.sync(pyxrt.xclBOSyncDirection.XCL_BO_SYNC_BO_TO_DEVICE, len(data), 0)
    receiving = receive(out, size)  # first, so that nothing waits in the core
    send(into, len(data)).wait()
    receiving.wait()
    out.sync(pyxrt.xclBOSyncDirection.XCL_BO_SYNC_BO_FROM_DEVICE, size, 0)
    return unpack(np.frombuffer(out.read(size, 0), np.uint8), design["output"])


def main(arguments: list[str]) -> None:
    """The command line: samples, results and, if it lies elsewhere, the xclbin."""
    source, target, xclbin = words(arguments, __doc__, "accel.xclbin")
    design = described()
    rows = read(source, design["input"])
    start = time.monotonic()
    results = run(xclbin, design, rows)
    print(f"{len(rows)} samples in {time.monotonic() - start:.2f} s")
    write(target, results)


if __name__ == "__main__":
    main(sys.argv[1:])
