"""What README.md, CONTRIBUTING.md and docs/ tell to type is typed here, page by page, in the order of the page.

Commands stand in `sh` blocks, programs in `python` blocks. A page starts in a folder of its own that holds a model and
samples, so that every page works by itself. A `python` block with a title is a file of that name.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import checkpoint_files
import forked
import llama2c_files
import numpy as np
import pytest
from qonnx_files import File

from accel.cli import VERBS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
Run = Callable[[list[str], Path], subprocess.CompletedProcess[str]]
FENCED = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TITLED = re.compile(r'^```python title="([\w.]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)

#: What is not run here, and why. Of `make` the target has to be there, of `accel` the options.
ELSEWHERE = {
    "make demo": "installs into .venv; tests/unit/test_cli_demo.py runs `accel demo`",
    "make check": "lint, and tests that run here anyway",
    "make test": "runs this file",
    "make test-all": "runs this file",
    "make nightly": "hours",
    "make lint": "another check of the same change",
    "make docs": "tests/unit/test_docs.py builds the site",
    ".ci/run": "runs this file",
    "accel lm train stories260K.bin --recipe W4A8 --out stories.accel": "long; tests/unit/test_fitting.py trains",
    "accel board program ulx3s-85f build/rtl-ulx3s-85f": "needs a board and openFPGALoader",
    "accel board run build/rtl --input x.npy --out y.npy": "needs a board",
    "accel bitstream build/stories --board ulx3s-85f": "place and route; `make bitstreams` does it",
    "accel board program ulx3s-85f build/stories-ulx3s-85f": "needs a board and openFPGALoader",
    "accel board chat build/stories": "needs a board",
    "accel build build/hls --cosim": "needs Vitis HLS; tests/tools/test_hls_build.py runs it on a mock",
    "accel build build/vitis --cosim": "needs Vitis HLS; tests/tools/test_hls_build.py runs it on a mock",
}

#: What takes long: training, synthesis, place and route, simulations of netlists and serial lines, all levels twice.
SLOW = (
    "accel train", "accel study", "accel export", "accel report", "accel bitstream", "accel explore", "accel compare",
    "netlist", "--port virtual", '"virtual"', "models.train(",
)  # fmt: skip


def steps(page: Path) -> list[list[str]]:
    """Argument vectors for a shell or Python, in the order of the page."""
    found = []
    for language, text in FENCED.findall(page.read_text()):
        if language == "sh":
            lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
            found += [["bash", "-ec", command] for line in lines if (command := _command(line))]
        if language == "python":
            found.append([sys.executable, "-c", text])
    return found


def _command(line: str) -> str:
    return re.sub(r"(^|\s)#.*", "", line).strip()


def is_slow(step: list[str]) -> bool:
    return any(mark in step[-1] for mark in SLOW)


def chosen(page: Path, *, slow: bool) -> list[list[str]]:
    return [
        step
        for step in steps(page)
        if step[-1] not in ELSEWHERE and (slow or not is_slow(step)) and not again(page, step)
    ]


def again(page: Path, step: list[str]) -> bool:
    """Place and route takes ten minutes: what an earlier page has placed is not placed again."""
    return "accel bitstream" in step[-1] and any(step in steps(earlier) for earlier in PAGES[: PAGES.index(page)])


def pages(*, slow: bool) -> Iterator[object]:
    """Pages with slow steps, or with others; others of a page with slow ones run with these, and alone at night."""
    for page in PAGES:
        long = any(map(is_slow, steps(page)))
        if long if slow else chosen(page, slow=False):
            yield pytest.param(page, id=page.name, marks=pytest.mark.slow if long and not slow else ())


def environment() -> dict[str, str]:
    """Variables of a user who has activated the environment."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def in_shell(step: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """One step as a user of the environment runs it."""
    return subprocess.run(step, cwd=folder, env=environment(), capture_output=True, text=True)


def in_fork(step: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Like `in_shell`, without the seconds that imports take, where the step needs no shell."""
    words = forked.words(step)
    return forked.run(words, folder, environment()) if words else in_shell(step, folder)


def succeeds(step: list[str], folder: Path, run: Run = in_shell) -> None:
    done = run(step, folder)
    assert done.returncode == 0, f"{step[-1]}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"


@cache
def firsts() -> dict[str, tuple[Path, str]]:
    """The first use of each verb and of a Python program, over all pages: page and text."""
    found: dict[str, tuple[Path, str]] = {}
    for page in PAGES:
        for step in chosen(page, slow=False):
            kind = "python" if step[0] == sys.executable else " ".join(step[-1].split()[:2])
            found.setdefault(kind, (page, step[-1]))
    return found


