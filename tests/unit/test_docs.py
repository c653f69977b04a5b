"""The site of docs/: it builds without network, its links lead somewhere, and what it quotes is in the sources."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import docs_hooks
import pytest

from accel.ops import OPERATORS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGES = ("accel", "hls", "models", "boards")
GAP = "…"


# ---- the site


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", config, "--site-dir", site]
    return subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = build(ROOT / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stderr
    return folder


class Loaded(HTMLParser):
    """What a browser fetches by itself to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "img", "iframe"):
            self.found.append(values.get("src") or "")
        if tag == "link" and values.get("rel") not in ("canonical", "prev", "next"):
            self.found.append(values.get("href") or "")


def test_pages_load_nothing_from_the_network(site: Path) -> None:
    for page in site.rglob("*.html"):
        reader = Loaded()
        reader.feed(page.read_text())
        assert reader.found, page
        assert not [address for address in reader.found if re.match(r"(\w+:)?//", address)], page


@pytest.mark.parametrize("broken", ["[no page](nowhere.md)", "[no anchor](hls.md#nowhere)"])
def test_broken_links_are_errors(tmp_path: Path, broken: str) -> None:
    pages = tmp_path / "docs"
    pages.mkdir()
    (pages / "index.md").write_text(f"# Home\n\n{broken}\n")
    (pages / "hls.md").write_text("# HLS\n")
    settings = (ROOT / "mkdocs.yml").read_text()
    plain = "\n\n".join(part for part in settings.split("\n\n") if part.startswith(("# The site", "validation")))
    (tmp_path / "mkdocs.yml").write_text(plain)
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode != 0
    assert "nowhere" in done.stderr


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_outside_the_site_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / page).read_text())
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))], ids=lambda page: page.name
)
def test_named_files_exist(page: Path) -> None:
    folders = "|".join((*PACKAGES, "tests", "benchmarks", "scripts"))
    names = set(re.findall(rf"`((?:{folders})/[^`\s<>]*)`", page.read_text()))
    assert not [name for name in names if not any(ROOT.glob(name.rstrip("/")))]


def test_every_operator_has_its_section(site: Path) -> None:
    page = (site / "operators.html").read_text()
    for name in OPERATORS.values():
        assert f'<h2 id="{name.lower()}">' in page
        assert page.count("<strong>Example.</strong>") == len(OPERATORS)


def test_every_module_is_listed(site: Path) -> None:
    page = (site / "architecture.html").read_text()
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.read_text().strip()]
    assert len(modules) > 200
    for path in modules:
        assert (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0].endswith((".", "?")), path
        assert f"<code>{path.relative_to(ROOT)}</code>" in page, path


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    titles = set(re.findall(r"<h3[^>]*>(.*?)</h3>", (site / "api.html").read_text(), re.DOTALL))
    named = {re.sub(r"<[^>]+>", "", title).split()[0] for title in titles}
    wanted = {name for package in docs_hooks.PUBLIC for name in docs_hooks.public(package)}
    assert {"accel.check", "hls.rtl.lower", "boards.connect", "models.train"} <= wanted
    assert wanted <= named


# ---- what troubleshooting.md quotes


def quoted() -> list[str]:
    """First column of the tables: messages in code marks, which may contain code marks."""
    lines = (DOCS / "troubleshooting.md").read_text().splitlines()
    return [found[1] for line in lines if (found := re.match(r"\| `(.+?)` \|", line))]


@cache
def literals() -> frozenset[str]:
    """Every text in the sources, with `…` for what is filled in."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return frozenset(text for path in paths for text in _texts(ast.parse(path.read_text())))


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def occurs(message: str) -> bool:
    return any(message in text for text in literals())


def test_messages_are_quoted() -> None:
    assert len(quoted()) > 50


@pytest.mark.parametrize("message", quoted())
def test_quoted_message_is_in_the_sources(message: str) -> None:
    assert occurs(message), f"no source has {message!r}: quote what it says now"


def test_a_message_that_changed_is_noticed() -> None:
    assert occurs("unknown data set …; there are …")
    assert not occurs("unknown dataset …; there are …")
