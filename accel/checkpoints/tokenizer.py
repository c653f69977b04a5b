"""Text to identifiers and back, whatever file the vocabulary comes from."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from accel.checkpoints.chat import ChatTemplate
from accel.errors import UserError


class Vocabulary(Protocol):
    """Bytes of every identifier, texts of special tokens, and the way in which a text is cut."""

    pieces: Sequence[bytes]
    special: Mapping[str, int]
    prefix: bool

    def encode(self, text: str, special: bool = False) -> list[int]: ...


@dataclass(frozen=True)
class Tokenizer:
    """A vocabulary with what the checkpoint says about it.

    begin: token that begins a text, if there is one; adds_begin: the network expects it. ends: tokens that end a text.
    template: how a conversation becomes text, if the checkpoint says so.
    """

    vocabulary: Vocabulary
    begin: int | None = None
    ends: frozenset[int] = frozenset()
    adds_begin: bool = False
    template: ChatTemplate | None = None

    def __len__(self) -> int:
        """Number of identifiers."""
        return len(self.vocabulary.pieces)

    @property
    def special(self) -> Mapping[str, int]:
        """Texts of special tokens, such as `<|im_end|>`, with their identifiers."""
        return self.vocabulary.special

    def encode(self, text: str, *, special: bool = False, begin: bool = True) -> list[int]:
        """Identifiers of a text.

        With `special`, the texts of special tokens become those tokens; text of a user should not have that power.
        With `begin`, the token that begins a text comes first if the network expects one. Raises UserError for a text
        that UTF-8 does not have.
        """
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise UserError("the text is not UTF-8; convert it") from None
        first = [self.begin] if begin and self.adds_begin and self.begin is not None else []
        return first + self.vocabulary.encode(text, special)

    def decode(self, identifiers: Iterable[int], *, special: bool = False) -> str:
        """Text of identifiers. With `special`, special tokens are shown. Bytes that are no UTF-8 become U+FFFD."""
        stream = self.stream(special=special)
        return "".join(map(stream.push, identifiers)) + stream.end()

    def stream(self, *, started: bool = False, special: bool = False) -> TextStream:
        """A stream that gives text as identifiers come; `started` when text came before."""
        return TextStream(self, started, special)

    def chat(self, messages: Sequence[Mapping[str, str]], *, reply: bool = True) -> list[int]:
        """Identifiers of messages with `role` and `content`; with `reply`, up to where the network's reply begins.

        Raises UserError when the checkpoint has no template, or the template refuses the messages.
        """
        if self.template is None:
            raise UserError("the checkpoint has no chat template; use encode() for plain text")
        return self.encode(self.template.render(messages, reply=reply), special=True, begin=False)


class TextStream:
    """Text of identifiers that come one by one: a character is given when its last byte has come."""

    def __init__(self, tokenizer: Tokenizer, started: bool, special: bool) -> None:
        self._pieces = tokenizer.vocabulary.pieces
        self._hidden = frozenset() if special else frozenset(tokenizer.special.values())
        self._strip = tokenizer.vocabulary.prefix and not started
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, identifier: int) -> str:
        """The text that is complete with this identifier. Raises UserError for one that the vocabulary lacks."""
        if not 0 <= identifier < len(self._pieces):
            raise UserError(f"token {identifier} is not in the vocabulary of {len(self._pieces)}")
        if identifier in self._hidden:
            return ""
        piece = self._pieces[identifier]
        if self._strip:
            self._strip, piece = False, piece.removeprefix(b" ")
        return self._decoder.decode(piece)

    def end(self) -> str:
        """U+FFFD for a character that is not complete."""
        return self._decoder.decode(b"", final=True)
