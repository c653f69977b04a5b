"""A language model in integers: its weights, recipe and tokenizer, and what they are good for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from accel import arguments
from accel.checkpoints import Configuration, Tokenizer
from accel.errors import UserError
from accel.files import require_place
from accel.progress import Progress
from accel.verbs.lm import kept, perplexity, requests, writing
from accel.verbs.lm.kept import Kept
from accel.verbs.lm.perplexity import Perplexity
from accel.verbs.lm.writing import Generated, Message, TellText

if TYPE_CHECKING:
    import torch

    from accel.graph import Graph
    from accel.reference import Decoder
    from accel.verification.levels import Outcome
    from models.llama.recipe import IntegerRecipe
    from models.llama.transformer import Weights

TOKENS, WINDOW = 128, 512
LEVELS = ("reference", "native", "decode")


class LanguageModel:
    """The result of `accel.lm.load`; `context` is the number of tokens that it sees at once."""

    def __init__(
        self, path: Path, configuration: Configuration, weights: Weights, recipe: IntegerRecipe,
        make_tokenizer: Callable[[], Tokenizer], make_network: Callable[[], torch.nn.Module], context: int, device: str,
    ) -> None:  # fmt: skip
        self.path, self.configuration, self.weights, self.recipe = path, configuration, weights, recipe
        self.context, self.device = context, device
        self._make_tokenizer, self._make_network = make_tokenizer, make_network

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of the checkpoint. Raises UserError when it has none."""
        return self._make_tokenizer()

    @cached_property
    def network(self) -> torch.nn.Module:
        """The network in real numbers, in float32: of the checkpoint; of a saved file with its rounded weights."""
        return self._make_network()

    def graph(self, tokens: int) -> Graph:
        """The integer graph of `tokens` tokens: identifiers in, logits out."""
        from models import languages

        return languages.lower(self.configuration, self.weights, tokens, self.recipe, self.path.stem)

    @cached_property
    def decoder(self) -> Decoder:
        """The graph of `context` tokens, token by token."""
        from accel import reference

        return reference.decode(self.graph(self.context), device=self.device)

    def generate(
        self, prompt: str, tokens: int = TOKENS, stream: TellText | None = None, *, stop: Sequence[str] | str = ()
    ) -> Generated:
        """Text that follows a prompt: the likeliest token, again and again.

        It ends after `tokens` tokens, with a token that ends a text, or in front of one of `stop`. `stream` is given
        pieces of text as they come. After `context` tokens the model goes on with the last half of them. Raises
        UserError for a prompt that is empty or longer than the context.
        """
        tokens, stop = writing.asked(tokens, stop)
        read = self.tokenizer.encode(arguments.text("the prompt", prompt))
        return self._written(read, tokens, stream, stop, started=True)

    def chat(
        self,
        messages: Sequence[Message],
        tokens: int = TOKENS,
        stream: TellText | None = None,
        *,
        stop: Sequence[str] | str = (),
    ) -> Generated:
        """The reply to messages with `role` and `content`, in the chat template of the checkpoint; see `generate`.

        Raises UserError as `generate` does, and where there is no chat template or it refuses the messages.
        """
        tokens, stop = writing.asked(tokens, stop)
        return self._written(self.tokenizer.chat(requests.messages(messages)), tokens, stream, stop, started=False)

    def _written(
        self, prompt: Sequence[int], tokens: int, stream: TellText | None, stop: Sequence[str], *, started: bool
    ) -> Generated:
        writing.check(prompt, self.context, self.configuration.context)
        return writing.write(self.decoder, self.tokenizer, prompt, tokens, stream, stop, started=started)

    def perplexity(
        self,
        text: str,
        tokens: int | None = None,
        *,
        window: int = WINDOW,
        device: str = "native",
        progress: Progress | None = None,
    ) -> Perplexity:
        """Nats per token in real numbers and in integers, on at least `tokens` tokens of a text, or on all of it.

        The text is read in whole windows of `window` tokens, of which each predicts all but its first; what does not
        fill the last one is left out. Raises UserError
        for a text that is too short, and for a window beyond the context of the checkpoint.
        """
        wanted = None if tokens is None else arguments.whole("the number of tokens to predict", tokens, 1)
        window, text = arguments.whole("the window", window), arguments.text("the text", text)
        if not 2 <= window <= self.configuration.context:
            raise UserError(f"a window of {window} tokens: the model has 2 to {self.configuration.context}")
        parts = perplexity.windows(self.tokenizer.encode(text), window, wanted)
        tell = progress or (lambda text: None)
        tell("lowering")
        *_, last = perplexity.measure(self.network, self.graph(len(parts[0])), parts, device, tell)
        return last

    def check(
        self, levels: Sequence[str] | str = LEVELS, *, tokens: int = 32, seed: int = 0, progress: Progress | None = None
    ) -> tuple[Outcome, ...]:
        """Run levels on a sequence of `tokens` random tokens and compare all logits with the first level.

        Levels: reference (torch), native (compiled), decode (compiled, token by token), csim, rtl, rtl_stalled. Raises
        UserError for a level that is not known, and for more tokens than the checkpoint's context.
        """
        from accel.verbs.lm.check import check, chosen

        names, most = chosen(levels), self.configuration.context
        if (tokens := arguments.whole("the number of tokens", tokens, 1)) > most:
            raise UserError(f"a sequence of {tokens} tokens: the model has 1 to {most}")
        seed = arguments.whole("the seed", seed, 0)
        x = np.random.default_rng(seed).integers(0, self.configuration.vocabulary, (1, tokens, 1))
        return check(self.graph(tokens), names, x, seed, progress or (lambda text: None))

    def save(self, path: Path | str) -> str:
        """Write integers, recipe and tokenizer into one file and return its SHA-256; `accel.lm.load` reads it.

        Raises UserError for a place that cannot be written, such as the checkpoint itself.
        """
        require_place(path, self.path)
        return kept.write(Kept(self.configuration, dict(self.weights), self.recipe, self.tokenizer), Path(path))
