"""How many threads the compiled reference takes."""

from __future__ import annotations

import os
import sys


def threads() -> int:
    """The number that torch has where it is loaded, else OMP_NUM_THREADS, else that of the processors for this process.

    Importing torch for the number alone would take a second and 200 MB.
    """
    if (torch := sys.modules.get("torch")) is not None:
        return int(torch.get_num_threads())
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if asked.isdecimal() and int(asked):
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
