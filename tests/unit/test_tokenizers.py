"""Text to identifiers and back: against llama2.c, against the package tokenizers, and on streams of bytes."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import checkpoint_files as files
import numpy as np
import pytest
import tokenizers
from checkpoint_files import TEXTS, Gguf
from hostile_folders import folder_with
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors

from accel import checkpoints
from accel.checkpoints.library import CUTS, byte_level_bpe, letters
from accel.checkpoints.scored import Scored
from accel.errors import UserError

BYTES, ENDS = {byte: 3 + byte for byte in range(256)}, {"<s>": 1, "</s>": 2}
"""Tokens for bytes, and special ones, where Llama 2 has them."""
MESSAGES = [{"role": "user", "content": "the hat <|im_end|>"}]


@pytest.fixture
def byte_level(tmp_path: Path) -> checkpoints.Tokenizer:
    """The tokenizer of a small GGUF file."""
    return checkpoints.load(Gguf().write(tmp_path / "m.gguf")).tokenizer()


def stream(tokenizer: checkpoints.Tokenizer, identifiers: list[int], **options: Any) -> list[str]:
    found = tokenizer.stream(**options)
    return [*map(found.push, identifiers), found.end()]


# ---- byte-level BPE


@pytest.mark.parametrize("text", TEXTS)
def test_text_comes_back_and_streams_give_whole_characters(byte_level: checkpoints.Tokenizer, text: str) -> None:
    identifiers = byte_level.encode(text)
    assert byte_level.decode(identifiers) == text
    parts = stream(byte_level, identifiers)
    assert "".join(parts) == text
    assert not any("�" in part for part in parts)


def test_a_character_that_is_not_complete_is_said_at_the_end(byte_level: checkpoints.Tokenizer) -> None:
    smile = byte_level.encode("😀")
    assert stream(byte_level, smile) == ["", "", "", "😀", ""]
    assert stream(byte_level, smile[:3]) == ["", "", "", "�"]
    assert byte_level.decode([smile[1], *byte_level.encode("a")]) == "�a"
    with pytest.raises(UserError, match="token 300 is not in the vocabulary of 300"):
        byte_level.decode([300])


def test_special_tokens_need_a_permission(byte_level: checkpoints.Tokenizer) -> None:
    assert byte_level.special == {"<|im_start|>": 298, "<|im_end|>": 299}
    assert (byte_level.begin, byte_level.ends, byte_level.adds_begin) == (298, {299}, False)
    text = "a<|im_end|>b"
    assert 299 not in byte_level.encode(text)
    assert byte_level.encode(text, special=True)[1] == 299
    assert byte_level.decode(byte_level.encode(text)) == text
    assert byte_level.decode(byte_level.encode(text, special=True)) == "ab"
    assert byte_level.decode(byte_level.encode(text, special=True), special=True) == text


@pytest.mark.parametrize("cuts", ["smollm", "gpt-2"])
def test_cuts_are_those_of_the_package(cuts: str) -> None:
    """The package's own pre-tokenizers, as the models' files of Hugging Face name them."""
    own = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), own])
    theirs = digits if cuts == "smollm" else own
    ours = [pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated") for pattern in CUTS[cuts]]
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for text in TEXTS:
        found = pre_tokenizers.Sequence([*ours, last]).pre_tokenize_str(text)
        assert [piece for piece, _ in found] == [piece for piece, _ in theirs.pre_tokenize_str(text)]


@pytest.mark.parametrize(
    ("cuts", "words"),
    [
        ("llama-bpe", ["It", "'S", " ", "123", "4", " don", "'t", " x", ".\n\n", " ", " y"]),
        ("qwen2", ["It", "'S", " ", "1", "2", "3", "4", " don", "'t", " x", ".\n\n", " ", " y"]),
        ("default", ["It", "'", "S", " ", "123", "4", " don", "'", "t", " x", ".", "\n\n ", " y"]),
    ],
)
def test_cuts_of_later_models(cuts: str, words: list[str]) -> None:
    vocabulary = byte_level_bpe(sorted(letters()), [], cuts, {}, [])
    encoder = vocabulary._encoder
    found = encoder.pre_tokenizer.pre_tokenize_str("It'S 1234 don't x.\n\n  y")
    assert [bytes(letters()[c] for c in piece).decode() for piece, _ in found] == words


def test_whole_words_of_llama3_need_no_merges() -> None:
    tokens = [*sorted(letters()), "the"]
    for cuts, wanted in (("llama-bpe", [256]), ("gpt-2", [ord("t") - 33, ord("h") - 33, ord("e") - 33])):
        found = byte_level_bpe(tokens, [], cuts, {}, []).encode("the")
        assert len(found) == len(wanted), cuts


def test_an_unknown_cut_is_refused(tmp_path: Path) -> None:
    file = Gguf()
    file.text["ggml.pre"] = "tekken\n"
    with pytest.raises(UserError, match="the pre-tokenizer 'tekken_' is not known, known are default, gpt-2, phi-2"):
        checkpoints.load(file.write(tmp_path / "m.gguf")).tokenizer()


# ---- scores


def test_llama2c_tokens() -> None:
    """Identifiers that llama2.c's run.c gives."""
    tokenizer = checkpoints.load(files.stories()).tokenizer()
    assert len(tokenizer) == 512
    for text in TEXTS:
        identifiers = tokenizer.encode(text)
        assert identifiers[0] == 1
        assert tokenizer.decode(identifiers) == text
        assert "".join(stream(tokenizer, identifiers)) == text
        assert identifiers[1:] == slow_merges(tokenizer.vocabulary, text)


