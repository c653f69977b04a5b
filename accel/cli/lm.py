"""`accel lm`: language models in exact integers: import, check, measure, write, chat."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from accel.cli.display import json_option, show_json, show_table, working
from accel.cli.group import Verbs
from accel.errors import UserError
from accel.files import require_ordinary, require_place

if TYPE_CHECKING:
    from accel.verbs.lm import Generated, LanguageModel, Perplexity
    from accel.verbs.lm.conversation import Conversation
    from accel.verbs.lm.writing import TellText

Command = Callable[..., Any]
TOKENS, LEVELS = 128, "reference,native,decode"


_tokenizer = click.option(
    "--tokenizer", type=click.Path(path_type=Path), help="Tokenizer's file of a .bin of llama2.c."
)


def _model(command: Command) -> Command:
    """Arguments of every verb that opens a model."""
    options = (
        click.argument("model", type=click.Path(path_type=Path)),
        click.option(
            "--recipe",
            help="B14, B10, A, W8A8, W4A8, W4A8-GPTQ, W4A8-QAT, W3A8-QAT, TERNARY-QAT, KV4, STATIC8 or E9, also with "
            "fields changed: B14:key_value_bits=9.  "
            "[default: B14, or that of a file of accel]",
        ),
        _tokenizer,
    )
    for option in reversed(options):
        command = option(command)
    return command


_context = click.option(
    "--context",
    type=int,
    help="Tokens that the model sees at once.  [default: 512, or all that the model has if fewer]",
)
_text = click.option("--text", required=True, type=click.Path(path_type=Path), help="The file to read, in UTF-8.")
_few = click.option(
    "--tokens",
    type=click.IntRange(min=1),
    help="Predict at least this number of tokens, in whole windows.  [default: the whole text]",
)
_window = click.option(
    "--window", type=click.IntRange(min=2), default=512, show_default=True, help="Tokens that are read at once."
)
_device = click.option(
    "--device", default="native", show_default=True, help="Where the integers run: native (compiled C++), cpu or cuda."
)


def _stop(command: Command) -> Command:
    return click.option("--stop", multiple=True, help="End in front of this text; can be repeated.")(command)


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


@command.command("import", short_help="Write a checkpoint's integers into one file.")
@_model
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
@_model
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
@_model
@_text
@_few
@_window
@_device
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
@_tokenizer
@_text
@_few
@_window
@_device
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
@_tokenizer
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


@command.command("generate", short_help="Write text behind a prompt.")
@_model
@click.option("--prompt", required=True, help="Text to go on with.")
@click.option("--tokens", type=int, default=TOKENS, show_default=True, help="Tokens to write at most.")
@_stop
@_context
@_device
@json_option
def generate_command(
    model: Path, recipe: str | None, tokenizer: Path | None, prompt: str, tokens: int, stop: tuple[str, ...],
    context: int | None, device: str, as_json: bool,
) -> None:  # fmt: skip
    """Write the likeliest text behind a prompt, as it comes. Tokens per second follow on standard error.

    \b
    Examples:
      accel lm generate model.gguf --prompt "Once upon a time" --tokens 60
      accel lm generate stories260K.bin --prompt "Lily" --stop "The end" --json
    """
    from accel.verbs.lm import requests, writing

    tokens, stop = writing.asked(tokens, stop)
    requests.text("the prompt", prompt)
    found = _opened(model, recipe, tokenizer, context, device)
    if as_json:
        show_json(asdict(found.generate(prompt, tokens, stop=stop)))
        return
    _told(found.generate(prompt, tokens, _piece, stop=stop))


@command.command("chat", short_help="Talk to a model.")
@_model
@click.option("--system", help="What the model is told first.")
@click.option("--tokens", type=int, default=TOKENS, show_default=True, help="Tokens of a reply at most.")
@_stop
@_context
@_device
@json_option
def chat_command(
    model: Path, recipe: str | None, tokenizer: Path | None, system: str | None, tokens: int, stop: tuple[str, ...],
    context: int | None, device: str, as_json: bool,
) -> int:  # fmt: skip
    """Talk to a model in the chat template of its checkpoint: a message per line, until the input ends (Ctrl-D).

    The oldest turns are left out where the conversation outgrows the context. A message that cannot be answered is
    left out as well, and the conversation goes on.

    \b
    Examples:
      accel lm chat model.gguf
      echo "What is the capital of France?" | accel lm chat model.gguf --tokens 30
    """
    from accel.verbs import lm
    from accel.verbs.lm import requests, writing
    from accel.verbs.lm.conversation import Conversation

    tokens, stop = writing.asked(tokens, stop)
    requests.text("the system message", system or "")
    with working("load"):
        found = lm.load(model, recipe, context=context, tokenizer=tokenizer, device=device)
        talk = Conversation(found, system, tokens, stop)
        _ = found.decoder
    refused = _talk(talk, None if as_json else _piece)
    if as_json:
        show_json(talk.messages)
    return 2 if refused and not talk.has_replies else 0


def _talk(talk: Conversation, stream: TellText | None) -> bool:
    """Answer every line of the input; whether a message was left out."""
    refused = False
    for line in _lines():
        was_cut = talk.is_cut
        try:
            reply = talk.say(line.decode("utf-8"), stream)
        except (UserError, UnicodeDecodeError) as error:
            why = error if isinstance(error, UserError) else "the message is not UTF-8"
            click.echo(f"accel: {why}; the message is left out", err=True)
            refused = True
            continue
        if stream:
            _told(reply)
        if talk.is_cut and not was_cut:
            click.echo(f"accel: {_cut(talk.model)}", err=True)
    return refused


def _cut(model: LanguageModel) -> str:
    """The line about a conversation that is longer than the context; it is said once."""
    most = model.configuration.context
    more = f"; --context takes up to {most}" if model.context < most else ""
    return f"the conversation is longer than the context of {model.context} tokens: its oldest turns are left out{more}"


def _opened(model: Path, recipe: str | None, tokenizer: Path | None, context: int | None, device: str) -> LanguageModel:
    """A model that is ready to write."""
    from accel.verbs import lm

    with working("load"):
        found = lm.load(model, recipe, context=context, tokenizer=tokenizer, device=device)
        _ = found.tokenizer, found.decoder
    return found


def _lines() -> Iterator[bytes]:
    """Messages that are not empty, until the input ends."""
    while sys.stdin is not None:  # a caller may have closed it
        if sys.stdin.isatty():
            click.echo("> ", nl=False, err=True)
        if not (line := sys.stdin.buffer.readline()):
            return
        if line.strip():
            yield line.strip()


def _piece(text: str) -> None:
    click.echo(text, nl=False)


def _told(found: Generated) -> None:
    click.echo()
    click.echo(
        f"{found.prompt} tokens read in {found.first:.2f} s, {len(found.identifiers)} written, "
        f"{found.rate:.1f} per second",
        err=True,
    )


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
