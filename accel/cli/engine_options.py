"""Options of verbs that make a decode engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path

import click

from accel.errors import UserError
from accel.verbs.engine.making import Wanted


def engine_options(command: Callable[..., object]) -> Callable[..., object]:
    """Options for --target engine; they become `wanted`."""

    @click.option(
        "--products",
        type=click.IntRange(min=1),
        help="Engine: products per cycle.  [default: what the board has room for]",
    )
    @click.option("--pe", type=click.IntRange(min=1), help="Engine: rows of the array, with --simd.")
    @click.option("--simd", type=click.IntRange(min=1), help="Engine: products of a row, with --pe.")
    @click.option("--recipe", help="Engine: recipe of a checkpoint, as of `accel lm`.  [default: E9]")
    @click.option("--context", type=int, help="Engine: tokens of a checkpoint's sequence.  [default: 512 or fewer]")
    @click.option(
        "--tokenizer", type=click.Path(path_type=Path), help="Engine: tokenizer's file of a .bin of llama2.c."
    )
    @click.option(
        "--temperature",
        type=click.FloatRange(min=0, min_open=True),
        help="Engine: draw tokens, where a request has a seed.  [default: the likeliest token]",
    )
    @click.option("--logits", is_flag=True, help="Engine: answer with all logits, for a host that draws tokens.")
    @wraps(command)
    def with_engine(
        *args: object, products: int | None, pe: int | None, simd: int | None, recipe: str | None,
        context: int | None, tokenizer: Path | None, temperature: float | None, logits: bool, **given: object,
    ) -> object:  # fmt: skip
        wanted = Wanted(recipe, context, tokenizer, pe, simd, products, temperature, logits)
        return command(*args, wanted=wanted, **given)

    return with_engine


def require_own(options: Mapping[str, object], owner: str, target: str) -> None:
    """Raise UserError where an option is given that is not for this target; `owner` is whom it is for."""
    spelled = {parameter.name: parameter.opts[0] for parameter in click.get_current_context().command.params}
    for name, value in options.items():
        if value is not None and value is not False:
            raise UserError(f"{spelled[name]} is for {owner}, this is --target {target}")
