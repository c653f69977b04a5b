"""A conversation that goes on where it outgrows the context: its oldest turns are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from accel.errors import UserError
from accel.verbs.lm import writing
from accel.verbs.lm.writing import Generated, Message, TellText

if TYPE_CHECKING:
    from accel.verbs.lm.model import LanguageModel


class Conversation:
    """Messages of a user and replies of a model.

    `messages` are all of them. The model sees the system message and the last turns, so that a reply of `tokens` tokens
    fits, or of half of the context where that is less. Raises UserError where the checkpoint has no chat template, and
    where the template and the system message leave no room for any message.
    """

    def __init__(self, model: LanguageModel, system: str | None, tokens: int, stop: Sequence[str]) -> None:
        if model.tokenizer.template is None:
            raise UserError(f"{model.path}: has no chat template; `accel lm generate` writes text behind a prompt")
        self.messages: list[Message] = [{"role": "system", "content": system}] if system else []
        self.model = model
        self._tokens, self._stop = writing.asked(tokens, stop)
        self._first = self._begin = len(self.messages)
        self._seen({"role": "user", "content": "?"})

    @property
    def is_cut(self) -> bool:
        """Whether turns were left out."""
        return self._first > self._begin

    @property
    def has_replies(self) -> bool:
        """Whether any message was answered."""
        return len(self.messages) > self._begin

    def say(self, text: str, stream: TellText | None = None) -> Generated:
        """The reply to a message; `stream` as in `LanguageModel.generate`.

        Raises UserError for a message that is too long even alone, and for one that the template refuses. Such a
        message is not part of the conversation.
        """
        asked = {"role": "user", "content": text}
        self._first, prompt = self._seen(asked)
        model = self.model
        found = writing.write(model.decoder, model.tokenizer, prompt, self._tokens, stream, self._stop, started=False)
        self.messages += [asked, {"role": "assistant", "content": found.text}]
        return found

    def _seen(self, asked: Message) -> tuple[int, list[int]]:
        """The first message behind the system message that the model sees, and the identifiers of all that it sees."""
        model, first = self.model, self._first
        room = model.context - min(self._tokens, model.context // 2)
        while True:
            prompt = model.tokenizer.chat([*self.messages[: self._begin], *self.messages[first:], asked])
            if len(prompt) <= room or first == len(self.messages):
                break
            first += 2  # a message and its reply
        writing.check(prompt, model.context, model.configuration.context)
        return first, prompt