def slow_merges(vocabulary: Any, text: str) -> list[int]:
    """The loop of run.c: all pairs are looked at for every merge."""
    if not text:
        return []
    places, scores = vocabulary._places, vocabulary._scores
    tokens: list[bytes] = []
    for letter in " " + text:
        raw = letter.encode()
        tokens += [raw] if raw in places else [b"<0x%02X>" % byte for byte in raw]
    while True:
        pairs = [(a + b, i) for i, (a, b) in enumerate(pairwise(tokens)) if a + b in places]
        if not pairs:
            break
        pair, i = max(pairs, key=lambda found: (scores[places[found[0]]], -found[1]))
        tokens[i : i + 2] = [pair]
    return [places[token] if token in places else int(token[3:5], 16) + 3 for token in tokens]


def random_pieces(rng: np.random.Generator, space: str) -> tuple[list[bytes], list[float]]:
    """Pieces of three letters, many with equal scores."""
    pieces = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % byte for byte in range(256))]
    letters = ["a", "b", space]
    words = {"".join(rng.choice(letters, rng.integers(2, 6))) for _ in range(60)}
    pieces += [word.encode() for word in [*letters, *sorted(words)]]
    return pieces, rng.integers(-9, 0, len(pieces)).astype(float).tolist()


@pytest.mark.parametrize("seed", range(20))
def test_merges_by_scores_are_those_of_the_loop(seed: int) -> None:
    """Ties included: the left pair is merged first."""
    rng = np.random.default_rng(seed)
    pieces, scores = random_pieces(rng, " ")
    vocabulary = Scored(pieces, scores, BYTES, space=" ", special=ENDS)
    for _ in range(10):
        text = "".join(rng.choice([*"aaabbb é"], rng.integers(1, 40)))
        assert vocabulary.encode(text) == slow_merges(vocabulary, text)
        assert b"".join(vocabulary.pieces[i] for i in vocabulary.encode(text)) == f" {text}".encode()


def test_gguf_scores(tmp_path: Path) -> None:
    """The tokenizer of Llama 2 in a GGUF file against the same pieces read directly."""
    pieces, scores = random_pieces(np.random.default_rng(1), "▁")
    file = Gguf()
    rows = len(pieces)
    file.add("token_embd.weight", np.ones((rows, 64)), "Q8_0")
    kinds = [2, 3, 3, *[6] * 256, *[1] * (rows - 259)]
    file.text = {
        "ggml.model": "llama", "ggml.tokens": [piece.decode() for piece in pieces], "ggml.scores": scores,
        "ggml.token_type": kinds, "ggml.bos_token_id": 1, "ggml.eos_token_id": 2, "ggml.unknown_token_id": 0,
    }  # fmt: skip
    tokenizer = checkpoints.load(file.write(tmp_path / "m.gguf")).tokenizer()
    direct = Scored(pieces, scores, BYTES, special=ENDS)
    for text in TEXTS:
        assert tokenizer.encode(text) == [1, *direct.encode(text)]
        assert tokenizer.decode(tokenizer.encode(text)) == text.replace("▁", " ")
    assert tokenizer.encode("a</s>b", special=True).count(2) == 1
    assert 2 not in tokenizer.encode("a</s>b")


# ---- Hugging Face


def saved(folder: Path, encoder: tokenizers.Tokenizer, **settings: Any) -> checkpoints.Tokenizer:
    """A folder with a network and this tokenizer, and the tokenizer as it is read from there."""
    folder_with(folder, tokens=encoder.to_str())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return checkpoints.load(folder).tokenizer()


def trained(style: str) -> tokenizers.Tokenizer:
    """A small tokenizer in the style of GPT-2 or Llama 2."""
    from tokenizers import Tokenizer, trainers

    if style == "gpt2":
        found = Tokenizer(models.BPE())
        found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        found.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=295, special_tokens=["<|end|>"], initial_alphabet=alphabet)
    else:
        found = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
        found.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        found.decoder = decoders.Sequence(steps)
        names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
        trainer = trainers.BpeTrainer(vocab_size=295, special_tokens=names)
    found.train_from_iterator(["the cat sat on the mat and the hat", "once upon a time"] * 3, trainer)
    if style == "llama2":
        contents = json.loads(found.to_str())
        contents["added_tokens"] = contents["added_tokens"][:3]  # bytes are no special tokens
        found = Tokenizer.from_str(json.dumps(contents))
        found.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    return found


