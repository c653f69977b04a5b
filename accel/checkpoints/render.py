"""The process that renders a chat template: `chat.py` starts it, and says why it is one of its own.

Reads a template and its names as JSON from the standard input, writes its text, or why there is none, as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
from contextlib import suppress
from datetime import datetime

SECONDS, MEMORY = 5, 1 << 30
"""Processor time and address space of this process."""
LONGEST = 1 << 22
"""Characters of a rendered conversation."""


def limit() -> None:
    """Let the operating system end this process when it takes too much."""
    for kind, most in ((resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_AS, MEMORY)):
        with suppress(ValueError, OSError):  # macOS does not bound the address space
            resource.setrlimit(kind, (most, most))


def render(source: str, names: dict[str, object]) -> str:
    """Text of a template, with the functions and filters that templates of Hugging Face expect."""
    from jinja2.exceptions import TemplateError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(text: str) -> None:
        raise TemplateError(text)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    environment.globals.update(raise_exception=refuse, strftime_now=lambda form: datetime.now().strftime(form))
    return environment.from_string(source).render(**names)


def main() -> None:
    job = json.load(sys.stdin)
    limit()
    try:
        text = render(job["source"], job["names"])
        answer = {"text": text} if len(text) <= LONGEST else {"error": f"its text has {len(text)} characters"}
    except Exception as error:  # whatever a program of somebody else raises
        answer = {"error": f"{type(error).__name__}: {error}"[:500]}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
