"""`accel lm generate` and `accel lm chat`: a language model writes text."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from accel.cli.display import json_option, show_json, working
from accel.cli.lm_options import context_option, device_option, model_options, stop_option
from accel.cli.talking import answers, lines, show_piece, show_rate

if TYPE_CHECKING:
    from accel.verbs.lm import LanguageModel
    from accel.verbs.lm.conversation import Conversation

TOKENS = 128


@click.command("generate", short_help="Write text behind a prompt.")
@model_options
@click.option("--prompt", required=True, help="Text to go on with.")
@click.option("--tokens", type=int, default=TOKENS, show_default=True, help="Tokens to write at most.")
@stop_option
@context_option
@device_option
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
    from accel import arguments
    from accel.verbs.lm import writing

    tokens, stop = writing.asked(tokens, stop)
    arguments.text("the prompt", prompt)
    found = _opened(model, recipe, tokenizer, context, device)
    if as_json:
        show_json(asdict(found.generate(prompt, tokens, stop=stop)))
        return
    show_rate(found.generate(prompt, tokens, show_piece, stop=stop))


@click.command("chat", short_help="Talk to a model.")
@model_options
@click.option("--system", help="What the model is told first.")
@click.option("--tokens", type=int, default=TOKENS, show_default=True, help="Tokens of a reply at most.")
@stop_option
@context_option
@device_option
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
    from accel import arguments
    from accel.verbs import lm
    from accel.verbs.lm import writing
    from accel.verbs.lm.conversation import Conversation

    tokens, stop = writing.asked(tokens, stop)
    arguments.text("the system message", system or "")
    with working("load"):
        found = lm.load(model, recipe, context=context, tokenizer=tokenizer, device=device)
        talk = Conversation(found, system, tokens, stop)
        _ = found.decoder
    refused = _talk(talk, show=not as_json)
    if as_json:
        show_json(talk.messages)
    return 2 if refused and not talk.has_replies else 0


def _talk(talk: Conversation, *, show: bool) -> bool:
    """Answer every line of the input; whether a message was left out."""
    refused = was_cut = False
    for reply in answers(lines(), talk.say, show=show):
        refused |= reply is None
        if talk.is_cut and not was_cut:
            click.echo(f"accel: {_cut(talk.model)}", err=True)
        was_cut = talk.is_cut
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
