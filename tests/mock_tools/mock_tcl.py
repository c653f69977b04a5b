"""A Tcl shell with only the commands that a mock gives it: what it does not know fails, as in the real tool."""

from __future__ import annotations

import os
import re
import sys
import tkinter
from collections.abc import Callable
from pathlib import Path

FAIL = os.environ.get("MOCK_FAIL", "")
"""What goes wrong: "exit", "report", "timing", "large", "clock", … or nothing."""


class MockError(Exception):
    """Reported as the tool reports its own errors."""


def run(script: Path, commands: dict[str, Callable[..., object]], before: str = "") -> None:
    """Run a script with the vendor's `commands`, after the Tcl `before`; ends the program with 1 on an error."""
    tcl = tkinter.Tcl()
    failures: list[str] = []
    ended: list[int] = []

    def leave(code: str = "0") -> None:
        ended.append(int(code))
        raise MockError("exit")

    def guarded(name: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: str) -> object:
            try:
                result = function(*args)
                return "" if result is None else result
            except MockError as error:
                failures.append(f"{name}: {error}")
                raise

        return call

    for name, function in {**commands, "exit": leave}.items():
        if "::" in name:
            tcl.eval(f"namespace eval {name.rpartition('::')[0]} {{}}")
        tcl.createcommand(name, guarded(name, function))
    try:
        tcl.eval(before)
        tcl.eval(script.read_text())
    except tkinter.TclError as error:
        if ended:
            sys.exit(ended[0])
        print(f"ERROR: [Common 17-39] {failures[-1] if failures else error}")
        sys.exit(1)


def words(text: str) -> list[str]:
    """A Tcl list as Python strings."""
    return list(tkinter.Tcl().splitlist(text))


def options(args: tuple[str, ...], flags: tuple[str, ...] = ()) -> tuple[dict[str, str], list[str]]:
    """`-name value` pairs (and `flags` without value), and the other arguments."""
    named, rest, index = {}, [], 0
    while index < len(args):
        if args[index].startswith("-") and args[index][1:] in flags:
            named[args[index][1:]] = "1"
        elif args[index].startswith("-"):
            index += 1
            named[args[index - 1][1:]] = args[index]
        else:
            rest.append(args[index])
        index += 1
    return named, rest


def existing(name: str) -> Path:
    """The file of that name; an error without it."""
    if not Path(name).is_file():
        raise MockError(f"File '{name}' does not exist")
    return Path(name)


def ports(top: str, sources: list[str]) -> list[str]:
    """Port names of module `top`, which must be in one of the sources, whose memories' contents must be there."""
    for text in (existing(name).read_text() for name in sources):
        for memory in re.findall(r'"(\w+\.hex)"', text):
            existing(memory)
        found = re.search(rf"^module {top} \((.*?)\);", text, re.DOTALL | re.MULTILINE)
        if found:
            return re.findall(r"(\w+)\s*(?:,|$)", re.sub(r"//.*|\(\*.*?\*\)", "", found[1]).strip())
    raise MockError(f"Module '{top}' not found in {sources}")
