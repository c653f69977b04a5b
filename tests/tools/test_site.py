"""The documentation in a real browser, opened from the disk: what a phone shows, and the search."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import BROWSER, DRIVER, Browser, browser

ROOT = Path(__file__).parents[2]
PHONE = 390
#: Tables of figures and of operators are wider than a phone, and scroll.
WIDE = ("comparison", "figures", "hls", "operators", "scaling")
BEHIND_THE_EDGE = """
return [...document.querySelectorAll('.md-content pre, .md-content img, .md-content table')]
    .filter(shown => shown.getBoundingClientRect().right > innerWidth).map(shown => shown.tagName)
"""
SEARCH = """
const query = document.querySelector('[data-md-component=search-query]');
document.querySelector('#__search').click();
query.focus();
query.value = 'GateMate';
query.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true}));
query.dispatchEvent(new Event('input', {bubbles: true}));
return document.querySelector('[data-md-component=search-result]').innerText;
"""

pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs Chromium and its driver: apt install chromium chromium-driver"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    subprocess.run([sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", folder], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


def test_a_phone_shows_everything(site: Path, window: Browser) -> None:
    pages = [page for page in sorted(site.glob("*.html")) if page.stem != "404"]
    assert len(pages) > 10
    for page in pages:
        window.open(page, PHONE)
        hidden = window.evaluate(BEHIND_THE_EDGE)
        assert set(hidden) <= ({"TABLE"} if page.stem in WIDE else set()), page.stem


def test_the_search_works_from_the_disk(site: Path, window: Browser) -> None:
    window.open(site / "index.html", 1200)
    deadline = time.monotonic() + 30
    while "Boards" not in (found := window.evaluate(SEARCH)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert "matching document" in found
    assert not [address for address in window.requests() if not address.startswith("file:")]
