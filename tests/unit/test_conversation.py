"""`accel lm chat`: conversations that outgrow the context, messages without an answer, models that cannot chat."""

from __future__ import annotations

import json
from pathlib import Path

import checkpoint_files as files
import pytest
from click.testing import CliRunner, Result
from command import accel, assert_refused

from accel.cli import cli
from accel.errors import UserError
from accel.verbs import lm
from accel.verbs.lm.conversation import Conversation

TOKENS = 4


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _file(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


def _file(path: Path, template: str | None = files.TEMPLATE) -> Path:
    """A file with random weights, a context of 128 tokens and a chat template, or without one."""
    file = files.Gguf(layers=1)
    file.values["context_length"] = 128
    file.text.pop("chat_template")
    if template:
        file.text["chat_template"] = template
    return file.write(path)


def chat(path: Path, text: bytes, *options: object) -> Result:
    arguments = ["lm", "chat", path, "--tokens", TOKENS, "--device", "cpu", *options]
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], input=text, prog_name="accel")


def lines(result: Result) -> list[str]:
    """Lines on standard error, but for times."""
    return [line for line in result.stderr.splitlines() if line.startswith("accel:")]


def test_the_oldest_turns_are_left_out(tiny: Path) -> None:
    talk = Conversation(lm.load(tiny, context=72, device="cpu"), "an", TOKENS, ())
    texts = ("the", "on", "in")
    for text in texts:
        reply = talk.say(text)
        assert reply.prompt + TOKENS <= 72
    assert talk.is_cut
    assert [one["content"] for one in talk.messages if one["role"] == "user"] == [*texts]
    seen = [talk.messages[0], *talk.messages[talk._first : -1]]
    assert seen[1]["role"] == "user"
    model = lm.load(tiny, context=72, device="cpu")
    assert reply.identifiers == model.chat(seen, TOKENS).identifiers
    with pytest.raises(UserError, match="more than the context of 72"):
        model.chat(talk.messages[:-1], TOKENS)


def test_it_is_said_once(tiny: Path) -> None:
    done = chat(tiny, b"the\nan\n\nin\non\n", "--context", 64)
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) >= 4
    assert lines(done) == [
        "accel: the conversation is longer than the context of 64 tokens: its oldest turns are left out; "
        "--context takes up to 128"
    ]


def test_a_message_that_cannot_be_answered_is_left_out(tiny: Path) -> None:
    text = b"the\n" + b"a b " * 40 + b"\n\xff\xfe\nan\n"
    done = chat(tiny, text, "--context", 96, "--json")
    assert done.exit_code == 0, done.output
    assert [one["content"] for one in json.loads(done.stdout) if one["role"] == "user"] == ["the", "an"]
    long, other = lines(done)
    assert long.startswith("accel: the prompt has ")
    assert long.endswith("; the message is left out")
    assert other == "accel: the message is not UTF-8; the message is left out"
    assert chat(tiny, b"\xff").exit_code == 2


def test_a_message_that_the_template_refuses_is_left_out(tmp_path: Path) -> None:
    refusing = "{% if 'no' in messages[-1]['content'] %}{{ raise_exception('never') }}{% endif %}" + files.TEMPLATE
    done = chat(_file(tmp_path / "refusing.gguf", refusing), b"no\nan\n")
    assert done.exit_code == 0, done.output
    (line,) = lines(done)
    assert "never" in line


def test_models_that_cannot_chat_are_refused_at_the_start(tiny: Path, tmp_path: Path) -> None:
    plain = _file(tmp_path / "plain.gguf", None)
    assert_refused(
        chat(plain, b""), "plain.gguf: has no chat template; `accel lm generate` writes text behind a prompt"
    )
    assert_refused(chat(tiny, b"", "--context", 8), "more than the context of 8")
    assert_refused(chat(tiny, b"", "--context", 64, "--system", "a b " * 40), "more than the context of 64")
    assert accel("lm", "generate", plain, "--prompt", "an", "--tokens", 2, "--device", "cpu").exit_code == 0
