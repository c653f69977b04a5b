"""Tokenizers in the values of a GGUF file: byte-level BPE ("gpt2") and SentencePiece's BPE ("llama")."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from accel.checkpoints.chat import ChatTemplate
from accel.checkpoints.gguf import GgufContents, GgufValue
from accel.checkpoints.library import LLAMA3, byte_level_bpe
from accel.checkpoints.scored import Scored
from accel.checkpoints.texts import Texts
from accel.checkpoints.tokenizer import Tokenizer, Vocabulary
from accel.spelling import printable

UNKNOWN, CONTROL, PLAIN, BYTE = 2, 3, 4, 6
"""Kinds of tokens: for unknown text, never from plain text, found before a text is cut, for one byte."""
MODELS = ("gpt2", "llama")


def tokenizer(contents: GgufContents, vocabulary: int) -> Tokenizer:
    """The tokenizer of a file whose embedding has `vocabulary` rows.

    Raises UserError when its values are missing or do not fit each other, or its kind is not known.
    """
    values = {
        name.removeprefix("tokenizer.ggml."): value
        for name, value in contents.values.items()
        if name.startswith("tokenizer.ggml.")
    }
    model = contents.text("tokenizer.ggml.model")
    if model not in MODELS:
        raise contents.file.refused(
            f"its tokenizer is {printable(model, 40)!r}; {' and '.join(MODELS)} are known",
            "use the model's files of Hugging Face",
        )
    try:
        tokens = _texts(values, "tokens")
        if len(tokens) != vocabulary:
            raise ValueError(f"{len(tokens)} tokens for {vocabulary} rows of the embedding")
        kinds = _numbers(values, "token_type", len(tokens), "iu")
        special = {tokens[i]: int(i) for i in np.flatnonzero(kinds == CONTROL)}
        make = _by_merges if model == "gpt2" else _by_scores
        return _with_ends(contents, values, make(values, tokens, kinds, special))
    except ValueError as error:
        raise contents.file.refused(
            f"its tokenizer cannot be used: {error}", "download it again, or use the model's files of Hugging Face"
        ) from None


def _by_merges(
    values: Mapping[str, GgufValue], tokens: list[str], kinds: np.ndarray, special: Mapping[str, int]
) -> Vocabulary:
    merges = [_pair(merge) for merge in _texts(values, "merges")]
    plain = [tokens[i] for i in np.flatnonzero(kinds == PLAIN)]
    return byte_level_bpe(tokens, merges, str(values.get("pre", "default")), special, plain)


def _by_scores(
    values: Mapping[str, GgufValue], tokens: list[str], kinds: np.ndarray, special: Mapping[str, int]
) -> Vocabulary:
    scores = _numbers(values, "scores", len(tokens), "f").tolist()
    fallback = {}
    for i in map(int, np.flatnonzero(kinds == BYTE)):
        try:
            fallback[bytes.fromhex(tokens[i].removeprefix("<0x").removesuffix(">"))[0]] = i
        except (ValueError, IndexError):
            raise ValueError(f"token {i} is the name of no byte") from None
    unknown = values.get("unknown_token_id", 0)
    if not isinstance(unknown, int) or not 0 <= unknown < len(tokens):
        raise ValueError(f"unknown_token_id is {unknown}, outside of its tokens")
    prefix = bool(values.get("add_space_prefix", True))
    pieces = [token.encode("utf-8", errors="replace") for token in tokens]
    return Scored(pieces, scores, fallback, prefix=prefix, special=special, unknown=unknown)


def _with_ends(contents: GgufContents, values: Mapping[str, GgufValue], vocabulary: Vocabulary) -> Tokenizer:
    def identifier(name: str) -> int | None:
        value = values.get(name)
        if value is None or value == 0xFFFFFFFF:
            return None
        if not isinstance(value, int) or not 0 <= value < len(vocabulary.pieces):
            raise ValueError(f"{name} is {value}, outside of its tokens")
        return value

    begin, end = identifier("bos_token_id"), identifier("eos_token_id")
    ends = {end, identifier("eot_token_id"), identifier("eom_token_id")} - {None}
    names = {
        name: vocabulary.pieces[token].decode("utf-8", errors="replace")
        for name, token in (("bos_token", begin), ("eos_token", end))
        if token is not None
    }
    source = contents.values.get("tokenizer.chat_template")
    template = ChatTemplate(source, names) if isinstance(source, str) else None
    usual = values["model"] == "llama" or contents.text("tokenizer.ggml.pre") in LLAMA3
    adds = bool(values.get("add_bos_token", usual))
    return Tokenizer(vocabulary, begin, frozenset(i for i in ends if i is not None), adds, template)


def _pair(merge: str) -> tuple[str, str]:
    left, space, right = merge[1:].partition(" ")  # the first part may begin with one
    if not space:
        raise ValueError("a merge is no pair")
    return merge[:1] + left, right


def _texts(values: Mapping[str, GgufValue], name: str) -> list[str]:
    found = values.get(name)
    if not isinstance(found, Texts):
        raise ValueError(f"{name} is no list of texts")
    return [text.decode("utf-8") for text in found]


def _numbers(values: Mapping[str, GgufValue], name: str, count: int, kinds: str) -> np.ndarray:
    found = values.get(name)
    if not isinstance(found, np.ndarray) or found.dtype.kind not in kinds or len(found) != count:
        raise ValueError(f"{name} is no list of {count} numbers")
    return found
