"""The front page's chart: no two texts collide, and points are links with names."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from leaderboard.pages import render_site
from leaderboard.store import Store
from tests.browser.conftest import MODELS
from tests.leaderboard import conftest as made_up

CHART = "#digits-v1 svg.linked"

COLLISIONS = """svg => {
  const seen = (element) => element.checkVisibility({visibilityProperty: true});
  const box = (element) => element.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].filter(seen);
  const points = [...svg.querySelectorAll("a > path")].filter(seen);
  const meet = (one, other) => one.left < other.right && one.right > other.left
    && one.top < other.bottom && one.bottom > other.top;
  const found = [];
  texts.forEach((text, place) => {
    for (const other of [...texts.slice(place + 1), ...points]) {
      if (meet(box(text), box(other))) found.push([text.textContent, other.textContent]);
    }
  });
  return {texts: texts.map((text) => text.textContent), points: points.length, found};
}"""


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """Models whose points nearly coincide, among them a front of several."""
    store = Store.open(":memory:")
    zoo = [(f"digits/a-long-name-{i:02d}", "pgd-at", 0.2 + i / 500) for i in range(30)]
    made_up.fill(store, zoo)
    return render_site(store, tmp_path_factory.mktemp("crowded") / "site").parent


def drawn(page: Page) -> dict[str, Any]:
    page.locator(CHART).scroll_into_view_if_needed()
    found: dict[str, Any] = page.locator(CHART).evaluate(COLLISIONS)
    return found


@pytest.mark.parametrize("board", ["site", "crowded", "large"])
def test_no_text_covers_another_or_a_point(open_page, request, board):
    page = open_page(root=request.getfixturevalue(board), width=1440)
    seen = drawn(page)
    assert seen["found"] == []
    assert seen["points"] == {"site": 4, "crowded": 30, "large": MODELS}[board]
    names = [text for text in seen["texts"] if "-" in text and "training" not in text]
    assert names


def test_a_point_is_named_when_it_is_pointed_at_or_focused_and_leads_to_its_model(
    open_page,
):
    page = open_page()
    link = page.locator(f"{CHART} a:has(.name)").last
    name = link.locator(".name")
    expect(name).to_be_hidden()
    link.locator("path").hover()
    expect(name).to_be_visible()
    page.mouse.move(0, 0)
    expect(name).to_be_hidden()
    link.focus()
    expect(name).to_be_visible()
    assert name.text_content() in link.get_attribute("aria-label")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(name_of(page))


def name_of(page: Page) -> str:
    return page.title().partition(" ")[0]


def test_of_many_points_only_the_front_is_reached_with_the_tab_key(open_page, large):
    page = open_page(root=large)
    reached = page.locator(f"{CHART} a:not([tabindex])").count()
    assert 0 < reached < 40
    assert page.locator(f"{CHART} a").count() == MODELS


def test_the_file_of_the_chart_has_no_links(crowded):
    charts = [path.read_text("utf-8") for path in (crowded / "charts").glob("*.svg")]
    scatter = [text for text in charts if "Robust to changed inputs" in text]
    assert scatter
    assert not any("<a " in text or "href" in text for text in charts)
