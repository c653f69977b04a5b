"""`accel lower --target engine`: a language model becomes the design of a decode engine, with its program beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from accel.design import DESIGN_FILE, GRAPH_FILE
from accel.errors import UserError
from accel.files import write_atomic
from accel.graph import Graph
from accel.verbs import BOARD
from accel.verbs.engine import making, texts
from accel.verbs.engine.loading import CausalModel
from accel.verbs.engine.making import Wanted
from accel.verbs.output import whole_folder

if TYPE_CHECKING:
    from accel.design import Design
    from accel.engine.isa import EngineProgram
    from boards.board import Board

PROGRAM_FILE = "program.json"
"""The instructions of the engine beside its design, a line each."""


@dataclass(frozen=True)
class LoweredEngine:
    """A folder with the design of a decode engine, and its figures on a board, which are known without simulation."""

    out: Path
    design: Design
    program: EngineProgram
    board: Board

    def cycles(self, position: int) -> int:
        """Cycles of the token at a position."""
        from accel.engine import timing

        return timing.cycles(self.program, position)

    def tokens_per_s(self, position: int) -> float:
        """Tokens per second at the board's clock, without the line that carries them."""
        return 1e6 * self.board.clock_mhz / self.cycles(position)

    @property
    def last(self) -> int:
        """The last position of the context."""
        return self.program.sizes.context - 1

    @property
    def products(self) -> int:
        """Products of the array per cycle."""
        return self.program.sizes.pe * self.program.sizes.simd

    @property
    def memory_bits(self) -> dict[str, int]:
        """Bits of constants, which are weights, tables and instructions, and of keys and values."""
        sizes = self.program.sizes
        cached = sizes.layers * sizes.context * sizes.kv_heads * sizes.head_size
        constants = sum(image.depth * image.width for image in self.design.memories.values())
        return {"constants": constants, "cache": 4 * cached * (sizes.key_planes + sizes.value_planes)}

    def as_dict(self) -> dict[str, object]:
        """Plain data, for JSON."""
        sizes = self.program.sizes
        return {
            "out": str(self.out),
            "target": "engine",
            "pe": sizes.pe,
            "simd": sizes.simd,
            "products": self.products,
            "context": sizes.context,
            "vocabulary": sizes.vocabulary,
            "instructions": len(self.program.instructions),
            "cycles": {"first": self.cycles(0), "last": self.cycles(self.last)},
            "board": self.board.name,
            "clock_mhz": self.board.clock_mhz,
            "tokens_per_s": {"first": self.tokens_per_s(0), "last": self.tokens_per_s(self.last)},
            "memory_bits": self.memory_bits,
            "draws": self.program.noise is not None,
            "answer": self.design.output.name,
        }

    def lines(self) -> list[str]:
        """The figures in words."""
        sizes, memory, first, last = self.program.sizes, self.memory_bits, self.cycles(0), self.cycles(self.last)
        rates = self.tokens_per_s(0), self.tokens_per_s(self.last)
        return [
            f"array      {sizes.pe} x {sizes.simd} = {self.products:,} products per cycle",
            f"program    {len(self.program.instructions):,} instructions per token, context {sizes.context:,}, "
            f"vocabulary {sizes.vocabulary:,}",
            f"cycles     {first:,} for the first token, {last:,} for the one at position {self.last:,}",
            f"tokens/s   {rates[0]:,.0f} to {rates[1]:,.0f} at the {self.board.clock_mhz:.4g} MHz of {self.board.name}",
            f"memory     {memory['constants']:,} bits of weights, tables and instructions, {memory['cache']:,} of keys "
            "and values",
        ]


def lower_engine(
    model: Graph | Path | str,
    out: Path | str,
    *,
    board: str = BOARD,
    products: int | None = None,
    pe: int | None = None,
    simd: int | None = None,
    temperature: float | None = None,
    logits: bool = False,
    recipe: str | None = None,
    context: int | None = None,
    tokenizer: Path | str | None = None,
) -> LoweredEngine:
    """Write the decode engine of a causal graph, or of a model's file, into folder `out`: SystemVerilog and program.

    A file is an ONNX file, a graph's file or a checkpoint (GGUF, Hugging Face, .bin of llama2.c), for which `recipe`,
    `context` (tokens) and `tokenizer` say how it becomes a graph. The array has `products` per cycle, or `pe` rows of
    `simd` products; by default, it is the fastest that `board` has room for, by estimate. With a `temperature`, the
    engine draws tokens where it is asked with a seed; with `logits`, it answers with all of them, and the host chooses.
    Returns the figures, which are known without simulation.

    Raises UserError where the model does not fit the engine, naming the node, or no such engine suits it, and where
    `out` cannot be written.
    """
    wanted = Wanted(recipe, context, Path(tokenizer) if tokenizer else None, pe, simd, products, temperature, logits)
    if not isinstance(model, Graph | Path | str):
        raise UserError(f"a model is a graph or the name of a file; got {type(model).__name__}")
    read = CausalModel(model) if isinstance(model, Graph) else making.read(model, wanted)
    return lower(read, out, wanted, board=board)


def lower(model: CausalModel, out: Path | str, wanted: Wanted | None = None, *, board: str = BOARD) -> LoweredEngine:
    """Write the decode engine of a model into folder `out`: design, graph, program, and the tokenizer if there is one.

    Raises UserError where the model does not fit the engine, naming the node, and where `out` cannot be written.
    """
    import boards
    from accel import storage
    from accel.engine.text import text
    from hls.engine import emit

    wanted = wanted or Wanted()
    with whole_folder(Path(out), DESIGN_FILE) as folder:
        program = making.program(model.graph, wanted, board)
        design = replace(
            emit.design(program, logits=wanted.logits, dsp=boards.get(board).capacity.dsp),
            graph=storage.save(model.graph, folder / GRAPH_FILE),
        )
        design.write(folder)
        write_atomic(folder / PROGRAM_FILE, text(program))
        if model.tokenizer:
            texts.save(model.tokenizer, folder)
    return LoweredEngine(Path(out), design, program, boards.get(board))
