"""The cache of compiled code: content-keyed, shared, bounded, and clear about a full disk."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from accel import codecache, tools
from accel.errors import ToolError, UserError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "accel" / "compiled"


def write(text: str, name: str = "made"):
    def make(work: Path) -> list[Path]:
        (work / "left over").touch()
        (work / name).write_text(text)
        return [work / name]

    return make


def refuse(work: Path) -> list[Path]:
    raise AssertionError("made twice")


def test_an_entry_is_made_once_and_holds_what_is_kept(home: Path) -> None:
    place = codecache.entry(["a", b"b"], write("content"))
    assert [(file.name, file.read_text()) for file in place.iterdir()] == [("made", "content")]
    assert codecache.entry(["a", b"b"], refuse) == place
    assert sorted(home.iterdir()) == [place]


@pytest.mark.parametrize("other", [["a", "c"], ["ab", ""], ["ab"], ["b", "a"], ["a", "b", ""]])
def test_every_part_and_where_it_ends_makes_a_difference(other: list[str]) -> None:
    assert codecache.digest(other) != codecache.digest(["a", "b"])


def test_what_fails_leaves_its_log_alone(home: Path) -> None:
    def fail(work: Path) -> list[Path]:
        tools.run([sys.executable, "-c", "print('error: no'); raise SystemExit(1)"], work, work / "tool.log")
        raise AssertionError

    with pytest.raises(ToolError, match="error: no") as error:
        codecache.entry(["a"], fail)
    log = str(error.value).partition("log: ")[2].partition("\n")[0]
    assert "error: no" in Path(log).read_text()
    assert [str(path) for path in home.iterdir()] == [log]


def test_one_of_several_makes_the_entry() -> None:
    made = []

    def slow(work: Path) -> list[Path]:
        made.append(work)
        time.sleep(0.2)
        return write("x")(work)

    threads = [threading.Thread(target=codecache.entry, args=(["a"], slow)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_what_was_used_longest_ago_is_dropped_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecache, "LIMIT", 250)
    places = [codecache.entry([str(number)], write("x" * 100)) for number in range(2)]
    for age, place in zip((3000, 4000), places, strict=True):
        os.utime(place, (time.time() - age,) * 2)
    assert codecache.entry(["0"], refuse) == places[0]  # now it was used last
    newest = codecache.entry(["2"], write("x" * 100))
    assert sorted(home.iterdir()) == sorted([places[0], newest])


def test_what_was_just_used_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecache, "LIMIT", 0)
    places = [codecache.entry([str(number)], write("x")) for number in range(3)]
    assert sorted(home.iterdir()) == sorted(places)


def test_a_full_disk_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(work: Path) -> list[Path]:
        with Path("/dev/full").open("w") as stream:  # every write fails as on a full disk
            stream.write("x")
        raise AssertionError

    with pytest.raises(UserError, match=r"^no space left in .*: free some there"):
        codecache.entry(["a"], fill)
    assert list(home.iterdir()) == []


def test_a_compiler_without_space_says_so(tmp_path: Path) -> None:
    code = "import sys; print('cc1plus: error writing x.s: No space left on device'); sys.exit(1)"
    with pytest.raises(ToolError, match=r"^python\S*: no space left in \S+: free some there") as error:
        tools.run([sys.executable, "-c", code], tmp_path, tmp_path / "log")
    assert "\n" not in str(error.value)


def test_a_cache_that_cannot_be_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.parent.write_text("a file")
    with pytest.raises(UserError, match="set XDG_CACHE_HOME to a writable folder"):
        codecache.entry(["a"], refuse)


def precompiled(headers: list[str], flags: list[str], made_of: list[str]) -> list[str]:
    """The second call, which precompiles: the first has nothing to give."""
    assert codecache.precompiled(headers, flags, made_of) == []
    return codecache.precompiled(headers, flags, made_of)


def test_precompiled_headers_are_what_the_compiler_reads(tmp_path: Path) -> None:
    (tmp_path / "value.h").write_text("static const int value = 5;\n")
    flags = ["-std=c++17", "-O1", f"-I{tmp_path}"]
    headers = precompiled(['#include "value.h"'], flags, ["1"])
    (tmp_path / "value.h").unlink()  # it is not opened any more
    (tmp_path / "main.cpp").write_text("int main() { return value; }\n")
    command = [tools.require("g++"), *flags, "-Winvalid-pch", "-Werror", *headers, "main.cpp", "-o", "program"]
    tools.run(command, tmp_path, tmp_path / "log")
    assert subprocess.run([tmp_path / "program"], check=False).returncode == 5
    assert codecache.precompiled(['#include "value.h"'], flags, ["1"]) == headers


def test_headers_that_changed_are_read_again(tmp_path: Path) -> None:
    (tmp_path / "value.h").write_text("static const int value = 5;\n")
    flags = ["-O1", f"-I{tmp_path}"]
    first, second = (precompiled(['#include "value.h"'], flags, [version]) for version in "12")
    assert first != second


def test_other_compilers_read_headers_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "compiler_version", lambda: "Debian clang version 14.0.6")
    assert precompiled(["#include <vector>"], [], []) == []
