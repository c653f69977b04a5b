"""Text from a decode engine on a board: a prompt is read, and the network goes on with it."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from accel import arguments
from accel.engine.sampling import SEED_BITS
from accel.errors import UserError
from accel.verbs import BOARD
from accel.verbs.engine import texts
from accel.verbs.lm import writing
from accel.verbs.lm.writing import Generated, TellText


class Talk:
    """A board that holds the decode engine in `folder`, with its tokenizer. Use it in `with`.

    `port` and `board` are those of `boards.connect`. `tokenizer` is letters, ascii, bytes, a checkpoint or a
    tokenizer's file of llama2.c; by default, it is the one that was kept beside the design. Raises UserError when
    there is no such port or tokenizer, or the board holds another design, ToolError when it does not answer.
    """

    def __init__(
        self, folder: Path | str, *, port: str | None = None, board: str = BOARD, tokenizer: str | None = None
    ) -> None:
        import boards
        from accel.design import Design
        from boards.generating import vocabulary

        self.design = design = Design.load(Path(folder), ("engine",))
        if design.context is None:
            raise UserError(f"{folder} is no decode engine: `accel lower --target engine` writes one")
        self.tokenizer = texts.tokenizer(Path(folder), tokenizer, vocabulary(design))
        with ExitStack() as opened:
            self._device = opened.enter_context(boards.connect(design, port, board=board))
            self._opened = opened.pop_all()

    def __enter__(self) -> Talk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def any_seed(self) -> int:
        """A seed that was not asked for before: 0 where the engine chooses the likeliest token."""
        from boards.generating import draws, tells_logits

        may = draws(self.design) or tells_logits(self.design)
        return 1 + secrets.randbelow((1 << SEED_BITS) - 1) if may else 0

    def require(self, seed: int, temperature: float | None, top_k: int | None) -> None:
        """Raise UserError for a choice that the engine does not have, before anything is said."""
        from boards.generating import TokenChoice, checked_choice

        checked_choice(self.design, TokenChoice(seed, temperature, top_k))

    def say(
        self,
        prompt: str,
        stream: TellText | None = None,
        *,
        tokens: int | None = None,
        seed: int = 0,
        temperature: float | None = None,
        top_k: int | None = None,
    ) -> Generated:
        """Text behind a prompt, at most `tokens` tokens, and not more than the context has room for.

        `seed`, `temperature` and `top_k` are those of `boards.Device.generate`. The text ends with a token that ends a
        text. `stream` is given pieces of text as they come. Raises UserError for a prompt that does not fit, or a
        choice that the engine does not have, ToolError when the board does not answer.
        """
        from boards.generating import most

        if tokens is not None:
            tokens, _ = writing.asked(tokens, ())
        read = self.tokenizer.encode(arguments.text("the prompt", prompt))
        room = max(1, most(self.design, len(read)))
        count = min(tokens or room, room)
        chosen = self._device.generate(read, count, seed, temperature=temperature, top_k=top_k)
        return writing.spelled(chosen, self.tokenizer, len(read), stream, (), started=True)