@pytest.fixture
def folder(tmp_path: Path, small_model: Path) -> Path:
    """Where a page is typed: a model of 8 tokens of 8 features, samples, a float model, the files that pages show."""
    for page in PAGES:
        for name, text in TITLED.findall(page.read_text()):
            (tmp_path / name).write_text(text)
    (tmp_path / "float.onnx").write_bytes((small_model.parent / "float.onnx").read_bytes())
    np.savez(tmp_path / "calibration.npz", x=np.random.default_rng(0).uniform(-1, 1, (4, 8, 8)))
    two_streams(tmp_path, quantized=True).rename(tmp_path / "two_streams.onnx")
    two_streams(tmp_path, quantized=False).rename(tmp_path / "part.onnx")
    (tmp_path / "model.onnx").write_bytes(small_model.read_bytes())
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    checkpoint_files.Gguf().write(tmp_path / "model.gguf")
    llama2c_files.network(tmp_path / checkpoint_files.STORIES)
    llama2c_files.tokenizer(tmp_path / "tok512.bin")
    (tmp_path / "book.txt").write_text("The ant went on, and the other ran in the sand. " * 20)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).uniform(-1, 1, (4, 8, 8)))
    return tmp_path


def two_streams(folder: Path, *, quantized: bool) -> Path:
    """The sum of a Dense of input a and one of input b, which has a quantizer or none."""
    file = File((1, 8, 16))
    file.inputs.append(File((1, 8, 16)).inputs[0])
    file.inputs[0].name, file.inputs[1].name = "a", "b"
    weight = np.random.default_rng(0).integers(-8, 8, (16, 16))
    b = file.quant("b", 0.125) if quantized else "b"
    return file.save(
        folder, file.node("Add", file.dense(file.quant("a", 0.125), weight, 0.5), file.dense(b, weight, 0.25))
    )


@pytest.fixture(scope="module")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of the digits' shape with random weights, calibrated but not trained."""
    import torch

    import models

    torch.manual_seed(0)
    perceptron = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.GELU(), torch.nn.Linear(8, 8))
    file = str(tmp_path_factory.mktemp("model") / "float.onnx")
    torch.onnx.export(perceptron, (torch.zeros(1, 8, 8),), file, input_names=["x"], dynamo=False)
    config = models.EncoderConfig(channels=8, heads=2, layers=1, hidden=8, quantized=False)
    encoder = models.quantize(models.Encoder(config), torch.rand(64, 8, 8) * 2 - 1)
    return models.export(encoder, Path(file).with_name("small.onnx"))


@pytest.mark.parametrize("page", pages(slow=False))
def test_commands_of_a_page_run(page: Path, folder: Path) -> None:
    """The first use of each verb and of Python goes through a shell, as do all steps of the slow test below."""
    for step in chosen(page, slow=False):
        succeeds(step, folder, in_shell if (page, step[-1]) in firsts().values() else in_fork)


@pytest.mark.parametrize("page", pages(slow=True))
def test_all_commands_of_a_page_run(page: Path, folder: Path) -> None:
    for step in chosen(page, slow=True):
        succeeds(step, folder)


@pytest.mark.parametrize("command", ELSEWHERE)
def test_what_is_not_run_is_still_possible(command: str) -> None:
    assert ELSEWHERE[command]
    assert any(step[-1] == command for page in PAGES for step in steps(page)), "no page has it: remove the line"
    if command.startswith("make "):
        succeeds(["bash", "-ec", f"{command} --dry-run"], ROOT)
    elif command.startswith("accel "):
        succeeds(["bash", "-ec", f"{command} --help"], ROOT)
    else:
        assert os.access(ROOT / command, os.X_OK)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_stand_in_sh_blocks(page: Path) -> None:
    verbs = "|".join(VERBS)
    others = re.sub(FENCED, lambda block: "" if block[1] in ("sh", "python") else block[2], page.read_text())
    hidden = re.search(rf"^ *(\$ *)?(accel ({verbs}) .*|make [a-z-]+( *#.*)?)$", others, re.MULTILINE)
    assert not hidden, hidden[0]


@pytest.mark.parametrize("run", [in_shell, in_fork])
def test_a_wrong_command_is_noticed(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    programs = [f"```python\n{text}\n```\n" for text in ("raise SystemExit(1)", "import qonnx_files")]
    page.write_text("\n".join(["```sh\naccel boards   # lists them\naccel bords\n```\n", *programs]))
    right, *wrong = steps(page)
    assert right == ["bash", "-ec", "accel boards"]
    succeeds(right, tmp_path, run)
    for step in wrong:
        with pytest.raises(AssertionError, match=r"such command 'bords'|SystemExit|No module named 'qonnx_files'"):
            succeeds(step, tmp_path, run)
