"""`pip install accel-fpga` alone drives a board: nothing but the core's own packages is imported for that."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from board_designs import add_one

from accel.cli import VERBS
from accel.cli.extras import MODULES
from accel.view import Form, View

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DISTRIBUTIONS = {"pyserial": "serial", "scikit-learn": "sklearn", "amaranth-boards": "amaranth_boards"}
BELOW = {"rich": ("markdown_it", "mdurl", "pygments")}
"""What the core's packages need themselves."""

BLOCKED = """
import importlib.abc, sys
ALLOWED = {allowed}
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root in ALLOWED or root in sys.stdlib_module_names or root.startswith("_"):
            return None
        raise ModuleNotFoundError(f"No module named {{root!r}}", name=root)
sys.meta_path.insert(0, Absent())
"""


def imported(requirement: str) -> str:
    """Import name of a requirement."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
    return DISTRIBUTIONS.get(name, name.replace("-", "_"))


def alone(code: str) -> subprocess.CompletedProcess[str]:
    """Run code where only the core's packages can be imported."""
    core = [imported(requirement) for requirement in PROJECT["dependencies"]]
    allowed = {
        *core,
        *(name for package in core for name in BELOW.get(package, ())),
        "accel",
        "boards",
        "hls",
        "models",
    }
    text = BLOCKED.format(allowed=sorted(allowed)) + code
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, cwd=ROOT)


def test_the_core_is_what_a_board_needs() -> None:
    assert {imported(requirement) for requirement in PROJECT["dependencies"]} == {"numpy", "click", "serial", "rich"}


def test_the_driver_and_every_verb_load_without_the_extras(tmp_path: Path) -> None:
    done = alone(
        f"""
import boards, boards.driver, boards.overlay, boards.programming
from importlib import import_module
for verb in {VERBS}: import_module(f"accel.cli.{{verb}}")
for name in boards.names(): boards.get(name)
"""
    )
    assert done.returncode == 0, done.stderr


def test_samples_run_through_a_device_without_the_extras(tmp_path: Path) -> None:
    """All but the serial line itself: the design's file, quantization, framing, the answer in real units."""
    view = View((Form((1, 2, 5), 0, (2, 5), (1, 0), (5, 2)),), ((10,),))  # channels first, and a flat result
    design = replace(add_one(), view=view)
    design.write(tmp_path)
    samples = tmp_path / "x.npy"
    np.save(samples, np.zeros((2, 5, 2)))
    done = alone(
        f"""
import numpy as np
from accel.design import Design
from boards.driver import Device
from accel.verbs.inputs import read_array
from pathlib import Path
class Echo:
    def run(self, x): return x + 1
device = Device(Echo(), Design.load(Path({str(tmp_path)!r})))
assert (device.predict(read_array(Path({str(samples)!r}))) == 1).all()
x = np.arange(20).reshape(2, 2, 5)
assert (device.predict(x) == x.transpose(0, 2, 1).reshape(2, 10) + 1).all()
"""
    )
    assert done.returncode == 0, done.stderr
    done = alone(
        f"""
from accel.cli import cli
cli(["board", "run", {str(tmp_path)!r}, "--port", "/dev/none", "--input", {str(samples)!r}, "--out", "y.npy"])
"""
    )
    assert "cannot open serial port /dev/none" in done.stderr


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (["check", "{folder}/m.onnx"], "import"),
        (["train", "--out", "{folder}/m.pt"], "train"),
        (["doctor"], None),
    ],
)
def test_a_verb_that_lacks_an_extra_names_it_in_one_line(words: list[str], extra: str | None, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"\x08\x08")
    words = [word.format(folder=tmp_path) for word in words]
    done = alone(f"from accel.cli import cli; cli({words})")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    if extra:
        lines = [line for line in done.stderr.splitlines() if line.startswith("accel: error: this needs ")]
        assert len(lines) == 1, done.stderr
        assert lines[0].endswith(f"pip install 'accel-fpga[{extra}]'")


def test_every_package_of_an_extra_is_known_by_its_import_name() -> None:
    for extra, requirements in PROJECT["optional-dependencies"].items():
        if extra in ("dev", "all"):
            continue
        own = {imported(requirement) for requirement in requirements} - {"accel_fpga"}
        known = set().union(*MODULES.values())
        assert {name for name in own if not name.startswith("yowasp")} <= known, extra


def test_all_is_what_one_install_gave_before() -> None:
    extras = PROJECT["optional-dependencies"]
    assert extras["all"] == ["accel-fpga[train,import,lm,hls,fpga]"]
    assert "'.[all,dev]'" in (ROOT / "Makefile").read_text(encoding="utf-8")
