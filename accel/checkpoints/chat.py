"""Chat templates: programs of a checkpoint in the language of jinja2.

Nobody vouches for them. They are rendered by a process of their own (`render.py`), in jinja2's immutable sandbox, and
the operating system bounds its time and memory: the sandbox forbids access, but neither endless loops nor gigabytes of
text.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from accel.checkpoints import render
from accel.errors import UserError
from accel.spelling import printable


@dataclass(frozen=True)
class ChatTemplate:
    """A template, and the names that it uses beside the messages, such as `bos_token`."""

    source: str
    names: Mapping[str, str] = field(default_factory=dict)

    def render(self, messages: Sequence[Mapping[str, str]], *, reply: bool = True) -> str:
        """Text of a conversation; with `reply`, up to where the network's reply begins.

        Raises UserError when jinja2 is missing, the template is wrong, refuses the messages or exceeds its limits.
        """
        if find_spec("jinja2") is None:
            raise UserError("a chat template needs jinja2, which is not installed: pip install 'accel-fpga[lm]'")
        names = {**self.names, "messages": [*map(dict, messages)], "add_generation_prompt": reply}
        answer = _answer(json.dumps({"source": self.source, "names": names}))
        if "error" in answer:
            raise UserError(f"the chat template failed ({printable(answer['error'], 200)}); change the messages")
        return answer["text"]


def _answer(job: str) -> dict[str, str]:
    command = [sys.executable, "-P", "-m", render.__name__]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            command,
            input=job,
            capture_output=True,
            encoding="utf-8",
            timeout=4 * render.SECONDS,
            env=paths,
            check=False,
        )
        return dict(json.loads(done.stdout))
    except (subprocess.TimeoutExpired, ValueError):
        raise UserError(
            f"the chat template takes more than {render.SECONDS} seconds or {render.MEMORY >> 20} MB; "
            "use another checkpoint, or encode() for plain text"
        ) from None
