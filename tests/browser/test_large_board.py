"""A board of more models than a page shows."""

from __future__ import annotations

import csv

from playwright.sync_api import expect

from perf.site import ACTIONS, acted
from tests.browser.accessibility import serious_violations
from tests.browser.conftest import MODELS

ROWS = "#digits-v1 table.models tbody tr"


def test_few_columns_are_shown_at_first_and_fit_a_small_screen(open_page, large):
    page = open_page(root=large, width=1024)
    page.wait_for_selector("#digits-v1[data-ready]")
    keys = page.locator("#digits-v1 thead th:visible").evaluate_all(
        "all => all.map(heading => heading.dataset.key)"
    )
    expected = ["pick", "rank", "model", "nonsingular.robust_accuracy", "clean.accuracy"]
    expected += ["input.robust_accuracy", "weight.robust_accuracy", "joint.robust_accuracy"]
    assert keys[:8] == expected
    assert page.locator("#digits-v1 thead th").count() > len(keys)
    last = page.locator('#digits-v1 [data-key="joint.robust_accuracy"]').bounding_box()
    table = page.locator("#digits-v1 > .scroll").bounding_box()
    assert last["x"] + last["width"] <= table["x"] + table["width"] <= 1024


def test_fifty_rows_are_shown_and_more_on_demand(open_page, large):
    page = open_page(root=large)
    page.wait_for_selector("#digits-v1[data-ready]")
    expect(page.locator(".count")).to_have_text(f"{MODELS} models")
    assert page.locator(ROWS).count() == 50
    page.get_by_role("button", name="Show 20 more").click()
    assert page.locator(ROWS).count() == MODELS
    expect(page.locator(".show-more")).to_be_hidden()


def test_search_finds_models_that_are_not_on_the_page_yet(open_page, large):
    with (large / "boards" / "digits-v1.csv").open() as file:
        last = list(csv.DictReader(file))[-1]["model"]
    page = open_page(root=large)
    page.wait_for_selector("#digits-v1[data-ready]")
    page.get_by_role("searchbox").fill(last.partition("/")[2])
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator(f"{ROWS} th")).to_contain_text(last)


def test_without_scripts_pages_hold_every_row(open_page, large):
    page = open_page(root=large, java_script_enabled=False)
    assert page.locator(ROWS).count() == 50
    page.get_by_role("link", name="all of them, on 1 page").click()
    expect(page.locator("table.models tbody tr")).to_have_count(MODELS)
    page.get_by_role("link", name="The board with search and filters").click()
    assert page.url.endswith("index.html#digits-v1")


def test_axe_finds_nothing_serious_on_the_further_pages(open_page, large):
    assert serious_violations(open_page("boards/digits-v1-1.html", root=large, width=375)) == []


def test_the_measured_actions_do_what_they_are_named_for(open_page, large):
    page = open_page(root=large)
    page.wait_for_selector("#digits-v1[data-ready]")
    times = acted(page)
    assert times.keys() == ACTIONS.keys()
    assert page.locator("[name=recipe]").input_value() == "pgd-at"
    assert all(0 < milliseconds < 5000 for milliseconds in times.values())
    place = page.locator("#digits-v1 table.models thead th").evaluate_all(
        "cells => cells.findIndex((cell) => cell.dataset.key === 'recipe')"
    )
    recipes = set(page.locator(f"{ROWS} > :nth-child({place + 1})").all_inner_texts())
    assert recipes == {"pgd-at"}
