"""The pages that are mostly read, such as a battery's and the one on submitting, in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from typer.testing import CliRunner

from leaderboard.cli import app
from leaderboard.findings import FINDINGS, ON_TRACKS
from tests.browser.accessibility import serious_violations
from tests.browser.whole_words import broken_words

PATHS = ["batteries/digits-v1.html", "submit.html", "findings.html"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
@pytest.mark.parametrize("path", PATHS)
def test_the_page_fits_and_axe_finds_nothing_serious(open_page, path, width, scheme):
    page = open_page(path, width=width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for summary in page.locator("summary").all():
        summary.click()
    assert broken_words(page) == []
    sizes = "all => all.map(each => parseFloat(getComputedStyle(each).fontSize))"
    titles, verdicts = (
        page.locator(f".verdicts {part}").evaluate_all(sizes) for part in ("dt", "dd")
    )
    assert len(titles) == (len(FINDINGS) + len(ON_TRACKS) if path == "findings.html" else 0)
    assert all(title > verdict for title, verdict in zip(titles, verdicts, strict=True))
    assert serious_violations(page) == []


def test_formulas_are_drawn_with_their_text_below_without_scripts(open_page):
    page = open_page(PATHS[0], java_script_enabled=False)
    formulas = page.locator("math")
    assert formulas.count() >= 10
    for formula in formulas.all()[:3]:
        box = formula.bounding_box()
        assert box["width"] > 60
        assert box["height"] > 15
        expect(page.get_by_text(formula.get_attribute("alttext"), exact=True)).to_be_visible()


def test_formulas_are_drawn_in_the_font_that_the_page_brings(open_page):
    page = open_page(PATHS[0])
    page.evaluate("document.fonts.ready")
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
    query = {"nodeId": root, "selector": "math, math *"}
    nodes = session.send("DOM.querySelectorAll", query)["nodeIds"]
    fonts = [
        font
        for node in nodes
        for font in session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    ]
    assert sum(font["glyphCount"] for font in fonts) > 100
    assert {font["familyName"] for font in fonts if not font["isCustomFont"]} == set()


def test_the_submit_page_is_reached_and_its_blocks_scroll_with_the_keyboard(open_page):
    page = open_page("index.html")
    page.get_by_role("navigation", name="Site").get_by_role("link", name="Submit").click()
    expect(page.locator("h1")).to_have_text("Submit a model")
    page.locator("pre").first.focus()
    assert page.evaluate("document.activeElement.tagName") == "PRE"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
def test_axe_finds_nothing_serious_on_a_landscape(open_page, landscape, width, scheme):
    page = open_page(landscape.name, root=landscape.parent, width=width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious_violations(page) == []


@pytest.fixture(scope="module")
def landscape(tmp_path_factory):
    out = tmp_path_factory.mktemp("landscape")
    sizes = {"examples": 20, "directions": 1, "points": 3, "contour": 3, "decisions": 1, "steps": 2}
    options = [text for name, size in sizes.items() for text in (f"--{name}", str(size))]
    run = CliRunner().invoke(app, ["landscape", "digits/mlp-standard", "--out", str(out), *options])
    assert run.exit_code == 0, run.output
    (page,) = out.glob("*.html")
    return page
