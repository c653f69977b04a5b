"""`accel doctor`: which tools, packages, data sets and devices are here, and what each enables."""

from __future__ import annotations

from dataclasses import asdict

import click

from accel.cli.display import json_option, show_json
from accel.errors import ToolError
from accel.verbs.doctor import NEEDED, Finding, findings


@click.command(short_help="List the installed tools and what they enable.")
@json_option
def command(as_json: bool) -> None:
    """List every tool, package, data set and device that accel can use, and what it enables.

    Exits with 1 when something is missing that `accel demo` needs.

    \b
    Examples:
      accel doctor
      accel doctor --json
    """
    found = findings()
    lacking = [f for f in found if not f.found and f.name in NEEDED]
    if as_json:
        show_json({"ready": not lacking, "found": [asdict(f) for f in found]})
    else:
        _show(found)
    if lacking:
        raise ToolError("; ".join(f"{f.name} is missing: {f.install}" for f in lacking))
    if not as_json:
        click.echo("Everything that `accel demo` needs is installed.")


def _show(found: list[Finding]) -> None:
    from accel.cli.display import show_table

    here = [(f.name, f.version, f.enables, f.where) for f in found if f.found]
    show_table("Installed", ("name", "version", "enables", "where"), here, extra=("where",))
    missing = [(f.name, f.enables, f.install) for f in found if not f.found]
    if missing:
        show_table("Missing", ("name", "would enable", "how to get it"), missing)
