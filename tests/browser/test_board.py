"""The front page as a reader uses it."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from leaderboard.board.ranking import rank_models
from tests.browser.accessibility import serious_violations
from tests.leaderboard import conftest as made_up

BOARD = "#digits-v1"


def ready(page: Page) -> Page:
    page.wait_for_selector(f"{BOARD}[data-ready]")
    return page


def names(page: Page) -> list[str]:
    return page.locator(f"{BOARD} table.models tbody th > a:first-child").all_inner_texts()


def column(page: Page, key: str) -> list[str]:
    place = page.locator(f'{BOARD} table.models thead th[data-key="{key}"]')
    index = place.evaluate("heading => heading.cellIndex")
    cells = page.locator(f"{BOARD} table.models tbody tr")
    return [cells.nth(i).locator("> *").nth(index).inner_text() for i in range(cells.count())]


@pytest.fixture
def board(open_page) -> Page:
    return ready(open_page())


def test_the_script_shows_what_the_page_showed_without_it(open_page, board):
    without = open_page(java_script_enabled=False)
    board.locator(".columns summary").click()
    board.get_by_role("button", name="All columns").click()
    rows = f"{BOARD} table.models tbody tr"
    plain = [text.split() for text in without.locator(rows).all_inner_texts()]
    drawn = [text.split() for text in board.locator(rows).all_inner_texts()]
    assert len(plain) == 4
    assert plain == drawn
    titles = "rows => rows.map(row => [...row.cells].map(cell => cell.title).filter(Boolean))"
    assert without.locator(rows).evaluate_all(titles) == board.locator(rows).evaluate_all(titles)
    parts = """rows => rows.map(row => [...row.cells].filter(cell => cell.className !== "pick").map(
        cell => [cell, ...cell.querySelectorAll("*")].map(
            ({tagName, className, textContent, title, href}) =>
                [tagName, className, textContent.trim(), title, href])))"""
    assert without.locator(rows).evaluate_all(parts) == board.locator(rows).evaluate_all(parts)
    bars = """rows => rows.map(row => [row.querySelector(".profile").ariaLabel,
        ...[...row.querySelectorAll("i")].map(bar => bar.style.getPropertyValue("--v"))])"""
    assert without.locator(rows).evaluate_all(bars) == board.locator(rows).evaluate_all(bars)


def test_without_scripts_there_are_no_dead_controls(open_page):
    page = open_page(java_script_enabled=False)
    expect(page.locator(".controls")).to_be_hidden()
    assert page.locator("thead button").count() == 0
    page.get_by_role("link", name="digits/cnn-pgd-at", exact=True).click()
    expect(page.locator("h1")).to_contain_text("digits/cnn-pgd-at")


def test_controls_are_drawn_with_the_page_and_used_before_its_data_is_read(browser, site):
    """The data is read when the browser is idle; here it never is."""
    page = browser.new_page()
    page.add_init_script("requestIdleCallback = () => {}")
    page.goto(f"{site.as_uri()}/index.html")
    controls = page.locator(f"{BOARD} .controls")
    expect(controls.get_by_placeholder("Name, recipe, architecture")).to_be_visible()
    for text in ("Filters", "Columns", "Your own threat set"):
        expect(controls.locator("summary", has_text=text)).to_be_visible()
    expect(controls.locator(".count")).to_have_text("4 models")
    model = page.locator(f"{BOARD} table.models tbody th").first
    before = model.bounding_box()
    controls.get_by_placeholder("Name, recipe, architecture").fill("pgd")
    ready(page)
    expect(controls.locator(".count")).to_have_text("2 of 4 models")
    controls.get_by_placeholder("Name, recipe, architecture").fill("")
    expect(controls.locator(".count")).to_have_text("4 models")
    after = model.bounding_box()
    assert [after[each] for each in "xy"] == pytest.approx([before[each] for each in "xy"], abs=2)
    page.close()


def test_data_is_read_where_the_browser_is_never_idle(browser, site):
    """As one that draws no frames: the work is done only once its time is up."""
    page = browser.new_page()
    page.add_init_script(
        "requestIdleCallback = (work, options) => setTimeout(work, options?.timeout ?? 1e6)"
    )
    page.goto(f"{site.as_uri()}/index.html")
    ready(page)
    page.close()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
@pytest.mark.parametrize("scripts", [True, False])
def test_the_first_scores_are_on_the_first_screen(open_page, width, height, scripts):
    page = open_page(width=width, java_script_enabled=scripts)
    page.set_viewport_size({"width": width, "height": height})
    if scripts:
        ready(page)
    row = page.locator(f"{BOARD} table.models tbody tr").first
    for cell in (row.locator("th"), row.locator("td.number").first):
        box = cell.bounding_box()
        assert box["y"] + box["height"] <= height
        assert box["x"] + box["width"] <= width
    keys = page.locator(f"{BOARD} thead th").evaluate_all("all => all.map(th => th.dataset.key)")
    assert keys[keys.index("model") + 1] == "nonsingular.robust_accuracy"


def test_columns_are_chosen_with_the_keyboard_alone(open_page):
    page = ready(open_page())
    page.locator(".columns summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.value") != "architecture":
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator('th[data-key="architecture"]')).to_be_visible()
    assert page.url.endswith("#digits-v1.show=architecture")
    expect(page.locator(".columns summary")).to_have_text("Columns (1 changed)")
    page.get_by_role("button", name="The usual columns").focus()
    page.keyboard.press("Enter")
    expect(page.locator('th[data-key="architecture"]')).to_be_hidden()
    assert "#" not in page.url


def test_headings_sort_both_ways_and_say_so(board):
    heading = board.locator('th[data-key="weight.robust_accuracy"]')
    heading.get_by_role("button").click()
    falling = column(board, "weight.robust_accuracy")
    shares = [float(text.partition("%")[0]) for text in falling]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1]
    assert heading.get_attribute("aria-sort") == "descending"
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert column(board, "weight.robust_accuracy") == falling[::-1]
    assert board.locator("table.models [aria-sort]").count() == 1


def test_search_and_filters_narrow_and_say_how_many_are_left(board):
    board.get_by_role("searchbox").fill("MLP pgd")
    assert names(board) == ["digits/mlp-pgd-at"]
    expect(board.locator(".count")).to_have_text("1 of 4 models")
    board.locator(".find").evaluate("form => form.reset()")
    expect(board.locator(".count")).to_have_text("4 models")
    board.locator(".filters summary").click()
    board.get_by_label("Recipe").first.select_option("standard")
    expect(board.locator(".filters summary")).to_have_text("Filters (1)")
    assert sorted(names(board)) == ["digits/cnn-standard", "digits/mlp-standard"]
    board.get_by_role("searchbox").fill("nothing like it")
    expect(board.locator(".count")).to_have_text("No model matches; clear the search and filters.")


def test_a_view_is_shared_by_its_address(board, open_page):
    board.get_by_role("searchbox").fill("digits")
    board.locator(".filters summary").click()
    board.get_by_label("Recipe").first.select_option("pgd-at")
    board.locator('th[data-key="clean.accuracy"] button').click()
    board.locator('th[data-key="model"] button').click()
    board.locator('th[data-key="model"] button').click()
    board.locator(".columns summary").click()
    board.get_by_role("checkbox", name="Clean").uncheck()
    board.get_by_role("checkbox", name="Architecture").check()
    address = board.url.partition("#")[2]
    other = ready(open_page(f"index.html#{address}"))
    expect(other.locator('th[data-key="clean.accuracy"]')).to_be_hidden()
    expect(other.locator('th[data-key="architecture"]')).to_be_visible()
    expect(other.locator('th[data-key="parameters"]')).to_be_hidden()
    assert names(other) == names(board) == ["digits/mlp-pgd-at", "digits/cnn-pgd-at"]
    assert other.get_by_role("searchbox").input_value() == "digits"
    assert other.locator('th[data-key="model"]').get_attribute("aria-sort") == "descending"


def test_an_address_with_what_does_not_exist_is_no_error(open_page):
    page = ready(
        open_page("index.html#digits-v1.sort=-nope&digits-v1.recipe=nope&digits-v1.threats=x")
    )
    expect(page.locator(".count")).to_have_text("4 models")


def test_a_readers_own_threats_rank_the_models_as_the_package_would(board):
    board.locator(".threats summary").click()
    for box in board.locator("[name=threat]").all():
        box.set_checked(box.get_attribute("value") in ("clean.headline", "weight.headline"))
    expect(board.locator(".count")).to_have_text("4 models, ranked by the worst case of 2 threats")
    outcomes = {
        name: [made_up.make_results(strength)[p].outcomes["headline"] for p in ("clean", "weight")]
        for name, _, strength in made_up.ZOO
    }
    worst = {name: one & other for name, (one, other) in outcomes.items()}
    expected = rank_models([np.packbits(bits).tobytes() for bits in worst.values()], made_up.N)
    places = dict(zip(worst, expected.ranks, strict=True))
    shown = dict(zip(names(board), column(board, "rank"), strict=True))
    for name, place in places.items():
        assert place is not None
        assert shown[name].split()[0] == place.text
    shares = dict(zip(names(board), column(board, "worst"), strict=True))
    means = dict(zip(names(board), column(board, "average"), strict=True))
    for name, bits in worst.items():
        for text, share in ((shares[name], bits.mean()), (means[name], np.mean(outcomes[name]))):
            assert float(text.partition("%")[0]) == pytest.approx(100 * share, abs=0.0501)
    board.get_by_role("button", name="Back to the battery's own").click()
    assert board.locator('th[data-key="worst"]').count() == 0


def test_a_backdoor_can_be_ticked_and_ranks_at_once(board):
    board.locator(".threats summary").click()
    boxes = board.locator("[name=threat]")
    for box in boxes.all():
        box.set_checked(box.get_attribute("value") == "backdoor.triggered")
    expect(board.locator(".count")).to_have_text("4 models, ranked by the worst case of 1 threat")
    bits = made_up.make_results(0.3)["backdoor"].outcomes["triggered"]
    assert f"{100 * bits.mean():.1f}%" in column(board, "worst")[0]
    board.locator("[name=threat][value='backdoor.triggered']").uncheck()
    expect(board.locator(".count")).to_have_text("Tick at least one threat.")
    assert board.locator('th[data-key="worst"]').count() == 0
    expect(board.locator("fieldset", has_text="Backdoor injection").locator("label")).to_have_text(
        " relative-linf radius 0.1"
    )


def test_ticked_models_are_compared(board):
    button = board.locator(".against button")
    boxes = board.get_by_role("checkbox", name="compare digits/")
    boxes.nth(0).check()
    expect(button).to_be_disabled()
    boxes.nth(1).check()
    expect(button).to_have_text("Compare 2 models")
    with board.expect_navigation():
        button.click()
    assert "compare.html#models=digits-cnn-pgd-at%2Cdigits-mlp-pgd-at" in board.url


def test_everything_is_reached_with_the_keyboard(board):
    board.get_by_role("searchbox").focus()
    board.keyboard.type("cnn")
    board.keyboard.press("Tab")
    for _ in range(30):
        if board.evaluate("document.activeElement.closest('th')?.dataset.key") == "model":
            break
        board.keyboard.press("Tab")
    board.keyboard.press("Enter")
    assert names(board) == ["digits/cnn-pgd-at", "digits/cnn-standard"]
    outline = board.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    board.locator("tbody th a").first.focus()
    with board.expect_navigation():
        board.keyboard.press("Enter")
    assert board.url.endswith("models/digits-cnn-pgd-at/index.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_the_page_fits_and_axe_finds_nothing_serious(open_page, width, scheme):
    page = ready(open_page(width=width, color_scheme=scheme))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for summary in page.locator("summary").all():
        if summary.is_visible():
            summary.click()
    assert serious_violations(page) == []
