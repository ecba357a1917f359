"""The pages that are mostly read, a battery's and the one on submitting, in a browser."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

PATHS = ["batteries/digits-v1.html", "submit.html"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
@pytest.mark.parametrize("path", PATHS)
def test_the_page_fits_and_axe_finds_nothing_serious(open_page, path, width, scheme):
    page = open_page(path, width=width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for summary in page.locator("summary").all():
        summary.click()
    found = Axe().run(page, options={"preload": False}).response["violations"]
    assert not [v["id"] for v in found if v["impact"] in ("serious", "critical")]


def test_formulas_are_drawn_with_their_text_below_without_scripts(open_page):
    page = open_page(PATHS[0], java_script_enabled=False)
    formulas = page.locator("math")
    assert formulas.count() >= 10
    for formula in formulas.all()[:3]:
        box = formula.bounding_box()
        assert box["width"] > 60
        assert box["height"] > 15
        expect(page.get_by_text(formula.get_attribute("alttext"), exact=True)).to_be_visible()


def test_the_submit_page_is_reached_and_its_blocks_scroll_with_the_keyboard(open_page):
    page = open_page("index.html")
    page.get_by_role("navigation", name="Site").get_by_role("link", name="Submit").click()
    expect(page.locator("h1")).to_have_text("Submit a model")
    page.locator("pre").first.focus()
    assert page.evaluate("document.activeElement.tagName") == "PRE"
