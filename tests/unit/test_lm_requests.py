"""`accel.lm` and `accel lm`: arguments of the wrong kind are refused in one line, before a model is opened."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import checkpoint_files as files
import numpy as np
import pytest
from command import accel, assert_refused

from accel.errors import UserError
from accel.verbs import lm
from models.llama.recipe import FRACTIONS, LIMITS, OFF, WORDS, Format, IntegerRecipe

HELLO = {"role": "user", "content": "on"}
Use = Callable[[lm.LanguageModel], object]
REFUSED: dict[str, Use] = {
    "the number of tokens to write is 2.5; give a whole number": lambda m: m.generate("the", tokens=2.5),  # type: ignore[arg-type]
    "the number of tokens to write is '5'; give a whole number": lambda m: m.generate("the", tokens="5"),  # type: ignore[arg-type]
    "the number of tokens to write is True; give a whole number": lambda m: m.generate("the", tokens=True),
    "0 tokens to write; ask for at least 1": lambda m: m.chat([HELLO], 0),
    "the prompt is 5; give a text": lambda m: m.generate(5),  # type: ignore[arg-type]
    "the prompt is not UTF-8; convert it": lambda m: m.generate("a\udcff"),
    "a text to stop at is 5; give a text": lambda m: m.generate("the", stop=5),  # type: ignore[arg-type]
    "a text to stop at is None; give a text": lambda m: m.generate("the", stop=["a", None]),  # type: ignore[list-item]
    "a text to stop at is empty; leave it out": lambda m: m.generate("the", stop=""),
    "a message is 'hello'; give a role and a content": lambda m: m.chat("hello"),  # type: ignore[arg-type]
    "a message is {'role': 'user'}; give a role and a content": lambda m: m.chat([{"role": "user"}]),
    "the content of a message is 5; give a text": lambda m: m.chat([{"role": "user", "content": 5}]),  # type: ignore[dict-item]
    "the content of a message is not UTF-8": lambda m: m.chat([{"role": "user", "content": "\ud800"}]),
    "the number of tokens to predict is 0; give at least 1": lambda m: m.perplexity("the ant", 0),
    "the number of tokens to predict is 2.5; give a whole number": lambda m: m.perplexity("the ant", 2.5),  # type: ignore[arg-type]
    "the window is 'x'; give a whole number": lambda m: m.perplexity("the ant", window="x"),  # type: ignore[arg-type]
    "a window of 1 tokens: the model has 2 to 64": lambda m: m.perplexity("the ant", window=1),
    "the text is not UTF-8": lambda m: m.perplexity("the \udcff ant"),
    "the text is b'the'; give a text": lambda m: m.perplexity(b"the"),  # type: ignore[arg-type]
    "the number of tokens is 0; give at least 1": lambda m: m.check(tokens=0),
    "a sequence of 65 tokens: the model has 1 to 64": lambda m: m.check(tokens=65),
    "the seed is -1; give at least 0": lambda m: m.check(seed=-1),
    "a level is 5; give a text": lambda m: m.check([5]),  # type: ignore[list-item]
    "no level is named": lambda m: m.check([]),
    "the context is 'x'; give a whole number": lambda m: lm.load(m.path, context="x"),  # type: ignore[arg-type]
    "the recipe is 5; give its name, or an IntegerRecipe": lambda m: lm.load(m.path, 5),  # type: ignore[arg-type]
    "a recipe is 5; give a text": lambda m: lm.calibrate(m.path, "the ant", [5]),  # type: ignore[list-item]
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return files.Gguf(layers=1).write(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture(scope="module")
def model(tiny: Path) -> lm.LanguageModel:
    return lm.load(tiny, device="cpu")


@pytest.mark.parametrize("words", REFUSED)
def test_a_value_of_the_wrong_kind_is_one_line(words: str, model: lm.LanguageModel) -> None:
    with pytest.raises(UserError) as found:
        REFUSED[words](model)
    assert words in str(found.value)
    assert "\n" not in str(found.value)


def test_numbers_of_numpy_and_one_text_to_stop_at_are_taken(model: lm.LanguageModel) -> None:
    whole = model.generate("the", np.int64(6)).text  # type: ignore[arg-type]
    assert whole
    stopped = model.generate("the", 6, stop=whole[-1])
    assert stopped.ended == "stop"
    assert stopped.text == model.generate("the", 6, stop=[whole[-1]]).text == whole[: whole.index(whole[-1])]
    assert [o.level for o in model.check("reference", tokens=2)] == ["reference"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["generate", "--prompt", "a", "--tokens", 0], "0 tokens to write; ask for at least 1"),
        (["generate", "--prompt", "a", "--tokens", -1], "-1 tokens to write; ask for at least 1"),
        (["generate", "--prompt", "a", "--stop", ""], "a text to stop at is empty; leave it out"),
        (["generate", "--prompt", "a\udcff"], "the prompt is not UTF-8; convert it"),
        (["chat", "--tokens", 0], "0 tokens to write; ask for at least 1"),
        (["chat", "--system", "a\udcff"], "the system message is not UTF-8; convert it"),
        (["check", "--seed", -1], "Invalid value for '--seed': -1 is not in the range x>=0."),
        (["check", "--levels", "native,gds"], "unknown level 'gds'; there are reference, native, decode"),
        (["perplexity", "--text", "a.txt", "--tokens", 0], "Invalid value for '--tokens'"),
        (["calibrate", "--text", "a.txt", "--window", 1], "Invalid value for '--window'"),
    ],
)
def test_mistakes_are_found_before_the_model_is_opened(arguments: list[Any], text: str) -> None:
    verb, *others = arguments
    assert_refused(accel("lm", verb, "nothing.gguf", *others), text)


@pytest.mark.parametrize("verb", ["perplexity", "calibrate"])
def test_one_token_has_no_standard_error(verb: str, tiny: Path, tmp_path: Path) -> None:
    """JSON has no NaN."""
    text = tmp_path / "text.txt"
    text.write_text("the ant")
    chosen = ["--recipe", "B14"] if verb == "calibrate" else []
    short = ["lm", verb, tiny, "--text", text, "--tokens", 1, "--window", 2, "--device", "cpu", *chosen]
    told = json.loads(accel(*short, "--json").stdout, parse_constant=pytest.fail)
    found = told["B14"] if chosen else told
    assert found["tokens"] == 1
    assert found["error"] is None
    table = accel(*short)
    assert table.exit_code == 0, table.output
    assert " – " in table.stdout
    assert "nan" not in table.stdout


def test_tokens_to_predict_are_whole_windows(model: lm.LanguageModel) -> None:
    assert model.perplexity("the ant went on", 4, window=4, device="cpu").tokens == 6
    for verb in ("perplexity", "calibrate"):
        said = " ".join(accel("lm", verb, "--help").stdout.split())
        assert "Predict at least this number of tokens, in whole windows." in said


PAGE = files.ROOT / "docs" / "language-models.md"


def test_the_page_lists_every_field_of_a_recipe() -> None:
    """Names, values that are allowed and defaults, in the order of the code."""
    listed = re.findall(r"^(\| `\w+` \| .*? \| .*? \|) .+ \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == [_row(one) for one in fields(IntegerRecipe)]


def _row(one: Field[Any]) -> str:
    least, most = LIMITS.get(one.name, WORDS)
    if isinstance(one.default, Format):
        values, usual = (
            f"{least} to {most} / {FRACTIONS[0]} to {FRACTIONS[1]}",
            f"{one.default.bits}/{one.default.fraction}",
        )
    else:
        values, usual = f"{'0, ' * (one.name in OFF)}{least} to {most}", str(one.default)
    return f"| `{one.name}` | {values} | {usual} |"


def test_the_page_makes_its_text(tmp_path: Path) -> None:
    (command,) = re.findall(r"^python (-c .*) > book\.txt$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    done = subprocess.run([sys.executable, *shlex.split(command)], capture_output=True, check=True, cwd=tmp_path)
    assert len(done.stdout.decode("utf-8")) > 100_000


@pytest.mark.parametrize("levels", ["reference", "reference,reference"])
def test_one_level_is_compared_with_nothing(levels: str, tiny: Path) -> None:
    done = accel("lm", "check", tiny, "--levels", levels, "--tokens", 2)
    assert done.exit_code == 0, done.output
    assert "accel: reference was compared with nothing; name another level too" in done.stderr
