"""The processes: torchrun starts them, this module connects them, and lets them fail together."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

import torch
from torch import distributed
from torch._C._distributed_c10d import HashStore

from accel.errors import UserError

T = TypeVar("T")


def rank() -> int:
    """Rank of this process, before and after the group exists; 0 without torchrun."""
    return int(os.environ.get("RANK", "0"))


@contextmanager
def group() -> Iterator[torch.device]:
    """All processes that torchrun started, or this one alone: on a GPU each with NCCL, else on the CPU with gloo."""
    device = _device()
    backend = "nccl" if device.type == "cuda" else "gloo"
    if "WORLD_SIZE" in os.environ:
        distributed.init_process_group(backend)
    else:
        distributed.init_process_group(backend, store=HashStore(), rank=0, world_size=1)
    try:
        yield device
        distributed.barrier()  # nobody leaves while another still talks to it
    finally:
        distributed.destroy_process_group()


def leave(code: int) -> NoReturn:
    """End this process with an exit code, at once when it is one of several.

    gloo's threads outlive `destroy_process_group` as long as a cache of DTensor refers to their group. When such a
    thread lets go of a tensor while Python shuts down, it aborts the process, and torchrun reports a failure of a
    training that is complete (torch 2.13). Nothing is lost: all files are written and closed before.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        os._exit(code)
    sys.exit(code)


def agreed(action: Callable[[], T]) -> T:
    """Its result, when every process has one. Raises on all of them the first UserError that any of them met."""
    result, error = None, None
    try:
        result = action()
    except UserError as met:
        error = str(met)
    errors: list[str | None] = [None] * distributed.get_world_size()
    distributed.all_gather_object(errors, error)
    for text in errors:
        if text is not None:
            raise UserError(text)
    return result  # type: ignore[return-value]


def _device() -> torch.device:
    """A GPU when there is one for every process of this machine."""
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if torch.cuda.device_count() < int(os.environ.get("LOCAL_WORLD_SIZE", "1")):
        return torch.device("cpu")
    torch.cuda.set_device(local)
    return torch.device("cuda", local)
