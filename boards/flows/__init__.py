"""Tool flows: each turns the files of a top module into a plan of steps, and reads what the tools report."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from boards.flows.flow import Flow


def get(name: str) -> Flow:
    """The flow that a board names: FLOW of the module of that name."""
    flow: Flow = import_module(f"boards.flows.{name}").FLOW
    return flow
