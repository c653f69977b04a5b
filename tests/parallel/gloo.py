"""Processes connected by gloo, for tests: forked from a server that has imported everything once."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import pickle
import socket
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.forkserver import ensure_running
from typing import Any

import pytest
import torch

from models.parallel import processes

LIMIT = 300
"""Seconds after which processes count as hanging."""

_context = multiprocessing.get_context("forkserver")


def _serve() -> None:
    """Start the server with this process' import path: it would skip what it cannot import without a word."""
    _context.set_forkserver_preload(["steps"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        ensure_running()


def run(count: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """`work(device, *arguments)` in `count` processes; their results by rank. An error of one is raised at once."""
    _serve()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    pipes = [_context.Pipe(duplex=False) for _ in range(count)]
    started = [
        _context.Process(target=_main, args=(rank, count, port, pipes[rank][1], work, arguments), daemon=True)
        for rank in range(count)
    ]
    for process in started:
        process.start()
    try:
        return _results([receiving for receiving, _ in pipes])
    finally:
        for process in started:
            process.join(5)
            process.kill()


def _results(pipes: list[Any]) -> list[Any]:
    """In order of arrival, so that a failure is seen while the other processes still wait for the failed one."""
    deadline, results = time.monotonic() + LIMIT, {}
    while len(results) < len(pipes):
        waiting = [pipe for rank, pipe in enumerate(pipes) if rank not in results]
        ready = multiprocessing.connection.wait(waiting, deadline - time.monotonic())
        if not ready:
            raise TimeoutError(f"{len(waiting)} of {len(pipes)} processes hang")
        for pipe in ready:
            results[pipes.index(pipe)], error = pickle.loads(pipe.recv_bytes())
            if error:
                raise RuntimeError(f"rank {pipes.index(pipe)}: {error}")
    return [results[rank] for rank in range(len(pipes))]


def _main(rank: int, count: int, port: int, pipe: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE=str(count))
    try:
        with processes.group() as device:
            answer = (work(device, *arguments), None)
    except BaseException:
        answer = (None, traceback.format_exc())
    pipe.send_bytes(pickle.dumps(answer))  # by value: torch's own way shares memory with a process that ends
