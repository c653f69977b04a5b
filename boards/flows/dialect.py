"""Attributes of memories in a vendor's own words: the sources carry yosys' words, which other tools ignore.

Vivado (UG901): ram_style block or distributed, rom_style block or distributed; other values are ignored with a
warning, and a table may become block RAM. Memory contents are .mem files (UG835, read_mem).
Quartus (683283): ramstyle and romstyle with "M10K", "MLAB" or "logic"; "no_rw_check" is a part of the value. Without it
pass-through logic is added (warning 276020).
"""

from __future__ import annotations

import re

from accel.image import Content, Image

_ATTRIBUTE = re.compile(r'\(\* (ram|rom)_style = "(\w+)"(, no_rw_check)? \*\)')
_QUARTUS = {"block": "M10K", "distributed": "MLAB", "logic": "logic"}


def vivado(files: dict[str, Content]) -> dict[str, Content]:
    """Files (name → content) for Vivado; memory contents get the ending .mem."""
    renamed = {name: name.removesuffix(".hex") + ".mem" for name in files if name.endswith(".hex")}
    return {renamed.get(name, name): _vivado_text(name, text) for name, text in files.items()}


def quartus(files: dict[str, Content]) -> dict[str, Content]:
    """Files (name → content) for Quartus."""
    return {name: _quartus_text(name, content) for name, content in files.items()}


def _vivado_text(name: str, content: Content) -> Content:
    if isinstance(content, Image) or not name.endswith((".sv", ".v")):
        return content
    return _ATTRIBUTE.sub(_in_vivado, content).replace('.hex"', '.mem"')


def _quartus_text(name: str, content: Content) -> Content:
    if isinstance(content, Image) or not name.endswith(".sv"):
        return content
    return _ATTRIBUTE.sub(_in_quartus, content)


def _in_vivado(found: re.Match[str]) -> str:
    kind, value = found[1], found[2]
    return f'(* {kind}_style = "{"distributed" if value == "logic" else value}" *)'


def _in_quartus(found: re.Match[str]) -> str:
    unchecked = ", no_rw_check" if found[3] else ""
    return f'(* {found[1]}style = "{_QUARTUS[found[2]]}{unchecked}" *)'
