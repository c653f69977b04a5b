"""The page in a real browser, after the tools whose figures it shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from board_designs import damaged
from browser import BROWSER, DRIVER, Browser, browser
from command import accel
from pages import Page

from accel.design import Design
from accel.graph import Graph, Node
from accel.ops import Add, Dense, Rescale
from accel.tensor import Tensor
from accel.verbs.lower import lower

WIDTHS = (1280, 390)
needs_browser = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs Chromium and its driver: apt install chromium chromium-driver"
)


@pytest.fixture(scope="module")
def folder(tiny_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A design, its bitstream beside it, and its page with a comparison and an estimate."""
    out = tmp_path_factory.mktemp("made") / "rtl"
    lower(tiny_graph, "rtl", out)
    built = accel("bitstream", out, "--board", "ulx3s-85f")
    assert built.exit_code == 0, built.output
    result = accel("report", out, "--samples", 4, "--board", "ulx3s-25f")
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@needs_browser
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_quiet_and_alone(folder: Path, window: Browser, width: int) -> None:
    """No message, no request but for the page itself, nothing wider than the window but what scrolls by itself."""
    page = folder / "report.html"
    window.messages(), window.requests()
    window.open(page, width)
    assert window.evaluate("return document.readyState") == "complete"
    assert window.messages() == []
    assert window.requests() == [page.as_uri()]
    assert window.evaluate("return innerWidth") == width
    assert window.evaluate("return document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    pictures = window.evaluate("return [...document.querySelectorAll('svg')].map(s => s.getBBox().width)")
    assert len(pictures) == 2
    assert min(pictures) > 200


@needs_browser
def test_every_text_of_the_pictures_is_inside(folder: Path, window: Browser) -> None:
    window.open(folder / "report.html", WIDTHS[0])
    outside = """
        return [...document.querySelectorAll('svg')].flatMap(picture => {
            const frame = picture.getBoundingClientRect();
            return [...picture.querySelectorAll('text, rect')].filter(part => {
                const own = part.getBoundingClientRect();
                return own.left < frame.left || own.right > frame.right || own.top < frame.top
                    || own.bottom > frame.bottom;
            }).map(part => part.textContent);
        })"""
    assert window.evaluate(outside) == []


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a graph with branches of different heights and edges of 40 to 60 bits."""
    rng = np.random.default_rng(0)
    names = [f"branch{index}/with/a/rather/long/name" for index in range(4)]
    nodes = [Node(name, Dense(rng.integers(-(1 << 30), 1 << 30, (8, 8)), np.zeros(8, int)), ("x",)) for name in names]
    nodes += [Node(f"{name}/down", Rescale([1], 8, "floor", -(1 << 40), 1 << 40), (name,)) for name in names[::2]]
    nodes += [
        Node("left", Add([1, 1]), (f"{names[0]}/down", f"{names[2]}/down")),
        Node("right", Add([1, 1]), (names[1], names[3])),
        Node("y", Add([1, 1]), ("left", "right")),
    ]
    folder = tmp_path_factory.mktemp("wide") / "rtl"
    lower(Graph("wide", {"x": Tensor((4, 8), -(1 << 15), (1 << 15) - 1)}, tuple(nodes), "y"), "rtl", folder)
    assert accel("report", folder).exit_code == 0
    return folder / "report.html"


@needs_browser
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_hides_below_an_edge(wide: Path, window: Browser, width: int) -> None:
    window.open(wide, width)
    hidden = "return [...document.querySelectorAll('.scroll')].filter(e => e.scrollHeight > e.clientHeight).length"
    assert window.evaluate(hidden) == 0


@needs_browser
def test_labels_of_edges_stay_off_the_boxes(wide: Path, window: Browser) -> None:
    window.open(wide, WIDTHS[0])
    overlapping = """
        const boxes = [...document.querySelectorAll('.box')].map(b => b.getBoundingClientRect());
        return [...document.querySelectorAll('.halo')].filter(label => {
            const own = label.getBoundingClientRect();
            return boxes.some(b => own.left < b.right && own.right > b.left && own.top < b.bottom - 1
                && own.bottom > b.top + 1);
        }).map(label => label.textContent)"""
    assert window.evaluate(overlapping) == []
    assert len(window.evaluate("return [...document.querySelectorAll('.halo')].map(l => l.textContent)")) >= 14


@needs_browser
def test_the_browser_notices(tmp_path: Path, window: Browser) -> None:
    """Faults that the other tests have to see: a script that fails, a picture from elsewhere, a wide page."""
    (tmp_path / "bad.html").write_text(
        "<p style='width:2000px'>x</p><img src='http://localhost:9/x.png'><script>undefined.x</script>"
    )
    window.open(tmp_path / "bad.html", WIDTHS[1])
    assert any("TypeError" in message for message in window.messages())
    assert "http://localhost:9/x.png" in window.requests()
    assert window.evaluate("return document.documentElement.scrollWidth") >= 2000


def test_the_bitstreams_figures(folder: Path) -> None:
    page = Page((folder / "report.html").read_text())
    built = json.loads((folder.with_name("rtl-ulx3s-85f") / "build.json").read_text())
    rows = {row[0]: row[1].replace(",", "") for row in page.cells("bitstream")}
    assert [int(rows[name]) for name in ("LUT4", "flip-flops", "block RAM", "DSP")] == [*built["resources"].values()]
    hops = [row for row in page.cells("bitstream") if row[0] in ("clk-to-q", "routing", "logic", "setup")]
    assert hops[0][0] == "clk-to-q"
    assert f"{built['fmax_mhz']:.1f} MHz reached" in (folder / "report.html").read_text()
    assert sum(float(hop[1]) for hop in hops) == pytest.approx(1000 / built["fmax_mhz"], abs=0.01 * len(hops))
    needed = {row[0]: row[2] for row in page.cells("estimate")}
    assert needed["LUT4"] == "24,288"


def test_a_planted_fault_is_red(folder: Path, tmp_path: Path) -> None:
    """One bit of a weight: the simulation of it differs, and the page says where."""
    design = Design.load(folder)
    name = "i1_weight.hex"
    damaged(design, name, 0, bit=2).write(tmp_path / "rtl")
    (tmp_path / "rtl" / "graph.accel").write_bytes((folder / "graph.accel").read_bytes())
    assert accel("report", tmp_path / "rtl", "--samples", 4).exit_code == 1
    (_, header), (style, row) = Page((tmp_path / "rtl" / "report.html").read_text()).tables["exactness"]
    assert header[0] == "level"
    assert style == "bad"
    assert row[0] == "rtl"
    assert int(row[2]) > 0
    assert "rtl: layer 'dense0' [" in row[4]
    healthy = Page((folder / "report.html").read_text()).tables["exactness"]
    assert [cell for _, cells in healthy[1:] for cell in (cells[2], cells[4])] == ["0", "equal"]
