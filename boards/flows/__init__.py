"""Tool flows: each turns the files of a top module into a plan of steps, and reads what the tools report."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from accel.errors import UserError
from boards.board import FLOWS

if TYPE_CHECKING:
    from boards.flows.flow import Flow


def get(name: str) -> Flow:
    """The flow that a board names: FLOW of the module of that name. Raises UserError when there is none."""
    if name not in FLOWS:
        raise UserError(f"there is no flow {name!r}; there are {', '.join(FLOWS)}")
    flow: Flow = import_module(f"boards.flows.{name}").FLOW
    return flow
