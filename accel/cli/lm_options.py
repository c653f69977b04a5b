"""Options that verbs of language models share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]

tokenizer_option = click.option(
    "--tokenizer", type=click.Path(path_type=Path), help="Tokenizer's file of a .bin of llama2.c."
)


def model_options(command: Command) -> Command:
    """Arguments of every verb that opens a model."""
    options = (
        click.argument("model", type=click.Path(path_type=Path)),
        click.option(
            "--recipe",
            help="B14, B10, A, W8A8, W4A8, W4A8-GPTQ, W4A8-QAT, W3A8-QAT, TERNARY-QAT, KV4, STATIC8, E9, E9-QAT, also "
            "with fields changed: B14:key_value_bits=9.  "
            "[default: B14, or that of a file of accel]",
        ),
        tokenizer_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


context_option = click.option(
    "--context",
    type=int,
    help="Tokens that the model sees at once.  [default: 512, or all that the model has if fewer]",
)
device_option = click.option(
    "--device", default="native", show_default=True, help="Where the integers run: native (compiled C++), cpu or cuda."
)
stop_option = click.option("--stop", multiple=True, help="End in front of this text; can be repeated.")
