"""Text from a language model: the likeliest token follows, until something ends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from accel import arguments
from accel.arrays import single
from accel.checkpoints import Tokenizer
from accel.errors import UserError

if TYPE_CHECKING:
    from accel.reference import Decoder

TellText = Callable[[str], object]
"""Called with each piece of text as it comes."""
Message = Mapping[str, str]


@dataclass(frozen=True)
class Generated:
    """A text that was written: its identifiers, and why it ended, which is "length", "end" or "stop".

    first: seconds to the first token, those of the prompt. seconds: of all tokens behind it.
    """

    text: str
    identifiers: tuple[int, ...]
    prompt: int
    ended: str
    first: float
    seconds: float

    @property
    def rate(self) -> float:
        """Tokens per second behind the first one; 0 where there are none."""
        return (len(self.identifiers) - 1) / self.seconds if len(self.identifiers) > 1 else 0.0


def asked(tokens: int, stop: Sequence[str] | str) -> tuple[int, tuple[str, ...]]:
    """The tokens to write and the texts to stop at. Raises UserError for what no model can do."""
    if (tokens := arguments.whole("the number of tokens to write", tokens)) < 1:
        raise UserError(f"{tokens} tokens to write; ask for at least 1")
    if "" in (stop := arguments.texts("a text to stop at", stop)):
        raise UserError("a text to stop at is empty; leave it out")
    return tokens, stop


def check(prompt: Sequence[int], context: int, most: int) -> None:
    """Raise UserError for a prompt that cannot be read; `most` is the longest context that the model has."""
    if not prompt:
        raise UserError("the prompt is empty; the model needs a text to go on with")
    if len(prompt) > context:
        raise UserError(
            f"the prompt has {len(prompt)} tokens, more than the context of {context}: shorten it, or load the model "
            f"with a longer context (at most {most})"
        )


def write(
    decoder: Decoder, tokenizer: Tokenizer, prompt: Sequence[int], tokens: int, stream: TellText | None,
    stop: Sequence[str], *, started: bool,
) -> Generated:  # fmt: skip
    """Text behind the identifiers of a prompt; arguments as of `LanguageModel.generate`."""
    chosen = _likeliest(decoder, list(prompt), tokens)
    return spelled(chosen, tokenizer, len(prompt), stream, stop, started=started)


def spelled(
    chosen: Iterable[int], tokenizer: Tokenizer, prompt: int, stream: TellText | None, stop: Sequence[str], *,
    started: bool,
) -> Generated:  # fmt: skip
    """Text of identifiers that come one by one, until something ends it; `prompt` tokens were read before."""
    pieces, text = tokenizer.stream(started=started), _Text(stop, stream or (lambda piece: None))
    times, found, ended = [time.perf_counter()], list[int](), "length"
    for new in chosen:
        times.append(time.perf_counter())
        found.append(new)
        if new in tokenizer.ends:
            ended = "end"
            break
        if text.push(pieces.push(new)):
            ended = "stop"
            break
    if ended != "stop" and text.push(pieces.end()):
        ended = "stop"
    return Generated(text.end(), tuple(found), prompt, ended, times[1] - times[0], times[-1] - times[1])


def _likeliest(decoder: Decoder, known: list[int], count: int) -> Iterator[int]:
    """The next identifiers; the lowest one wins where logits are equal.

    What the decoder holds already, such as the earlier turns of a conversation, is not read again.
    """
    most = next(iter(decoder.graph.inputs.values())).tokens
    scale = np.asarray(decoder.graph.output_tensor.scale)
    new = known[decoder.rewind(_ids(known)) :]
    for _ in range(count):
        if decoder.tokens + len(new) > most:
            decoder.restart()
            new = known[-(most // 2) :]
        logits = single(decoder.append(_ids(new), last=True))[0, -1]
        new = [int((logits * scale).argmax())]
        known += new
        yield new[0]


def _ids(known: list[int]) -> np.ndarray:
    """Identifiers as a decoder takes them."""
    return np.array(known, np.int64)[None, :, None]


class _Text:
    """Text that is given on as soon as it cannot be the beginning of one that stops it."""

    def __init__(self, stop: Sequence[str], tell: TellText) -> None:
        self._stop, self._tell = stop, tell
        self._whole, self._told = "", 0
        self._longest = max(map(len, stop), default=1)

    def push(self, piece: str) -> bool:
        """Take more text; True where it holds a text that stops it."""
        begin = max(0, len(self._whole) - self._longest + 1)
        self._whole += piece
        places = [place for text in self._stop if (place := self._whole.find(text, begin)) >= 0]
        if places:
            self._whole = self._whole[: min(places)]
        self._give(0 if places else self._pending())
        return bool(places)

    def end(self) -> str:
        """Give the rest, and return the whole text."""
        self._give(0)
        return self._whole

    def _pending(self) -> int:
        """Letters at the end that may begin a text of `stop`."""
        sizes = range(min(self._longest - 1, len(self._whole)), 0, -1)
        return next((n for n in sizes if any(text.startswith(self._whole[-n:]) for text in self._stop)), 0)

    def _give(self, held: int) -> None:
        upto = len(self._whole) - held
        if upto > self._told:
            self._tell(self._whole[self._told : upto])
            self._told = upto
