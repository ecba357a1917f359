"""A model's page as a reader uses it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import serious_violations

PATH = "models/digits-cnn-pgd-at/index.html"


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (390, 844)])
def test_it_takes_three_screens_until_something_is_unfolded(open_page, width, height):
    page = open_page(PATH, width=width)
    page.set_viewport_size({"width": width, "height": height})
    assert page.evaluate("document.documentElement.scrollHeight") <= 3 * height
    heights = "all => all.map(each => each.getBoundingClientRect().height)"
    lines = page.locator(".probe > details > summary").evaluate_all(heights)
    assert len(lines) > 5
    assert sum(lines) / len(lines) < 65  # twelve probes are on most pages
    assert unfold(page).evaluate("document.documentElement.scrollHeight") > 3 * height


@pytest.mark.parametrize("width", [1440, 390])
def test_the_contents_follow_the_scroll_and_stay_in_view(open_page, width):
    page = open_page(PATH, width=width)
    current = page.locator("nav.contents [aria-current]")
    expect(current).to_have_text("At a glance")
    page.locator("nav.contents").get_by_role("link", name="Weight attack").click()
    expect(page.locator("h3", has_text="Weight attack")).to_be_in_viewport()
    expect(page.locator("section.probe:has(#weight-1) > details")).to_have_attribute("open", "")
    expect(current).to_have_text("Weight attack")
    expect(current).to_be_in_viewport()
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    expect(current).to_have_text("At a glance")
    expect(current).to_be_in_viewport()


def test_an_address_unfolds_what_it_leads_to(open_page):
    page = open_page(f"{PATH}#joint-1")
    expect(page.locator("section.probe:has(#joint-1) table").first).to_be_in_viewport()
    expect(page.locator("section.probe:has(#weight-1) table").first).to_be_hidden()


def unfold(page: Page) -> Page:
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    return page


@pytest.mark.parametrize("context", [{}, {"color_scheme": "dark"}, {"width": 375}], ids=str)
def test_axe_finds_nothing_serious_with_everything_unfolded(open_page, context):
    assert serious_violations(unfold(open_page(PATH, **context))) == []


@pytest.mark.parametrize("width", [375, 800, 1280])
def test_nothing_is_wider_than_the_screen(open_page, width):
    page = unfold(open_page(PATH, width=width))
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_headline_score_leads_to_its_probe_with_budget_and_command(open_page):
    page = open_page(PATH)
    page.locator('table.headlines a[href="#weight-1"]').click()
    heading = page.locator(":target")
    expect(heading).to_be_in_viewport()
    probe = page.locator("section.probe", has=heading)
    expect(probe.locator("pre")).to_be_hidden()
    probe.locator("summary", has_text="to reproduce these numbers").click()
    expect(probe.locator("pre")).to_be_visible()
    expect(probe.locator("pre")).to_contain_text("nonsingular reproduce digits/cnn-pgd-at --probe")


def test_a_command_is_copied_with_the_keyboard_alone(open_page):
    page = open_page(PATH)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.locator("section[aria-labelledby=load] button")
    page.locator("section[aria-labelledby=load] pre").focus()
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(button).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "import nonsingular as ns\n\nmodel = ns.load_model('digits/cnn-pgd-at')"


def test_without_scripts_everything_is_there_and_nothing_is_dead(open_page):
    page = open_page(PATH, java_script_enabled=False)
    assert page.locator("button").count() == 0
    probe = page.locator("section.probe").first
    probe.locator("summary").first.click()
    probe.locator("summary", has_text="to reproduce these numbers").click()
    expect(probe.get_by_text("nonsingular reproduce")).to_be_visible()
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Joint").click()
    expect(page.get_by_role("heading", name="Joint attack")).to_be_in_viewport()


def test_print_leaves_out_what_paper_cannot_do(open_page):
    page = open_page(PATH)
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation", name="On this page")).to_be_hidden()
    expect(page.locator(".copyable button").first).to_be_hidden()
    expect(page.locator("table.headlines")).to_be_visible()
