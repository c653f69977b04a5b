"""A tokenizer as values of JSON and two arrays, whatever file it came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from accel.checkpoints.chat import ChatTemplate
from accel.checkpoints.library import LibraryVocabulary, attempt, give_back, package
from accel.checkpoints.scored import Scored
from accel.checkpoints.texts import Texts
from accel.checkpoints.tokenizer import Tokenizer

PIECES, LENGTHS, LIBRARY = "tokenizer.pieces", "tokenizer.lengths", "tokenizer.library"
"""Names of arrays: bytes of all tokens one after the other, how many each has, and the library's JSON where it has one.

The JSON of a large vocabulary has millions of bytes; in a header it would be a text of the file's own JSON.
"""


def entries(tokenizer: Tokenizer) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A JSON object, and arrays by name, which `tokenizer` reads again."""
    vocabulary, template = tokenizer.vocabulary, tokenizer.template
    assert isinstance(vocabulary, Scored | LibraryVocabulary)  # all that there are
    pieces = [*vocabulary.pieces]
    arrays: dict[str, np.ndarray] = {
        PIECES: np.frombuffer(b"".join(pieces), np.uint8),
        LENGTHS: np.array([len(piece) for piece in pieces], np.int32),
    }
    kept = dict(vocabulary.entries())
    if isinstance(text := kept.get("library"), str):
        arrays[LIBRARY] = np.frombuffer(text.encode(), np.uint8)
        kept["library"] = LIBRARY
    found: dict[str, Any] = {
        "vocabulary": kept,
        "special": dict(vocabulary.special),
        "prefix": vocabulary.prefix,
        "begin": tokenizer.begin,
        "ends": sorted(tokenizer.ends),
        "adds_begin": tokenizer.adds_begin,
        "template": template and {"source": template.source, "names": dict(template.names)},
    }
    return found, arrays


def tokenizer(found: dict[str, Any], array: Callable[[str], np.ndarray]) -> Tokenizer:
    """The tokenizer of such values, and of arrays by name.

    Raises ValueError, or what Python raises, where they are of no tokenizer.
    """
    pieces, lengths = array(PIECES), array(LENGTHS).astype(np.int64)
    if len(lengths) and (lengths.min() < 0 or lengths.sum() != len(pieces)):
        raise ValueError("tokens have other lengths")
    each = Texts.joined(pieces.tobytes(), lengths)
    special, prefix, kept = found["special"], bool(found["prefix"]), found["vocabulary"]
    for identifier in (*special.values(), *found["ends"], *([] if found["begin"] is None else [found["begin"]])):
        if type(identifier) is not int or not 0 <= identifier < len(each):
            raise ValueError(f"token {identifier} is not in the vocabulary")
    if "library" in kept:
        encoder = attempt(
            lambda: package().Tokenizer.from_buffer(array(LIBRARY).tobytes()), "tokenizers cannot read it"
        )
        give_back()
        vocabulary: Scored | LibraryVocabulary = LibraryVocabulary(encoder, each, special, prefix)
    else:
        fallback = {int(byte): int(i) for byte, i in kept["fallback"].items()}
        vocabulary = Scored(
            each, kept["scores"], fallback, space=kept["space"], prefix=prefix, special=special, unknown=kept["unknown"]
        )
    template = found["template"] and ChatTemplate(found["template"]["source"], found["template"]["names"])
    ending = frozenset(cast(list[int], found["ends"]))
    return Tokenizer(vocabulary, found["begin"], ending, bool(found["adds_begin"]), template or None)
