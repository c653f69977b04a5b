"""`accel board chat`: text in, text out, with the tokens of a decode engine on a virtual board."""

import json

import llama2c_files
import pytest
from click.testing import CliRunner
from command import accel, assert_refused
from engine_stand_in import continued, stand_in

from accel.checkpoints.alphabet import ALPHABETS
from accel.checkpoints.llama2c import read_tokenizer
from accel.checkpoints.mapped import MappedFile
from accel.cli import cli
from accel.errors import UserError
from accel.verbs.engine import texts
from accel.verbs.engine.talking import Talk

DESIGN = stand_in(vocabulary=512, context=40)


def chat(*arguments, given):
    words = ["board", "chat", *map(str, arguments)]
    return CliRunner().invoke(cli, words, prog_name="accel", input=given)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A tokenizer's file of llama2.c with 512 tokens."""
    return llama2c_files.tokenizer(tmp_path_factory.mktemp("tokenizer") / "tok512.bin")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, file):
    folder = tmp_path_factory.mktemp("engine")
    DESIGN.write(folder)
    texts.save(read_tokenizer(MappedFile(file), 512), folder)
    return folder


def test_text_of_the_right_tokens(folder, file):
    words = read_tokenizer(MappedFile(file), 512)
    prompts = ["ab", "zz top", ""]
    done = chat(folder, "--port", "virtual", "--tokens", 6, "--json", given="\n".join(prompts) + "\n")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    for prompt, one in zip(prompts, found, strict=True):
        tokens = continued(DESIGN, words.encode(prompt), 6)
        ends = next((place for place, token in enumerate(tokens) if token in words.ends), 5)
        assert one["identifiers"] == tokens[: ends + 1]


def test_text_is_printed_as_it_comes(folder):
    done = chat(folder, "--port", "virtual", "--tokens", 6, given=b"ab\n\xff\n" + b"z" * 60 + b"\n")
    assert done.exit_code == 0, done.output
    assert len(done.stdout.strip()) > 3
    rate, *refusals = done.stderr.splitlines()[1:]
    assert " tokens read in " in rate
    assert refusals == [
        "accel: the message is not UTF-8; the message is left out",
        "accel: a prompt of 62 and 1 tokens behind it are more than the context of stand-in, 40: shorten the prompt; "
        "the message is left out",
    ]


def test_without_a_number_of_tokens_it_writes_until_the_context_is_full(folder):
    with Talk(folder, port="virtual") as talk:
        found = talk.say("ab")
    assert found.ended == "end" or len(found.identifiers) == 41 - found.prompt


def test_nothing_that_fits_is_an_error(folder):
    assert chat(folder, "--port", "virtual", given="b" * 100 + "\n").exit_code == 2


def test_a_tokenizer_that_cannot_be_used_is_refused(folder, file, tmp_path):
    ways = "give letters, ascii, bytes, a checkpoint, or a tokenizer's file of llama2.c"
    DESIGN.write(tmp_path / "bare")
    refusals = {
        (tmp_path / "bare",): "bare holds no tokenizer; name one with --tokenizer: letters, ascii, bytes, a checkpoint",
        (folder, "--tokenizer", "absent"): f"--tokenizer absent: no such file; {ways}",
        (folder, "--tokenizer", "letters"): "the tokenizer has 27 tokens, the design in ",
        (folder, "--tokenizer", folder / "design.json"): "design.json: is no checkpoint",
        (tmp_path / "none",): "no such file; `accel lower --target engine` writes a design",
    }
    for arguments, words in refusals.items():
        assert_refused(accel("board", "chat", *arguments, "--port", "virtual"), words)
    (folder / texts.TOKENIZER_FILE).rename(tmp_path / "kept")
    (folder / texts.TOKENIZER_FILE).write_bytes((tmp_path / "kept").read_bytes()[:900])
    assert_refused(accel("board", "chat", folder, "--port", "virtual"), "damaged; write the design again")
    (tmp_path / "kept").rename(folder / texts.TOKENIZER_FILE)


@pytest.mark.parametrize(
    ("name", "text", "identifiers"),
    [("letters", "Emma", [26, 4, 12, 12, 0]), ("ascii", "~\n !", [95, 0, 1, 2]), ("bytes", "aé", [97, 0xC3, 0xA9])],
)
def test_alphabets(name, text, identifiers):
    alphabet = ALPHABETS[name]()
    assert alphabet.encode(text) == identifiers
    assert alphabet.decode(identifiers) == (text.lower() if name == "letters" else text)
    assert len(alphabet) == {"letters": 27, "ascii": 96, "bytes": 256}[name]


@pytest.mark.parametrize(("name", "words"), [("letters", "letters a to z"), ("ascii", "ASCII characters")])
def test_symbols_that_an_alphabet_lacks_are_refused(name, words):
    with pytest.raises(UserError, match=rf"'\\\\xc3' is not in the alphabet: a text has {words}"):
        ALPHABETS[name]().encode("é")


def test_ascii_is_the_alphabet_of_the_trained_networks():
    from models.data import text

    assert ALPHABETS["ascii"]().encode(text.SYMBOLS) == text.encode(text.SYMBOLS).tolist()
