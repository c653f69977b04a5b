"""tokenizer.json of Hugging Face, and the small files beside it that say how texts begin and end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from accel.checkpoints.chat import ChatTemplate
from accel.checkpoints.folder import inside
from accel.checkpoints.library import DECODERS, LibraryVocabulary, attempt, byte_level, letters, marked, package
from accel.checkpoints.mapped import MappedFile, read_json
from accel.checkpoints.tokenizer import Tokenizer
from accel.errors import UserError
from accel.spelling import printable

if TYPE_CHECKING:
    import tokenizers

TOKENIZER, TEMPLATE = "tokenizer.json", "chat_template.jinja"
LONGEST_TEMPLATE = 1 << 20


def tokenizer(folder: Path, rows: int) -> Tokenizer:
    """The tokenizer of a folder whose embedding has `rows` rows. Raises UserError when it is missing or damaged."""
    path = inside(folder, TOKENIZER)
    if path is None:
        raise UserError(f"{folder}: has no {TOKENIZER}; download it, or let transformers write it with save_pretrained")
    file = MappedFile(path)
    try:
        contents = read_json(path)
        encoder = attempt(lambda: package().Tokenizer.from_str(json.dumps(contents)), "tokenizers cannot read it")
        encoder.no_padding()
        encoder.no_truncation()
        vocabulary = _vocabulary(contents, encoder, rows)
        first = attempt(lambda: encoder.encode("", add_special_tokens=True).ids, "it cannot encode a text")
        return _with_ends(folder, vocabulary, first)
    except ValueError as error:
        raise file.refused(f"damaged: {error}") from None


def _vocabulary(contents: dict[str, object], encoder: tokenizers.Tokenizer, rows: int) -> LibraryVocabulary:
    """The tokens with their bytes. Raises ValueError when there are more than `rows`, or of an unknown kind."""
    kinds = {*_kinds(contents.get("decoder"))}
    if kinds - DECODERS or not kinds & {"ByteLevel", "ByteFallback", "Metaspace", "Replace"}:
        raise ValueError(f"its decoder {printable(', '.join(sorted(kinds)), 60) or 'is missing'} is not known")
    tokens = encoder.get_vocab(with_added_tokens=True)
    if tokens and max(tokens.values()) >= rows:
        raise ValueError(f"token {max(tokens.values())} has no row in an embedding of {rows}")
    added = encoder.get_added_tokens_decoder()
    table = letters()
    pieces = [b""] * rows
    for text, place in tokens.items():
        whole = place in added
        is_bytes = "ByteLevel" in kinds
        pieces[place] = text.encode() if whole else byte_level(text, table) if is_bytes else marked(text)
    special = {token.content: place for place, token in added.items() if token.special}
    return LibraryVocabulary(encoder, pieces, special, "Strip" in kinds or "Metaspace" in kinds)


def _kinds(decoder: object, depth: int = 0) -> Iterator[str]:
    """Types of a decoder and of those in it."""
    if isinstance(decoder, dict):
        yield str(decoder.get("type"))
        inner = decoder.get("decoders", [])
        for one in inner if isinstance(inner, list) and depth < 4 else []:
            yield from _kinds(one, depth + 1)


def _with_ends(folder: Path, vocabulary: LibraryVocabulary, first: list[int]) -> Tokenizer:
    said = {name: _read(folder, f"{name}.json") for name in ("tokenizer_config", "generation_config", "config")}
    texts = {name: _text(said["tokenizer_config"].get(name)) for name in ("bos_token", "eos_token")}
    begin = vocabulary.special.get(texts["bos_token"])
    ends = {vocabulary.special.get(texts["eos_token"])}
    for name in ("generation_config", "config"):
        value = said[name].get("eos_token_id")
        ends |= {i for i in (value if isinstance(value, list) else [value]) if type(i) is int and i >= 0}
    known = frozenset(i for i in ends if i is not None and i < len(vocabulary.pieces))
    source = _template(folder, said["tokenizer_config"])
    template = ChatTemplate(source, texts) if source else None
    adds = len(first) == 1 and first[0] not in known
    return Tokenizer(vocabulary, first[0] if adds else begin, known, adds, template)


def _read(folder: Path, name: str) -> dict[str, object]:
    path = inside(folder, name)
    return {} if path is None else read_json(path)


def _text(token: object) -> str:
    """The text of a token in tokenizer_config.json: itself, or the content of an object."""
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else ""


def _template(folder: Path, settings: dict[str, object]) -> str:
    """The chat template: a file of its own, or in tokenizer_config.json, where it may be one of several with names."""
    if (path := inside(folder, TEMPLATE)) is not None:
        file = MappedFile(path)
        return file.bytes(0, min(file.size, LONGEST_TEMPLATE)).decode("utf-8", errors="replace")
    found = settings.get("chat_template")
    if isinstance(found, list):
        named = {
            t.get("name"): t.get("template") for t in found if isinstance(t, dict) and isinstance(t.get("name"), str)
        }
        found = named.get("default")
    return found if isinstance(found, str) else ""
