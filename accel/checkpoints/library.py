"""Vocabularies that the package `tokenizers` encodes: byte-level BPE, and the files tokenizer.json of Hugging Face."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from accel.checkpoints.scored import MARK
from accel.checkpoints.texts import Texts
from accel.errors import UserError
from accel.spelling import printable

if TYPE_CHECKING:
    import tokenizers

T = TypeVar("T")
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
"""How GPT-2 cuts a text."""
LATER = (
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{%s}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How Llama 3 and Qwen 2 cut it: groups of at most three digits, or single ones."""
CUTS = {
    "default": (r"[\p{P}\$\+<=>\^~\|]+", WORDS, r"\p{N}+", "[0-9][0-9][0-9]"),
    **dict.fromkeys(("gpt-2", "phi-2", "olmo"), (WORDS,)),
    **dict.fromkeys(("smollm", "starcoder", "refact"), (r"\p{N}", WORDS)),
    **dict.fromkeys(("llama-bpe", "llama3", "llama-v3", "smaug-bpe"), (LATER % "1,3",)),
    **dict.fromkeys(("qwen2", "deepseek-r1-qwen"), (LATER % "1",)),
}
"""Name of a pre-tokenizer in GGUF → patterns that cut a text one after the other, as llama.cpp's do."""
LLAMA3 = ("llama-bpe", "llama3", "llama-v3")
"""There, a word of the vocabulary is one token whatever the merges say, and texts begin with a token of their own."""
DECODERS = {"ByteLevel", "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace", "Sequence"}
BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


class LibraryVocabulary:
    """A tokenizer of the package, and the bytes of every identifier."""

    def __init__(
        self, encoder: tokenizers.Tokenizer, pieces: Sequence[bytes], special: Mapping[str, int], prefix: bool
    ) -> None:
        self.pieces: Sequence[bytes] = Texts.of(pieces)
        self._encoder, self.special, self.prefix = encoder, special, prefix

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Identifiers of a text; with `special`, texts of special tokens in it become those tokens."""
        self._encoder.encode_special_tokens = not special
        try:
            found = attempt(lambda: self._encoder.encode(text, add_special_tokens=False), "cannot encode the text")
        except ValueError as error:
            raise UserError(f"the tokenizer {error}; use another checkpoint, or another text") from None
        return list(found.ids)

    def entries(self) -> dict[str, object]:
        """Values for a file, beside pieces and special tokens."""
        return {"library": self._encoder.to_str()}


def package() -> Any:
    """The package `tokenizers`. Raises UserError when it is not installed."""
    try:
        import tokenizers
    except ModuleNotFoundError:
        raise UserError(
            "this tokenizer needs tokenizers, which is not installed: pip install 'accel-fpga[lm]'"
        ) from None
    return tokenizers


def attempt(call: Callable[[], T], what: str) -> T:
    """A result of the package. Raises ValueError for its errors, plain Exceptions, and its panics, not even that."""
    try:
        return call()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise ValueError(f"{what} ({printable(str(error), 120)})") from None


def give_back() -> None:
    """Give memory back to the system that the package needed in between, 15 MB for 49,152 tokens, where libc can."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


def letters() -> dict[str, int]:
    """Letter → byte, as byte-level BPE writes bytes: printable ones stand for themselves, the others lie above 255."""
    kept = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in kept]
    return {**{chr(byte): byte for byte in kept}, **{chr(256 + i): byte for i, byte in enumerate(others)}}


def byte_level(text: str, table: Mapping[str, int]) -> bytes:
    """Bytes of a token of byte-level BPE; letters that are no byte's stand for themselves."""
    if all(letter in table for letter in text):
        return bytes(table[letter] for letter in text)
    return text.encode("utf-8", errors="replace")


def marked(text: str) -> bytes:
    """Bytes of a token with signs for spaces and names for bytes."""
    found = BYTE.fullmatch(text)
    return bytes([int(found[1], 16)]) if found else text.replace(MARK, " ").encode("utf-8", errors="replace")


def byte_level_bpe(
    tokens: Sequence[str],
    merges: list[tuple[str, str]],
    cuts: str,
    special: Mapping[str, int],
    plain: Sequence[str],
) -> LibraryVocabulary:
    """Byte-level BPE from a list of tokens and merges, best first.

    special: tokens that plain text never gives. plain: tokens that a text is searched for before it is cut. Raises
    ValueError when `cuts` is no key of CUTS, a token comes twice, or a merge has parts that are no tokens.
    """
    library = package()
    models, pre_tokenizers, added = library.models, library.pre_tokenizers, library.AddedToken
    if cuts not in CUTS:
        raise ValueError(f"the pre-tokenizer {printable(cuts)!r} is not known, known are {', '.join(CUTS)}")
    vocabulary = {token: i for i, token in enumerate(tokens)}
    if len(vocabulary) < len(tokens):
        raise ValueError("one of its tokens comes twice")
    model = attempt(
        lambda: models.BPE(vocab=vocabulary, merges=merges, ignore_merges=cuts in LLAMA3),
        "its merges do not fit its tokens",
    )
    encoder = library.Tokenizer(model)
    steps = [pre_tokenizers.Split(library.Regex(pattern), "isolated") for pattern in CUTS[cuts]]
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    encoder.pre_tokenizer = pre_tokenizers.Sequence([*steps, last])
    encoder.add_special_tokens([added(text, special=True, normalized=False) for text in special])
    encoder.add_tokens([added(text, normalized=False) for text in plain])
    table, whole = letters(), {*special, *plain}
    give_back()
    pieces = [t.encode("utf-8", errors="replace") if t in whole else byte_level(t, table) for t in tokens]
    return LibraryVocabulary(encoder, pieces, special, False)
