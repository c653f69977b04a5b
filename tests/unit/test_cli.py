"""The command line: help texts, exit codes, one clear line per mistake, nothing half-written."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path

import pytest
from board_designs import add_one, stream, with_memory
from command import accel, assert_refused

from accel.cli import VERBS, boards
from accel.cli.display import Countdown
from accel.design import Design, Figures
from accel.errors import ToolError, UserError
from accel.verbs.output import whole_file, whole_folder

INPUT = {
    "name": "", "lanes": 1, "width": 8, "signed": True, "beats": 4,
    "tensor": {"shape": [4, 1], "lo": -128, "hi": 127},
}  # fmt: skip


@pytest.fixture
def design_folder(tmp_path: Path) -> Path:
    ends = stream(1, 8, True, 4), stream(1, 8, True, 4)
    Design("tiny", "top", {"top.sv": "module top; endmodule\n"}, ends[:1], ends[1:], Figures(9, 4)).write(
        tmp_path / "rtl"
    )
    return tmp_path / "rtl"


@pytest.mark.parametrize("verb", [*VERBS, "board serve", "board run", "board program"])
def test_every_verb_has_help_with_an_example(verb: str) -> None:
    result = accel(*verb.split(), "--help")
    assert result.exit_code == 0
    assert f"accel {verb}" in result.stdout.split("Example", 1)[1]


def test_help_lists_every_verb_and_the_exit_codes() -> None:
    result = accel("--help")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.split("Commands:\n")[1].splitlines()] == list(VERBS)
    assert "Exit codes" in result.stdout


def test_version() -> None:
    assert accel("--version").stdout.startswith("accel 0.")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["chek"], "No such command 'chek'"),
        (["boards", "--bad"], "No such option '--bad'"),
        (["lower", "model.onnx", "--out", "x"], "Missing option '--target'"),
        (["lower", "model.onnx", "--target", "asic", "--out", "x"], "'asic' is not one of 'rtl', 'vitis'"),
        (["check", "model.onnx", "--levels", "rtl,gds"], "unknown level 'gds'; there are qonnx, reference, csim"),
        (["simulate", "x", "--stall", "2"], "'--stall'"),
    ],
)
def test_wrong_command_lines_are_one_line(arguments: list[str], text: str) -> None:
    assert_refused(accel(*arguments), text, "--help)")


def test_boards_are_listed() -> None:
    assert "ulx3s-85f" in accel("boards").stdout
    listed = json.loads(accel("boards", "--json").stdout)
    assert {"name", "title", "output", "clock_mhz", "lut4", "ff", "bram", "dsp"} <= set(listed[0])


def test_unknown_board(design_folder: Path) -> None:
    result = accel("bitstream", design_folder, "--board", "ulx3-85f")
    assert_refused(result, "unknown board 'ulx3-85f'", "did you mean ulx3s-85f?")


def test_without_the_vendors_tool_its_project_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    add_one().write(tmp_path / "rtl")
    result = accel("bitstream", tmp_path / "rtl", "--board", "arty-a7-100t")
    assert result.exit_code == 0
    assert "Estimate for arty-a7-100t: open synthesis" in result.stdout
    assert "vivado" in (tmp_path / "rtl-arty-a7-100t" / "build.sh").read_text()


def test_the_report_estimates_what_a_board_needs(tmp_path: Path) -> None:
    add_one().write(tmp_path / "rtl")
    made = json.loads(accel("report", tmp_path / "rtl", "--board", "PYNQ_Z2", "--json").stdout)
    assert made["board"] == "pynq-z2"
    assert 0 < made["estimate"]["lut4"] < 100
    assert made["estimate"]["ff"] >= 24 + 3  # the output, pause and valid
    assert made["capacity"]["dsp"] == 220
    shown = accel("report", tmp_path / "rtl", "--board", "pynq-z2").stdout
    assert "LUT6" in shown
    assert "53200" in shown


def test_missing_tool_is_one_line(design_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXTPNR_ECP5", "no-such-nextpnr")
    result = accel("bitstream", design_folder, "--out", tmp_path / "out")
    assert_refused(result, "nextpnr-ecp5", "no-such-nextpnr", code=1)
    assert not (tmp_path / "out").exists()


def test_folder_without_a_design(tmp_path: Path) -> None:
    rtl, engine = ("`accel lower --target rtl`", "`accel lower --target engine`")
    for command in (["simulate", tmp_path], ["report", tmp_path]):
        assert_refused(accel(*command), f"no such file; {rtl} writes a design")
    assert_refused(accel("bitstream", tmp_path), f"no such file; {rtl} or {engine} writes a design")


def test_design_without_its_graph(design_folder: Path) -> None:
    (design_folder / "graph.accel").unlink(missing_ok=True)
    assert_refused(
        accel("simulate", design_folder), "graph.accel: No such file", "; `accel lower` writes a graph beside"
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"files": {"../top.sv": ""}}, "'../top.sv' is no plain file name"),
        ({"files": {"/etc/hostname": ""}}, "'/etc/hostname' is no plain file name"),
        ({"files": {"-o.sv": ""}}, "'-o.sv' is no plain file name"),
        ({"files": 7}, "files is 7, expected an object"),
        ({"files": {}}, "no file holds module 'top'"),
        ({"memories": {"a.hex": {"words": 1, "width": 0, "sha256": ""}}}, "1 words of 0 bits are no memory"),
        ({"top": "top; $system(1)"}, "name or top is no name"),
        ({"name": None}, "name is null, expected a text"),
        ({"info": {}}, "'info' is no entry here"),
        ({"inputs": [INPUT | {"lanes": 0}]}, "inputs[0]: 4 beats of 0 elements of 8 bits are no stream"),
        ({"inputs": [INPUT | {"beats": 1 << 40}]}, "elements of 8 bits are no stream"),
        (
            {"inputs": [INPUT | {"beats": 10**400}]},
            "inputs[0]: 10000000000000000000… beats of ",
        ),
        ({"format": 10**400}, "format 10000000000000000000… is newer"),
        ({"inputs": [INPUT | {"width": 7}]}, "inputs[0]: -128..127 does not fit elements of -64..63"),
        ({"inputs": [INPUT | {"tensor": {"shape": [3, 5], "lo": 0, "hi": 1}}]}, "do not hold a tensor of 3 × 5"),
        (
            {"inputs": [INPUT | {"tensor": {"shape": [4], "lo": 0, "hi": 1}}]},
            "inputs[0].tensor.shape is [4], expected",
        ),
        ({"outputs": [None]}, "outputs[0] is null, expected an object"),
        ({"outputs": []}, "there is at least one input and one output"),
        ({"ports": [["s"], ["m_y"]]}, "ports are not those of the streams"),
        ({"predicted": {"latency": 9}}, "predicted.interval is missing"),
        ({"predicted": {"latency": 9, "interval": "4"}}, 'predicted.interval is "4", expected a number'),
        ({"schedule": {"depths": {"a": 0}}}, "schedule: depths of 'a'"),
        ({"units": [{"name": "u0", "cycles": True, "layers": []}]}, "units[0].cycles is true, expected an integer"),
        ({"format": "1"}, "no format"),
        ({"format": 1}, "an older accel wrote this design (format 1); write it again with `accel lower`"),
        ({"format": 2}, "an older accel wrote this design (format 2); write it again with `accel lower`"),
        ({"format": 4}, "format 4 is newer than this accel reads, 3; upgrade accel"),
    ],
)
def test_designs_that_nobody_wrote_with_accel(design_folder: Path, change: dict[str, object], text: str) -> None:
    path = design_folder / "design.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert_refused(accel("report", design_folder), str(path), text)


def test_changed_design(design_folder: Path) -> None:
    (design_folder / "top.sv").write_text("module top; wire x; endmodule\n")
    changed = f"{design_folder / 'top.sv'}: not the file that design.json records; write it again with `accel lower`"
    assert_refused(accel("simulate", design_folder), changed)


@pytest.mark.parametrize(
    ("content", "entry", "text"),
    [
        (b"00\n01\n", None, "not the file that design.json records"),
        (b"00\n0x\n", {}, "no memory of words of 8 bits"),
        (b"00\n001\n", {}, "no memory of words of 8 bits"),
        (b"00\n0A\n", {}, "no memory of words of 8 bits"),
        (b"00\n01\n", {}, "2 words, design.json records 16"),
        (b"00\n" * 16, {}, "files differ from the recorded hash"),
        (b"00\n" * 16, {"width": 7}, "files differ from the recorded hash"),
        (None, None, "no such file"),
    ],
)
def test_changed_memory(tmp_path: Path, content: bytes | None, entry: dict[str, int] | None, text: str) -> None:
    """A memory whose file was changed is named, also by someone who then records its digest."""
    with_memory(add_one()).write(tmp_path)
    memory, path = tmp_path / "table.hex", tmp_path / "design.json"
    if content is None:
        memory.unlink()
    else:
        memory.write_bytes(content)
    if entry is not None and content is not None:
        header = json.loads(path.read_text())
        header["memories"]["table.hex"] |= {"sha256": hashlib.sha256(content).hexdigest()} | entry
        path.write_text(json.dumps(header))
    assert_refused(accel("simulate", tmp_path), str(tmp_path if "hash" in text else memory), text)


def test_foreign_package_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "accel", "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    expected = f"accel: error: {tmp_path / 'models.py'} hides the package 'models' of accel-fpga: rename it"
    assert done.stderr.startswith(expected)
    assert done.stderr.count("\n") == 1


def test_interrupt_and_system_errors_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    def full() -> None:
        raise OSError(28, "No space left on device", "/somewhere")

    monkeypatch.setattr(boards, "describe", interrupted)
    assert_refused(accel("boards"), "interrupted; nothing half-written was left behind", code=1)
    monkeypatch.setattr(boards, "describe", full)
    monkeypatch.setattr("tempfile.tempdir", "/")
    assert_refused(accel("boards"), "no space left in /: free some there", code=1)


@pytest.mark.parametrize("verb", ["train", "study"])
def test_an_interruption_says_what_goes_on(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(import_module(f"accel.cli.{verb}"), verb, interrupted)
    folder = ["--folder", "run"] if verb == "train" else ["--out", "run"]
    said = "interrupted; run keeps every complete epoch: the same command goes on"
    assert_refused(accel(verb, *folder), said, code=1)
    if verb == "train":
        assert_refused(accel(verb), "with --folder an interrupted training can go on", code=1)
    monkeypatch.setattr(boards, "describe", interrupted)
    assert_refused(accel("boards"), "interrupted; nothing half-written was left behind", code=1)


def test_texts_that_count_say_how_long_it_takes() -> None:
    stage = Countdown()
    stage.tell("float epoch 1 of 60, loss 2.3", 10.0)
    assert (stage.done, stage.total, stage.left) == (1, 60, "")
    stage.tell("float epoch 11 of 60, loss 0.3", 30.0)
    assert stage.left == "1:38 left"
    stage.tell("calibrates", 31.0)
    assert (stage.done, stage.left) == (11, "1:38 left")
    stage.tell("quantized epoch 1 of 15", 32.0)
    assert (stage.done, stage.total, stage.left) == (1, 15, "")


def fail_inside(output: AbstractContextManager[Path], error: Callable[[Path], BaseException]) -> None:
    """Write something, then fail."""
    with output as path:
        (path / "half" if path.is_dir() else path).write_text("half")
        raise error(path)


class TestOutput:
    """`whole_file` and `whole_folder`: complete or absent."""

    def test_file_appears_at_the_end(self, tmp_path: Path) -> None:
        out = tmp_path / "new" / "model.pt"
        with whole_file(out) as path:
            path.write_text("1")
            assert not out.exists()
        assert out.read_text() == "1"
        assert [path.name for path in out.parent.iterdir()] == ["model.pt"]

    def test_nothing_is_left_of_a_failure(self, tmp_path: Path) -> None:
        (tmp_path / "kept.txt").write_text("old")
        with pytest.raises(KeyboardInterrupt):
            fail_inside(whole_folder(tmp_path / "a" / "b", "marker"), KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            fail_inside(whole_file(tmp_path / "kept.txt"), KeyboardInterrupt)
        assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]
        assert (tmp_path / "kept.txt").read_text() == "old"

    def test_an_earlier_output_is_replaced(self, tmp_path: Path) -> None:
        for name in ("first", "second"):
            with whole_folder(tmp_path / "out", "marker") as folder:
                (folder / "marker").touch()
                (folder / name).touch()
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["marker", "second"]

    def test_other_files_are_never_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.tex").write_text("")
        with pytest.raises(UserError, match=r"holds other files \(no marker\): choose a new or empty folder"):
            whole_folder(tmp_path, "marker").__enter__()
        with pytest.raises(UserError, match=r"thesis\.tex is a file; name a folder"):
            whole_folder(tmp_path / "thesis.tex", "marker").__enter__()
        with pytest.raises(UserError, match="is a folder; name a file"):
            whole_file(tmp_path).__enter__()

    def test_unwritable_place(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(UserError, match=r"cannot write into .*: .*file is not a folder; choose another --out"):
            whole_folder(tmp_path / "file" / "out", "marker").__enter__()

    def test_logs_of_a_failed_tool_are_kept_apart(self, tmp_path: Path) -> None:
        with pytest.raises(ToolError, match=r"log: .*out\.failed/tool\.log"):
            fail_inside(
                whole_folder(tmp_path / "out", "marker", keep_failed=True),
                lambda path: ToolError(f"tool failed; log: {path / 'tool.log'}"),
            )
        assert (tmp_path / "out.failed" / "half").exists()
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("typed", "meant"), [("lowr", "lower"), ("board progam", "program"), ("simulat x", "simulate")]
)
def test_a_mistyped_verb_is_answered_with_the_nearest(typed, meant):
    assert_refused(accel(*typed.split()), f"Did you mean {meant!r}?")


@pytest.mark.parametrize("group", [[], ["board"]])
def test_a_group_alone_shows_its_help(group):
    result = accel(*group)
    assert result.exit_code == 2
    assert result.stderr == accel(*group, "--help").stdout
