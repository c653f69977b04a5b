"""The back ends that take our layer as it is."""

from __future__ import annotations

from pathlib import Path

from hls4ml.backends.backend import Backend
from hls4ml.model.graph import ModelGraph

from hls.projects.conversion import KernelCall, KernelConfig

TEMPLATES = (KernelConfig, KernelCall)


def prepare(backend: Backend) -> None:
    """Nothing is missing."""


def finish(project: Path, model: ModelGraph) -> None:
    """Nothing to repair."""
