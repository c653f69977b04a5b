"""`accel.lm` and `accel lm`: text from a checkpoint, what its integers cost, files, refusals of one line."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkpoint_files as files
import numpy as np
import pytest
from command import accel, assert_refused

from accel import archive, reference, storage
from accel.archive import Archive
from accel.checkpoints import Tokenizer
from accel.errors import UserError
from accel.verbs import lm
from accel.verbs.lm import perplexity, writing
from models.llama.recipe import OPTIONS, RECIPES

BEGINNING = ", there was a little girl named Lily. She loved to play outside in the park."
"""Greedy text of llama2.c's run.c behind "Once upon a time"."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GGUF file of two layers with random weights, a tokenizer and a chat template."""
    return files.Gguf().write(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture
def model(tiny: Path) -> lm.LanguageModel:
    return lm.load(tiny, device="cpu")


def test_text_is_what_whole_sequences_say(model: lm.LanguageModel) -> None:
    pieces: list[str] = []
    found = model.generate("the ant", 8, pieces.append)
    assert "".join(pieces) == found.text
    known = [*model.tokenizer.encode("the ant"), *found.identifiers]
    logits = reference.run(model.graph(len(known)), np.array(known)[None, :, None])
    assert isinstance(logits, np.ndarray)
    assert tuple(logits[0, found.prompt - 1 : -1].argmax(-1)) == found.identifiers


def test_a_saved_model_is_the_same(model: lm.LanguageModel, tmp_path: Path) -> None:
    path = tmp_path / "model.accel"
    assert model.save(path) == model.save(path)
    again = lm.load(path, device="cpu")
    assert again.recipe == model.recipe
    assert again.configuration == model.configuration
    for text in files.TEXTS:
        assert again.tokenizer.encode(text) == model.tokenizer.encode(text)
    assert again.generate("the ant", 8).identifiers == model.generate("the ant", 8).identifiers
    messages = [{"role": "user", "content": "on"}]
    assert again.tokenizer.chat(messages) == model.tokenizer.chat(messages)
    with pytest.raises(UserError, match="has its recipe already"):
        lm.load(path, "A")
    for verb in (["lower", "--target", "rtl", "--out", tmp_path / "rtl"], ["check"]):
        assert_refused(accel(verb[0], path, *verb[1:]), "is a language model of accel, no ONNX file; `accel lm check`")
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(UserError, match=r"model\.accel: damaged; import the checkpoint again"):
        lm.load(path)


def test_a_place_that_cannot_be_written_is_refused_before_the_work(tiny: Path, tmp_path: Path) -> None:
    """A pipe stands for devices, which a replaced file would remove."""
    pipe, tree, model = tmp_path / "pipe", tmp_path / "tree", tmp_path / "model.gguf"
    os.mkfifo(pipe)
    tree.mkdir()
    model.write_bytes(tiny.read_bytes())
    refusals = {
        pipe: "it is a device or a pipe; name an ordinary file",
        tree: "it is a folder; name a file in it",
        tmp_path / "absent" / "x.accel": "No such file or directory; choose another folder",
        model: "it is read from; name another file",
    }
    for place, reason in refusals.items():
        for verb in (["import"], ["train", "--steps", 0]):
            assert_refused(accel("lm", *verb, model, "--out", place), f"cannot write {place}: {reason}")
    with pytest.raises(UserError, match="it is read from"):
        lm.load(model).save(model)
    assert pipe.is_fifo()
    assert model.read_bytes() == tiny.read_bytes()


def test_a_saved_model_is_no_checkpoint(tiny: Path, model: lm.LanguageModel, tmp_path: Path) -> None:
    path, short, text = tmp_path / "model.accel", tmp_path / "short.accel", tmp_path / "text.txt"
    model.save(path)
    text.write_text("the ant went on")
    made = f"{path}: is a language model of accel; its integers are made; name the checkpoint that it was made from"
    assert_refused(accel("lm", "calibrate", path, "--text", text), made)
    assert_refused(accel("lm", "train", path, "--out", tmp_path / "x"), "name the checkpoint that it was made from")
    storage.save(model.graph(2), graph := tmp_path / "graph.accel")
    assert_refused(accel("lm", "check", graph), f"{graph}: is a graph file of accel; accel.storage.load reads it")
    whole = path.read_bytes()
    for size in (len(whole) // 2, 3000, 100):
        short.write_bytes(whole[:size])
        assert_refused(accel("lm", "check", short), f"{short}: is a truncated or damaged file of accel")
    for file in (path, tiny):
        told = accel("lm", "check", file, "--tokenizer", text)
        assert_refused(told, f"{file}: has its own tokenizer; one is named for a .bin file of llama2.c alone")


def test_closed_streams(tiny: Path) -> None:
    """A shell may close them: `accel lm chat model.gguf <&- >&-`."""
    for streams in ("<&-", ">&-"):
        command = f'"{sys.executable}" -m accel lm chat "{tiny}" --device cpu --tokens 2 {streams}'
        done = subprocess.run(command, shell=True, input="the ant", stderr=subprocess.PIPE, text=True)
        assert "Traceback" not in done.stderr
        assert done.returncode == 0, done.stderr


Change = Callable[[dict[str, Any], dict[str, np.ndarray]], object]
GATE = "layers.0.feedforward.gate"
DAMAGED: dict[str, Change] = {
    "blocks are missing": lambda header, arrays: arrays.update({GATE: arrays[GATE][:-1]}),
    "blocks of another type": lambda header, arrays: arrays.update({GATE: arrays[GATE].astype(np.float32)}),
    "no sums": lambda header, arrays: arrays.pop(f"{GATE}.sums"),
    "sums of fewer rows": lambda header, arrays: arrays.update({f"{GATE}.sums": arrays[f"{GATE}.sums"][:, 1:]}),
    "sums of no such weights": lambda header, arrays: arrays.update({f"{GATE}.sums": arrays[f"{GATE}.sums"] * 1000}),
    "sums that are real": lambda header, arrays: arrays.update({f"{GATE}.sums": arrays[f"{GATE}.sums"] * 1.0}),
    "a shape of more rows": lambda header, arrays: header["matrices"][GATE].update(shape=[112, 64]),
    "a shape of no matrix": lambda header, arrays: header["matrices"][GATE].update(shape=[96]),
    "other bits": lambda header, arrays: header["matrices"][GATE].update(bits=8),
    "bits of none": lambda header, arrays: header["matrices"][GATE].update(bits=3),
    "a range that is empty": lambda header, arrays: header["matrices"][GATE].update(ends=[1, 0]),
    "a range that is too wide": lambda header, arrays: header["matrices"][GATE].update(ends=[-(1 << 40), 1 << 40]),
    "no tokenizer": lambda header, arrays: arrays.pop("tokenizer.library"),
    "a tokenizer of other bytes": lambda header, arrays: arrays.update({"tokenizer.library": np.zeros(9, np.uint8)}),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_model_is_one_line(what: str, model: lm.LanguageModel, tmp_path: Path) -> None:
    """Checksums are right, contents are not."""
    path = tmp_path / "model.accel"
    model.save(path)
    with zipfile.ZipFile(path) as members:
        names = [name.removesuffix(".npy") for name in members.namelist() if name != "header.npy"]
    with Archive(path) as file:
        header, arrays = file.header, {name: file[name].copy() for name in names}
    DAMAGED[what](header, arrays)
    archive.write(path, header, arrays)
    with pytest.raises(UserError, match=r"model\.accel: damaged; import the checkpoint again"):
        lm.load(path)


def test_a_file_of_the_first_format_is_refused(model: lm.LanguageModel, tmp_path: Path) -> None:
    archive.write(tmp_path / "old.accel", {"magic": archive.LANGUAGE_MODEL, "format": 1}, {})
    with pytest.raises(UserError, match=r"old\.accel: format 1, this accel reads 2; .*import the checkpoint again"):
        lm.load(tmp_path / "old.accel")


OPENED = """
import sys
import tokenizers
from accel import archive, reference, storage
from accel.archive import Archive
from accel.verbs.lm import loading
from models import languages
from models.llama import lowering
def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
imports = peak()
model = loading.load(sys.argv[1])
text = model.generate("Once upon a time", 4).text
assert "torch" not in sys.modules
print(repr((peak() - imports, text)))
"""


def test_a_model_takes_a_third_more_memory_than_its_file(tmp_path: Path) -> None:
    """From the checkpoint and from the file that is saved; keys and values of all tokens come on top."""
    path, saved = files.smollm(), tmp_path / "smollm.accel"
    model = lm.load(path)
    model.save(saved)
    assert saved.stat().st_size < 1.05 * path.stat().st_size
    c = model.configuration
    keys = 2 * c.layers * model.context * c.kv_heads * (c.head_size + 1)  # in 8 bits, and an exponent per head
    found = []
    for file in (path, saved):
        done = subprocess.run([sys.executable, "-c", OPENED, str(file)], capture_output=True, text=True, cwd=files.ROOT)
        assert done.returncode == 0, done.stderr
        memory, text = ast.literal_eval(done.stdout.splitlines()[-1])
        assert memory < 1.3 * path.stat().st_size + keys, file
        found.append(text)
    assert found[0] == found[1] != ""


def test_a_text_goes_on_behind_the_context(tiny: Path) -> None:
    short = lm.load(tiny, context=8, device="cpu")
    found = short.generate("the", 20)
    known = [*short.tokenizer.encode("the"), *found.identifiers]
    assert len(found.identifiers) == 20 or found.ended == "end"
    if found.ended == "length":
        place = 8  # the first token that is written of the last half alone
        logits = reference.run(short.graph(4), np.array(known[place + 1 - 4 : place + 1])[None, :, None])
        assert isinstance(logits, np.ndarray)
        assert int(logits[0, -1].argmax()) == known[place + 1]


def test_a_conversation_is_read_once(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns behind the first read what is new, and say what a model says that reads the whole conversation."""
    model, read = lm.load(tiny, context=64, device="cpu"), list[int]()
    append = reference.Decoder.append

    def counted(decoder: reference.Decoder, x: np.ndarray, *, last: bool) -> object:
        read.append(x.shape[1])
        return append(decoder, x, last=last)

    monkeypatch.setattr(reference.Decoder, "append", counted)
    messages: list[dict[str, str]] = []
    for text in ("on", "an"):
        messages.append({"role": "user", "content": text})
        before, read[:] = len(model.tokenizer.chat(messages[:-1], reply=False)) if messages[1:] else 0, []
        found = model.chat(messages, 3)
        assert sum(read) < found.prompt + len(found.identifiers) - before // 2
        assert found.identifiers == lm.load(tiny, context=64, device="cpu").chat(messages, 3).identifiers
        messages.append({"role": "assistant", "content": found.text})
    assert model.generate("the ant", 8).identifiers == lm.load(tiny, device="cpu").generate("the ant", 8).identifiers


def test_texts_end_in_front_of_what_stops_them() -> None:
    told: list[str] = []
    text = writing._Text(["END", "no"], told.append)
    assert not text.push("one E")
    assert told == ["one "]
    assert not text.push("N")
    assert text.push("D more")
    assert text.end() == "one "
    assert told == ["one "]
    assert not (other := writing._Text(["END"], told.append)).push("an E")
    assert other.end() == "an E"


def test_perplexity_is_that_of_logits(model: lm.LanguageModel) -> None:
    text = "the ant went on and the other ran in the sand " * 3
    found = model.perplexity(text, window=16)
    ids = np.array(model.tokenizer.encode(text)[:16])
    logits = reference.run(model.graph(16), ids[None, :, None])
    assert isinstance(logits, np.ndarray)
    x = logits[0] * np.asarray(model.graph(16).output_tensor.scale)
    nats = np.log(np.exp(x - x.max(1, keepdims=True)).sum(1)) + x.max(1) - x[np.arange(16), np.roll(ids, -1)]
    first = model.perplexity(text, 15, window=16)
    assert first.tokens == 15
    assert first.nats_integer == pytest.approx(nats[:-1].mean())
    assert found.tokens % 15 == 0
    assert 0 <= found.kl < 0.1
    assert abs(found.cost) < 0.1


def test_windows() -> None:
    assert perplexity.windows(range(10), 4, None) == [range(4), range(4, 8)]
    assert perplexity.windows(range(3), 4, None) == [range(3)]
    with pytest.raises(UserError, match="the text has 1 tokens; at least 2 are needed"):
        perplexity.windows([1], 4, None)
    with pytest.raises(UserError, match="the text predicts 6 tokens in windows of 4, not 7; give a longer text"):
        perplexity.windows(range(10), 4, 7)


def test_recipes_are_compared(tiny: Path) -> None:
    found = lm.calibrate(
        tiny, "the ant went on " * 4, ["B14", "a", "W8A8", "W4A8", "B14:query_bits=4"], 14, window=8, device="cpu"
    )
    assert [*found] == ["B14", "a", "W8A8", "W4A8", "B14:query_bits=4"]
    assert all(0 < result.kl < 0.1 for result in found.values())
    assert len({result.kl for result in found.values()}) == 5
    assert len({result.nats_float for result in found.values()}) == 1


def test_the_help_names_every_recipe() -> None:
    said = "".join(accel("lm", "generate", "--help").output.split())
    assert all(name in said for name in RECIPES | OPTIONS)


def test_verbs(tiny: Path, tmp_path: Path) -> None:
    out, text = tmp_path / "model.accel", tmp_path / "text.txt"
    text.write_text("the ant went on and the other ran in the sand " * 3)
    assert json.loads(accel("lm", "import", tiny, "--out", out, "--json").stdout)["out"] == str(out)
    as_json = accel("lm", "generate", out, "--prompt", "the ant", "--tokens", 5, "--device", "cpu", "--json")
    written = accel("lm", "generate", out, "--prompt", "the ant", "--tokens", 5, "--device", "cpu")
    assert written.exit_code == 0, written.output
    assert written.stdout == json.loads(as_json.stdout)["text"] + "\n"
    assert "per second" in written.stderr
    assert json.loads(as_json.stdout)["ended"] in ("length", "end")
    short = ("--text", text, "--tokens", 14, "--window", 8, "--device", "cpu")
    told = accel("lm", "perplexity", tiny, *short, "--json")
    assert {"nats_float", "kl", "flips", "error"} < set(json.loads(told.stdout))
    table = accel("lm", "calibrate", tiny, "--recipe", "B10:key_value_bits=9", *short)
    assert table.exit_code == 0, table.output
    assert "B10:key_value_bits=9" in table.stdout
    told = accel("lm", "check", out, "--levels", "reference,reference", "--tokens", 4, "--json")
    assert json.loads(told.stdout)["reference"]["mismatches"] == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["generate", "MODEL", "--prompt", ""], "the prompt is empty"),
        (["generate", "MODEL", "--prompt", "a", "--tokens", "0"], "0 tokens to write; ask for at least 1"),
        (["generate", "MODEL", "--prompt", "a b c d e f", "--context", "4"], "more than the context of 4: shorten it"),
        (["generate", "MODEL", "--prompt", "a", "--context", "65"], "a context of 65 tokens: the model has 2 to 64"),
        (
            ["generate", "MODEL", "--prompt", "a", "--recipe", "C"],
            "unknown recipe 'C'; there are B14, B10, A, W8A8, W4A8",
        ),
        (["generate", "nothing.gguf", "--prompt", "a"], "nothing.gguf"),
        (["perplexity", "MODEL", "--text", "nothing.txt"], "nothing.txt"),
        (["perplexity", "MODEL", "--text", "MODEL"], "is no text in UTF-8"),
        (["check", "MODEL", "--levels", "gds"], "unknown level 'gds'; there are reference, native, decode"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], text: str, tiny: Path) -> None:
    named = [str(tiny) if word == "MODEL" else word for word in arguments]
    device = [] if arguments[0] == "check" else ["--device", "cpu"]
    assert_refused(accel("lm", *named, *device), text)


def test_a_checkpoint_without_a_template_cannot_chat(model: lm.LanguageModel) -> None:
    model.__dict__["tokenizer"] = Tokenizer(model.tokenizer.vocabulary)
    with pytest.raises(UserError, match="the checkpoint has no chat template"):
        model.chat([{"role": "user", "content": "on"}])


def test_every_level_of_a_small_model(tiny: Path) -> None:
    outcomes = lm.load(tiny).check(tokens=6)
    assert [(o.level, o.mismatches) for o in outcomes] == [("reference", 0), ("native", 0), ("decode", 0)]


def test_stories_are_told_as_llama2c_tells_them(tmp_path: Path) -> None:
    stories = lm.load(files.stories(), device="cpu")
    assert stories.generate("Once upon a time", 32).text.startswith(BEGINNING)
    stories.save(tmp_path / "stories.accel")
    again = lm.load(tmp_path / "stories.accel", device="cpu")
    assert again.tokenizer.encode(BEGINNING) == stories.tokenizer.encode(BEGINNING)
    assert again.tokenizer.decode(stories.tokenizer.encode(BEGINNING)) == BEGINNING