@pytest.mark.parametrize("style", ["gpt2", "llama2"])
def test_a_folder_encodes_and_decodes_as_the_package_does(style: str, tmp_path: Path) -> None:
    encoder = trained(style)
    encoder.enable_padding(length=64)  # which would follow every text
    begin, end = ("", "<|end|>") if style == "gpt2" else ("<s>", "</s>")
    tokenizer = saved(tmp_path, encoder, bos_token=begin or None, eos_token={"content": end, "special": True})
    encoder.no_padding()
    encoder.encode_special_tokens = True
    for text in TEXTS:
        identifiers = tokenizer.encode(text)
        assert identifiers == encoder.encode(text).ids
        assert tokenizer.decode(identifiers) == encoder.decode(identifiers)
        assert "".join(stream(tokenizer, identifiers)) == encoder.decode(identifiers)
    assert tokenizer.ends == {encoder.token_to_id(end)}
    assert (tokenizer.begin, tokenizer.adds_begin) == ((1, True) if begin else (None, False))
    assert tokenizer.encode(f"a{end}", special=True)[-1] == encoder.token_to_id(end)
    assert tokenizer.encode(f"a{end}")[-1] != encoder.token_to_id(end)


def test_ends_of_a_folder_come_from_all_files_that_name_them(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    saved(tmp_path / "x", trained("gpt2"), eos_token="<|end|>")
    (tmp_path / "x" / "generation_config.json").write_text('{"eos_token_id": [7, 9, -1, 4000]}')
    assert checkpoints.load(tmp_path / "x").tokenizer().ends == {0, 7, 9}


# ---- chat


def test_a_chat_becomes_tokens(byte_level: checkpoints.Tokenizer) -> None:
    identifiers = byte_level.chat(MESSAGES)
    text = "<|im_start|>user\nthe hat <|im_end|><|im_end|>\n<|im_start|>assistant\n"
    assert byte_level.decode(identifiers, special=True) == text
    assert byte_level.decode(byte_level.chat(MESSAGES, reply=False), special=True) == text[:-22]


def test_templates_of_a_folder(tmp_path: Path) -> None:
    named = [
        {"name": "tools", "template": "no"},
        {"name": "default", "template": "{{ bos_token }}{{ messages|tojson }}"},
    ]
    tokenizer = saved(tmp_path, trained("llama2"), bos_token="<s>", chat_template=named)
    assert tokenizer.template is not None
    assert json.loads(tokenizer.template.render(MESSAGES).removeprefix("<s>")) == MESSAGES
    (tmp_path / "chat_template.jinja").write_text("{% if false %}\n{% endif %}file")
    assert checkpoints.load(tmp_path).tokenizer().template == checkpoints.ChatTemplate(
        "{% if false %}\n{% endif %}file", {"bos_token": "<s>", "eos_token": ""}
    )


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ("{{ raise_exception('roles must alternate') }}", "roles must alternate.; change the messages"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "unsafe|SecurityError|undefined"),
        ("{{ messages.append(1) }}", "SecurityError"),
        ("{% for %}", "TemplateSyntaxError"),
        ("{{ messages[0].nothing.more }}", "UndefinedError"),
        ("{% include '/etc/passwd' %}", "no loader|TypeError"),
        ("{{ 'a' * 4000000000 }}", "MemoryError|takes more than 5 seconds or 1024 MB"),
        ("{{ 'a' * 5000000 }}", "its text has 5000000 characters"),
    ],
)
def test_templates_that_are_wrong_or_hostile(source: str, match: str) -> None:
    with pytest.raises(UserError, match=match) as caught:
        checkpoints.ChatTemplate(source).render(MESSAGES)
    assert "\n" not in str(caught.value)


def test_a_template_that_never_ends() -> None:
    loop = "{% for i in range(99999) %}" * 3 + "{% endfor %}" * 3
    with pytest.raises(UserError, match="takes more than 5 seconds or 1024 MB; use another checkpoint"):
        checkpoints.ChatTemplate(loop).render(MESSAGES)


def test_without_the_packages(
    byte_level: checkpoints.Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accel.checkpoints import chat

    monkeypatch.setattr(chat, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs jinja2, which is not installed: pip install 'accel-fpga\[lm\]'"):
        byte_level.chat(MESSAGES)
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(UserError, match=r"needs tokenizers, which is not installed: pip install 'accel-fpga\[lm\]'"):
        checkpoints.load(Gguf().write(tmp_path / "n.gguf")).tokenizer()


def test_a_checkpoint_without_a_template_says_so() -> None:
    tokenizer = checkpoints.Tokenizer(Scored([b"a"], [0.0], {}))
    with pytest.raises(UserError, match="the checkpoint has no chat template; use encode"):
        tokenizer.chat(MESSAGES)


def test_added_tokens_that_are_not_special_are_found_in_any_text(tmp_path: Path) -> None:
    encoder = trained("gpt2")
    encoder.add_tokens([AddedToken("    ", normalized=False)])
    tokenizer = saved(tmp_path, encoder)
    assert tokenizer.decode(tokenizer.encode("a    b")) == "a    b"
    assert encoder.token_to_id("    ") in tokenizer.encode("a    b")
