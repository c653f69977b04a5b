"""`accel lm`: language models in exact integers: import, check, measure, write, chat."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli.display import json_option, show_json, show_table, working
from accel.cli.group import Verbs
from accel.cli.lm_options import device_option, model_options, tokenizer_option
from accel.cli.lm_text import chat_command, generate_command
from accel.errors import UserError
from accel.files import require_ordinary, require_place

if TYPE_CHECKING:
    from accel.verbs.lm import LanguageModel, Perplexity

LEVELS = "reference,native,decode"

_text = click.option("--text", required=True, type=click.Path(path_type=Path), help="The file to read, in UTF-8.")
_few = click.option(
    "--tokens",
    type=click.IntRange(min=1),
    help="Predict at least this number of tokens, in whole windows.  [default: the whole text]",
)
_window = click.option(
    "--window", type=click.IntRange(min=2), default=512, show_default=True, help="Tokens that are read at once."
)


@click.group(cls=Verbs, short_help="Run and measure language models in exact integers.")
def command() -> None:
    """Turn a checkpoint of a language model (GGUF, a folder of Hugging Face, llama2.c) into exact integers.

    \b
    Examples:
      accel lm generate model.gguf --prompt "Once upon a time" --tokens 60
      accel lm chat model.gguf
      accel lm perplexity model.gguf --text book.txt --tokens 5000
      accel lm calibrate model.gguf --text book.txt --tokens 2000
      accel lm import model.gguf --out model.accel
      accel lm train stories260K.bin --recipe W4A8 --out stories.accel
      accel lm check model.accel
    """


command.add_command(generate_command)
command.add_command(chat_command)


@command.command("import", short_help="Write a checkpoint's integers into one file.")
@model_options
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file to write.")
@json_option
def import_command(model: Path, recipe: str | None, tokenizer: Path | None, out: Path, as_json: bool) -> None:
    """Write the integers of MODEL, its formats and its tokenizer into one file, which every other verb reads.

    \b
    Example:
      accel lm import model.gguf --recipe A --out model.accel
    """
    from accel.verbs import lm

    require_place(out, model)
    with working("import"):
        found = lm.load(model, recipe, tokenizer=tokenizer)
        digest = found.save(out)
    _show_saved(found, out, digest, as_json)


@command.command("check", short_help="Compare all levels on random tokens.")
@model_options
@click.option("--levels", default=LEVELS, show_default=True, help="Also csim, rtl and rtl_stalled.")
@click.option(
    "--tokens",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    help="Tokens of the sequence, up to all that the model has.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the tokens.")
@json_option
def check_command(
    model: Path, recipe: str | None, tokenizer: Path | None, levels: str, tokens: int, seed: int, as_json: bool
) -> int:
    """Run levels on random tokens and compare all logits with the first level, as integers.

    The level `reference` is torch, `native` is compiled C++, and `decode` is compiled and takes one token at a time.

    \b
    Examples:
      accel lm check model.gguf
      accel lm check model.accel --levels reference,native --tokens 64 --json
    """
    from accel.verbs import lm
    from accel.verbs.lm.check import chosen

    names = chosen([name.strip() for name in levels.split(",")])
    with working("check") as progress:
        found = lm.load(model, recipe, tokenizer=tokenizer)
        outcomes = found.check(names, tokens=tokens, seed=seed, progress=progress)
    if as_json:
        show_json({o.level: {"mismatches": o.mismatches, "seconds": o.seconds} for o in outcomes})
    else:
        rows = [(o.level, tokens, o.mismatches, f"{o.seconds:.2f}") for o in outcomes]
        show_table(str(model), ("level", "tokens", "mismatches", "seconds"), rows)
    for outcome in outcomes:
        if outcome.difference:
            click.echo(f"accel: {outcome.difference}", err=True)
    if len(outcomes) == 1:
        click.echo(f"accel: {names[0]} was compared with nothing; name another level too", err=True)
    return int(any(o.mismatches for o in outcomes))


@command.command("perplexity", short_help="Measure what the integers cost on a text.")
@model_options
@_text
@_few
@_window
@device_option
@json_option
def perplexity_command(
    model: Path, recipe: str | None, tokenizer: Path | None, text: Path, tokens: int | None, window: int, device: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Nats per token of a text in real numbers and in integers, KL, and greedy tokens that flip.

    \b
    Examples:
      accel lm perplexity model.gguf --text book.txt --tokens 5000
      accel lm perplexity model.gguf --text book.txt --recipe A --json
    """
    from accel.verbs import lm

    with working("perplexity") as progress:
        found = lm.load(model, recipe, tokenizer=tokenizer)
        result = found.perplexity(_read(text), tokens, window=window, device=device, progress=progress)
    _show_costs({recipe or "": result}, f"{model} on {text}", as_json, single=True)


