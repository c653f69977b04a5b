"""Checkpoints that are damaged or hostile: one clear line each, in bounded time and memory; nothing else is opened."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import hostile_folders
import hostile_gguf
import numpy as np
import pytest
from hostile_gguf import written

KINDS = {
    "gguf": hostile_gguf.cases,
    "header": hostile_folders.header_cases,
    "entry": hostile_folders.entry_cases,
    "part": hostile_folders.part_cases,
    "config": hostile_folders.config_cases,
    "tokens": hostile_folders.token_cases,
    "bin": hostile_folders.bin_cases,
    "other": hostile_folders.other_cases,
}
SECONDS, MEMORY = 10, 2 << 30
"""Of one file."""

OPENING = f"""
import json, resource, signal, sys, time
import numpy
from accel.checkpoints import load
from accel.checkpoints import gguf_tokenizer, huggingface_tokenizer, library
library.package()
from accel.errors import UserError
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))
opened = []
def watch(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], (str, bytes)):
        opened.append(str(arguments[0]))
sys.addaudithook(watch)
def attempt(path):
    checkpoint = load(path)
    for weight in checkpoint.weights.values():
        weight.float32()
        if weight.is_quantized:
            weight.integers()
    checkpoint.tokenizer().encode("the hat")
for path in json.load(sys.stdin):
    opened.clear()
    begun = time.process_time()
    signal.alarm({SECONDS})
    try:
        attempt(path)
        text = None
    except UserError as error:
        text = str(error)
    except BaseException as error:
        text = f"{{type(error).__name__}}\\n{{error}}"
    signal.alarm(0)
    print(json.dumps([text, time.process_time() - begun, [str(name) for name in opened]]))
"""


def opening(paths: list[Path]) -> list[tuple[str | None, float, list[str]]]:
    """Error, seconds, and files that were opened, of every path; a process under limits opens them."""
    given = json.dumps([str(path) for path in paths])
    done = subprocess.run(
        [sys.executable, "-c", OPENING], input=given, capture_output=True, encoding="utf-8", check=False
    )
    found = [tuple(json.loads(line)) for line in done.stdout.splitlines()]
    assert len(found) == len(paths), f"{paths[len(found)]}: {done.stderr[-2000:]}"
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("kind", KINDS)
def test_one_line_says_what_is_wrong(kind: str, tmp_path: Path) -> None:
    cases = [*KINDS[kind]()]
    paths = []
    for i, (_, _, make) in enumerate(cases):
        folder = tmp_path / str(i) / "model"
        folder.mkdir(parents=True)
        paths.append(make(folder))
    wrong = []
    for i, ((name, match, _), path, (text, seconds, opened)) in enumerate(
        zip(cases, paths, opening(paths), strict=True)
    ):
        inside = str(tmp_path / str(i) / "model")
        outside = [file for file in opened if not file.startswith(inside) and not is_python(file)]
        if text is None or "\n" in text or not re.search(match, text) or (inside not in text and str(path) not in text):
            wrong.append(f"{name}: {text!r} does not say {match!r} of {path}")
        elif "; " not in text or len(text) > 600 or not text.isprintable():
            wrong.append(f"{name}: {text!r} has no remedy, or is long")
        elif outside or seconds > SECONDS:
            wrong.append(f"{name}: took {seconds} s and opened {outside}")
    assert not wrong, f"{len(wrong)} of {len(cases)}:\n" + "\n".join(wrong)


def is_python(file: str) -> bool:
    """A source or library that Python imports on the way."""
    return file.endswith((".py", ".pyc", ".so", ".zip")) or "site-packages" in file or file.startswith(sys.base_prefix)


def test_there_are_many_and_all_are_different() -> None:
    names = [f"{kind}/{name}" for kind, cases in KINDS.items() for name, *_ in cases()]
    assert len(names) > 400
    assert len({*names}) == len(names)


def test_the_good_ones_open(tmp_path: Path) -> None:
    """Otherwise everything would be refused for another reason."""
    (tmp_path / "folder").mkdir()
    gguf = written(tmp_path / "m.gguf", hostile_gguf.RawGguf().bytes())
    folder = hostile_folders.folder_with(tmp_path / "folder")
    plain = written(tmp_path / "m.bin", hostile_folders.bin_bytes())
    written(tmp_path / "tokenizer.bin", hostile_folders.token_bytes())
    assert [text for text, *_ in opening([gguf, folder, plain])] == [None, None, None]


def test_the_cache_of_huggingface_is_a_folder_of_links(tmp_path: Path) -> None:
    """`snapshots/<commit>/<file>` leads to `blobs/<hash>`; links to any other place are refused."""
    snapshot, blobs = tmp_path / "snapshots" / "0a1b", tmp_path / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for file in [*hostile_folders.folder_with(snapshot).iterdir()]:
        file.rename(blobs / f"hash-{file.name}")
        file.symlink_to(Path("..", "..", "blobs", f"hash-{file.name}"))
    assert opening([snapshot])[0][0] is None
    blobs.rename(tmp_path / "others")
    for file in snapshot.iterdir():
        file.unlink()
        file.symlink_to(Path("..", "..", "others", f"hash-{file.name}"))
    assert "leads out of its folder" in str(opening([snapshot])[0][0])


@pytest.mark.parametrize("seed", range(6))
def test_random_damage_ends_in_a_line_or_in_a_checkpoint(seed: int, tmp_path: Path) -> None:
    """Bytes of the head replaced at random: a few changes hurt nobody, all others are one line."""
    rng, good = np.random.default_rng(seed), hostile_gguf.RawGguf()
    raw = np.frombuffer(good.bytes(), np.uint8)
    head = len(raw) - len(good.data)
    paths = []
    for i in range(60):
        changed = raw.copy()
        places = rng.integers(0, head, rng.integers(1, 6))
        changed[places] = rng.choice([0, 1, 9, 127, 255, *rng.integers(0, 256, 3)], len(places))
        paths.append(written(tmp_path / f"{i}.gguf", changed.tobytes()))
    texts = [text for text, *_ in opening(paths)]
    assert sum(text is not None for text in texts) > 10
    assert not [text for text in texts if text is not None and ("\n" in text or "; " not in text)]
