"""A program of the decode engine as a design: SystemVerilog, memories, streams and predicted cycles.

design = emit.design(timing.gaps(program)); simulate.run(design, requests)
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

from accel.design import Design, Figures
from accel.engine import size, timing
from accel.engine.isa import EngineProgram, Opcode
from accel.engine.sampling import SEED_BITS
from accel.hardware import Module
from accel.stream import Stream
from accel.tensor import Tensor
from hls.engine import attention, core, exponents, leaving, residual, units, writes
from hls.engine.build import Build
from hls.engine.glue import TOP, glue
from hls.rtl import emit as dataflow


def design(program: EngineProgram, *, burst: int = 1, logits: bool = False, dsp: int | None = None) -> Design:
    """The design of a program with its gaps; a request of it gives `burst` tokens, or all `logits` of one.

    `dsp` is the number of the device's hard multipliers; by default it has all that are of use.
    """
    sizes, made = program.sizes, _made(program, burst, logits, dsp)
    text = made.text(TOP)
    files = {f"{TOP}.sv": text, **{f"{name}.sv": library()[name] for name in used(text)}}
    last = timing.cycles(program, sizes.context - 1)
    work = (
        sum(i.rows * i.words * i.planes for i in program.instructions if i.op is Opcode.MATRIX) * sizes.pe * sizes.simd
    )
    share = min(1.0, work / (last * sizes.pe * sizes.simd))
    latency = burst * last + (2 * sizes.vocabulary if logits else 1)
    figures = Figures(latency, latency, burst * work, sizes.pe * sizes.simd, share)
    name = program.network.graph.name
    return Design(
        name, TOP, files, (made.request,), (made.answer,), figures, memories=made.memories, context=sizes.context
    )


def parts(program: EngineProgram, *, logits: bool = False, dsp: int | None = None) -> dict[str, Module]:
    """The units of the design by their names, and TOP, what is between them."""
    made = _made(program, 1, logits, dsp)
    return {**made.units, TOP: glue(made)}


def _made(program: EngineProgram, burst: int, logits: bool, dsp: int | None) -> Build:
    """All sections of the top module."""
    tensor = program.network.graph.output_tensor
    answer = Stream.of("tokens", Tensor((burst, 1), 0, program.sizes.vocabulary - 1), 1)
    if logits:
        answer = Stream.of("logits", replace(tensor, shape=(1, program.sizes.vocabulary)), 1)
    made = Build(program, _request(program), answer)
    core.tokens(made)
    core.sequencer(made)
    core.tape(made)
    core.operands(made)
    core.array(made, size.hard_products(program, dsp))
    leaving.leaving(made)
    core.rounding(made)
    residual.stream(made)
    attention.attention(made)
    units.turns(made)
    units.gate(made)
    exponents.exponents(made)
    writes.writes(made)
    if logits:
        writes.told(made)
    else:
        writes.picked(made)
    writes.trace(made)
    return made


def _request(program: EngineProgram) -> Stream:
    """A token and its position, and where tokens are drawn a seed."""
    most, numbers = max(program.sizes.vocabulary, program.sizes.context) - 1, 2
    if program.noise:
        most, numbers = max(most, (1 << SEED_BITS) - 1), 3
    return Stream.of("request", Tensor((1, numbers), 0, most), numbers)


@cache
def library() -> dict[str, str]:
    """Module name → source text: the engine's, and those that other designs have too."""
    own = {path.stem: path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.sv"))}
    return dataflow.library() | own


def used(text: str) -> list[str]:
    """Names of the library modules that a text instantiates, directly or below."""
    found: set[str] = set()
    pending = [text]
    while pending:
        names = set(re.findall(r"\baccel_\w+\b(?=\s+(?:#\(|\w+\s*\())", pending.pop())) & set(library())
        pending += [library()[name] for name in names - found]
        found |= names
    return sorted(found)