@command.command("calibrate", short_help="Compare recipes on a text.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--recipe", "recipes", multiple=True, help="Only this recipe; can be repeated.  [default: all]")
@tokenizer_option
@_text
@_few
@_window
@device_option
@json_option
def calibrate_command(
    model: Path, recipes: tuple[str, ...], tokenizer: Path | None, text: Path, tokens: int | None, window: int,
    device: str, as_json: bool,
) -> None:  # fmt: skip
    """Compare recipes of a checkpoint on one text: nats, KL and greedy tokens that flip.

    \b
    Examples:
      accel lm calibrate model.gguf --text book.txt --tokens 2000
      accel lm calibrate model.gguf --text book.txt --recipe B14 --recipe B14:key_value_bits=6 --json
    """
    from accel.verbs import lm

    with working("calibrate") as progress:
        found = lm.calibrate(
            model, _read(text), recipes, tokens, window=window, tokenizer=tokenizer, device=device, progress=progress
        )
    _show_costs(found, f"{model} on {text}", as_json)


@command.command("train", short_help="Train rounded weights on text that the model draws.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--recipe", default="W4A8", show_default=True, help="One with groups of weights.")
@tokenizer_option
@click.option("--steps", type=click.IntRange(min=0), default=200, show_default=True, help="Steps; 0: only GPTQ.")
@click.option(
    "--tokens", type=click.IntRange(min=2), default=4096, show_default=True, help="Tokens that GPTQ looks at."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of the text.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file to write.")
@json_option
def train_command(
    model: Path, recipe: str, tokenizer: Path | None, steps: int, tokens: int, seed: int, out: Path, as_json: bool
) -> None:
    """Round the weights of MODEL so that they lose less than rounding each to the nearest.

    MODEL draws text itself. Roundings make up for each other on it (GPTQ), and training goes on from there: the
    integers learn what the real numbers say. The file has the integers, and every other verb reads it.

    \b
    Examples:
      accel lm train stories260K.bin --recipe W4A8 --out stories.accel
      accel lm train model.gguf --recipe W4A8 --steps 0 --out model.accel
    """
    from accel.verbs import lm

    require_place(out, model)
    with working("train") as progress:
        found = lm.train(model, recipe, steps, tokens=tokens, seed=seed, tokenizer=tokenizer, progress=progress)
        digest = found.save(out)
    _show_saved(found, out, digest, as_json)


def _read(path: Path) -> str:
    require_ordinary(path)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path}: is no text in UTF-8; convert it") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; name a text file") from None


def _error(found: Perplexity) -> str:
    return "–" if found.error is None else f"{found.error:.4f}"


def _show_saved(model: LanguageModel, out: Path, digest: str, as_json: bool) -> None:
    parameters = model.configuration.parameters
    if as_json:
        show_json({"out": out, "sha256": digest, "parameters": parameters})
    else:
        click.echo(f"wrote {out}: {parameters:,} parameters")


def _show_costs(found: dict[str, Perplexity], title: str, as_json: bool, *, single: bool = False) -> None:
    if as_json:
        entries = {name: {**asdict(result), "cost": result.cost} for name, result in found.items()}
        show_json(next(iter(entries.values())) if single else entries)
        return
    columns = ("recipe", "tokens", "nats, float", "nats, integers", "cost", "±", "KL", "flips")
    rows = [
        (name, r.tokens, f"{r.nats_float:.4f}", f"{r.nats_integer:.4f}", f"{r.cost:+.4f}", _error(r),
         f"{r.kl:.4f}", f"{r.flips:.2%}")
        for name, r in found.items()
    ]  # fmt: skip
    show_table(title, columns[single:], [row[single:] for row in rows])
