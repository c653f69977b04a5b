"""The built wheel: an editable install hides a missing file, so the wheel is built, installed alone and used.

The source distribution holds the documentation beside the packages.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("accel", "hls", "models", "boards")
SUFFIXES = {".py", ".sv", ".json", ".h", ".cpp", ".j2"}


def run(*arguments: str | Path, cwd: Path) -> str:
    done = subprocess.run(list(map(str, arguments)), cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheel and the source distribution."""
    source = tmp_path_factory.mktemp("source")
    for folder in (*PACKAGES, "docs", "examples"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.pypi.md", "LICENSE", "MANIFEST.in", "CHANGELOG.md", "constraints.txt"):
        shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "build", "--wheel", "--sdist", "--no-isolation", "--outdir", source / "dist", cwd=source)
    return source / "dist"


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment with the wheel; its dependencies are borrowed from this one."""
    folder = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel, cwd=folder)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    # A path line in a .pth file adds the folder but not the .pth files in it: the editable install stays out.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def test_wheel_holds_every_source(wheel: Path) -> None:
    wanted = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in SUFFIXES or path.name == "py.typed"
    }
    names = set(zipfile.ZipFile(wheel).namelist())
    assert wanted - names == set()
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == set(PACKAGES)
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_source_distribution_holds_the_documentation(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    pages = {str(path.relative_to(ROOT)) for folder in ("docs", "examples") for path in (ROOT / folder).glob("*.*")}
    assert pages
    assert pages - names == set()


def test_installed_command_runs(installed: Path, tmp_path: Path) -> None:
    assert "accel demo" in run(installed / "accel", "--help", cwd=tmp_path)
    assert "ulx3s-85f" in run(installed / "accel", "boards", cwd=tmp_path)


def test_installed_package_generates_hardware(installed: Path, tmp_path: Path) -> None:
    code = """
import accel, sys
from accel.graph import Graph, Node
from accel.tensor import Tensor
from accel.ops import Dense
from hls import rtl
assert accel.__file__.startswith(sys.prefix), accel.__file__
graph = Graph("tiny", {"x": Tensor((2, 2), 0, 7)}, (Node("y", Dense([[1, 2], [3, 4]], [0, 0]), ("x",)),), "y")
print(len(rtl.lower(graph).contents))
"""
    assert int(run(installed / "python", "-c", code, cwd=tmp_path)) > 1
