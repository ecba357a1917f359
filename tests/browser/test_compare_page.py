"""The compare page as a reader uses it, and its statistics against the package's own."""

from __future__ import annotations

import csv
import math
from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from benchmark.statistics import wilson
from leaderboard.effects import paired_means, paired_shares
from leaderboard.exports.table import harmless
from leaderboard.pages import render_site
from leaderboard.store import Store
from tests.browser.accessibility import serious_violations
from tests.browser.whole_words import broken_words
from tests.leaderboard import conftest as made_up

STANDARD, ROBUST, MLP = "digits-cnn-standard", "digits-cnn-pgd-at", "digits-mlp-standard"
TWO = f"compare.html#models={STANDARD},{ROBUST}"
HOSTILE = '=HYPERLINK("x")<script>document.title="stolen"</script>'


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose models were asked different things, one of them under somebody's worst name."""
    store = Store.open(":memory:")
    made_up.fill(store, [*made_up.ZOO[:1], (HOSTILE, "standard", 0.2)])
    made_up.fill(store, [("digits/later", "standard", 0.1)], seed=1)
    other = made_up.MadeUpBattery(name="other-v1")
    made_up.fill(store, [("other/alone", "standard", 0.1)], other, data_sha256="e" * 64)
    return render_site(store, tmp_path_factory.mktemp("mixed") / "site").parent


def drawn(page: Page) -> Page:
    page.wait_for_function("document.body.dataset.drawn === location.hash")
    return page


def problems(page: Page) -> str:
    return drawn(page).locator(".messages").inner_text()


def cells(page: Page, label: str, place: str = ".scores-here") -> list[str]:
    row = page.locator(f"{place} tbody tr:has(td)", has=page.get_by_role("rowheader", name=label))
    return row.first.locator("td").all_inner_texts()


def outcomes(model: str, probe: str) -> np.ndarray:
    strength = next(s for name, _, s in made_up.ZOO if name.replace("/", "-") == model)
    return made_up.make_results(strength)[probe].outcomes["headline"]


def cases() -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of outcomes: random, all equal, none differing, one example, lopsided, many."""
    draws = np.random.default_rng(0)
    random = [
        (draws.random(n) < a, draws.random(n) < b)
        for n in (7, 64, 601)
        for a, b in ((0.5, 0.5), (0.9, 0.2), (0.99, 0.97))
    ]
    truth = np.ones(9, bool)
    many = draws.random(20_000) < 0.5
    one = np.array([True])
    return [
        *random,
        (truth, truth),
        (truth, ~truth),
        (~truth, ~truth),
        (one, one),
        (one, ~one),
        (many, draws.random(20_000) < 0.52),
        (many, many ^ (np.arange(20_000) < 3_000)),
    ]


def test_paired_shares_are_those_of_the_package(open_page):
    pairs = cases()
    packed = [
        [*(b64encode(np.packbits(bits).tobytes()).decode() for bits in pair), len(pair[0])]
        for pair in pairs
    ]
    found = open_page("compare.html").evaluate(
        """pairs => pairs.map(([a, b, n]) => nonsingular.statistics.pairedShares(
            nonsingular.statistics.bytes(a), nonsingular.statistics.bytes(b), n))""",
        packed,
    )
    for (first, second), effect in zip(pairs, found, strict=True):
        expected = paired_shares(first, second)
        for name in ("value", "low", "high", "n", "p"):
            assert effect[name] == pytest.approx(getattr(expected, name), abs=1e-9), name
        assert effect["gained"] == (first & ~second).sum()
        assert effect["lost"] == (second & ~first).sum()


def test_means_and_shares_have_the_intervals_of_their_formulas(open_page):
    page = open_page("compare.html")
    first, second = np.random.default_rng(1).integers(0, 5, (2, 50)) / 4
    differences = np.rint(4 * (first - second))
    asked = [differences.sum(), (differences**2).sum(), 50, 4]
    mean = page.evaluate("sums => nonsingular.statistics.pairedMeans(...sums)", asked)
    effect = paired_means(first, second, most=1)
    for name in ("value", "low", "high", "p"):
        assert mean[name] == pytest.approx(getattr(effect, name), abs=1e-9)
    assert page.evaluate("nonsingular.statistics.pairedMeans(1, 1, 1, 1).low") < 0
    for statistic in (0.0, 0.3, 1.9, 3.4, 3.6, 9.0):
        p = page.evaluate("z => nonsingular.statistics.twoSided(z)", statistic)
        assert p == pytest.approx(math.erfc(statistic / math.sqrt(2)), rel=1e-9)
    for share, n in ((0.0, 1), (0.3, 10), (1.0, 600)):
        ends = page.evaluate("args => nonsingular.statistics.wilson(...args)", [share, n])
        expected = wilson(share, n)
        assert ends == pytest.approx([expected.low, expected.high], abs=1e-9)


def test_the_table_says_better_worse_or_cannot_tell_with_the_figures(open_page):
    page = drawn(open_page(f"compare.html#models={STANDARD},{ROBUST},{MLP}"))
    first, value, against, _, other = cells(page, "Input linf")
    effect = paired_shares(outcomes(ROBUST, "input"), outcomes(STANDARD, "input"))
    assert first.startswith(f"{100 * outcomes(STANDARD, 'input').mean():.1f}%")
    assert value.startswith(f"{100 * outcomes(ROBUST, 'input').mean():.1f}%")
    assert effect.p is not None
    assert effect.p < 0.001
    points = [f"{100 * each:+.1f}" for each in (effect.value, effect.low, effect.high)]
    assert f"better +{points[0][1:]} points" in against
    assert f"{points[1]} to {points[2]}, p < 0.001" in against
    lost = (outcomes(STANDARD, "input") & ~outcomes(ROBUST, "input")).sum()
    assert f"lost {lost}" in against
    assert "cannot tell" in other or "worse" in other
    assert "cannot tell +0.0 points" in cells(page, "Clean")[2]
    assert "no paired outcomes" in cells(page, "Cross-entropy")[2]
    tally = page.locator(".tally li").all_inner_texts()
    assert tally[0].startswith("digits/cnn-pgd-at is better than digits/cnn-standard on 6 and")
    bars = page.locator(".profile-here .track")
    shares = bars.evaluate_all("bars => bars.map(bar => +bar.style.getPropertyValue('--value'))")
    resisted = 1 - 150 / made_up.N
    assert shares[3:6] == pytest.approx(
        [outcomes(m, "input").mean() for m in (STANDARD, ROBUST, MLP)]
    )
    assert shares[-3:] == pytest.approx([resisted] * 3)


def test_a_missing_interval_is_said_where_another_model_has_one_and_has_a_reason(open_page):
    page = open_page(TWO)
    shown = page.evaluate(
        """() => {
          const score = (text, interval, reason) => ({ value: 0, n: 9, text, interval, reason });
          const row = (...cells) => ({ group: "G", label: "L", unit: "share", higher: true,
            cells, effects: cells.map(() => null) });
          const rows = [row(score("50%", "40\\u201360"), score("0%", "", "why")),
            row(score("50%", "", "one"), score("0%", "", "other"))];
          const models = ["a", "b"].map((name) => ({ name, slug: name }));
          const table = nonsingular.comparisonTables.differences("Score", rows, models);
          return [...table.querySelectorAll("tbody td.number")].map(
            (cell) => [cell.textContent, cell.title]);
        }"""
    )
    assert shown == [
        ["50%40\N{EN DASH}60", "n = 9"],
        ["0%no interval", "n = 9; no interval: why"],
        ["50%", "n = 9; no interval: one"],
        ["0%", "n = 9; no interval: other"],
    ]


def test_another_baseline_turns_the_differences_round_and_going_back_undoes_it(open_page):
    page = drawn(open_page(TWO))
    before = page.locator("#compared").inner_text()
    page.get_by_role("button", name="Make baseline digits/cnn-pgd-at").click()
    expect(page.locator("#compared")).to_have_text("digits/cnn-standard against digits/cnn-pgd-at")
    assert f"models={ROBUST},{STANDARD}" in page.url
    assert "worse" in cells(page, "Input linf")[2]
    page.go_back()
    expect(page.locator("#compared")).to_have_text(before)
    assert "better" in cells(page, "Input linf")[2]


def test_models_are_found_added_and_removed_with_the_keyboard(open_page):
    page = drawn(open_page("compare.html"))
    expect(page.locator("#comparison")).to_be_hidden()
    expect(page.locator(".chooser .count")).to_have_text("4 models to choose from.")
    page.get_by_role("searchbox").focus()
    page.keyboard.type("CNN pgd")
    expect(page.locator(".suggestions").get_by_role("button")).to_have_count(1)
    expect(page.get_by_role("button", name="Add digits/cnn-pgd-at")).to_be_visible()
    page.keyboard.press("Enter")
    assert "add another" in problems(page)
    page.keyboard.type("mlp-standard")
    page.keyboard.press("Enter")
    expect(page.locator("#compared")).to_have_text("digits/mlp-standard against digits/cnn-pgd-at")
    assert page.url.endswith(f"#models={ROBUST},{MLP}")
    page.get_by_role("button", name="Remove digits/mlp-standard").press("Enter")
    expect(page.locator("#comparison")).to_be_hidden()
    assert page.evaluate("document.activeElement.type") == "search"


def test_the_view_is_shared_by_its_address(open_page):
    page = drawn(open_page(TWO, permissions=["clipboard-read", "clipboard-write"]))
    page.get_by_role("checkbox").check()
    drawn(page)
    assert page.get_by_role("rowheader", name="Cross-entropy").count() == 0
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".copied")).to_have_text("Copied.")
    address = page.evaluate("navigator.clipboard.readText()")
    other = drawn(open_page(address.rpartition("/")[2]))
    for place in ("#compared", ".tally", ".scores-here", ".budgets-here"):
        assert other.locator(place).inner_text() == page.locator(place).inner_text()


def test_wrong_addresses_are_answered_in_words(open_page, mixed):
    page = open_page(f"compare.html#models={STANDARD},../../nope,{ROBUST}&battery=none-v1")
    said = problems(page)
    assert "“../../nope”, and no model of this site has that name" in said
    assert "no common results on “none-v1”; shown is digits-v1, 200 examples" in said
    expect(page.locator("#compared")).to_be_visible()
    page = open_page(f"compare.html#models={STANDARD},other-alone", root=mixed)
    assert "have no common battery and examples" in problems(page)
    assert "other/alone: other-v1 (200 examples)." in problems(page)
    expect(page.locator("#comparison")).to_be_hidden()
    page.get_by_role("button", name="Remove other/alone").click()
    page.get_by_role("searchbox").fill("alone")
    expect(page.locator(".chooser .count")).to_contain_text(
        "1 more has no common battery and examples"
    )


def test_models_of_different_seeds_are_compared_and_it_is_said(open_page, mixed):
    page = drawn(open_page(f"compare.html#models={STANDARD},digits-later", root=mixed))
    options = page.locator("[name=evaluation] option").all_inner_texts()
    assert options == ["digits-v1, 200 examples, different seeds"]
    assert "points" in cells(page, "Clean")[2]


def test_the_csv_holds_what_is_shown_and_no_formula(open_page, mixed, tmp_path):
    slug = next(p.name for p in (mixed / "models").iterdir() if p.name.startswith("hyperlink"))
    page = drawn(open_page(f"compare.html#models={STANDARD},{slug}", root=mixed))
    assert "stolen" not in page.title().partition("<")[0]
    expect(page.locator("#compared")).to_contain_text(HOSTILE)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    waiting.value.save_as(tmp_path / "comparison.csv")
    with (tmp_path / "comparison.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    own = next(x for x in lines if x["score"] == "Input linf" and x["model"].endswith(HOSTILE))
    assert own["model"] == f"'{HOSTILE}"
    strengths = [next(s for n, _, s in made_up.ZOO if n == "digits/cnn-standard"), 0.2]
    base, bits = (made_up.make_results(s)["input"].outcomes["headline"] for s in strengths)
    effect = paired_shares(bits, base)
    for name, value in (("value", bits.mean()), ("difference", effect.value), ("p", effect.p)):
        assert float(own[name]) == pytest.approx(value, abs=1e-9)
    assert not [v for line in lines for v in line.values() if v[:1] in "=+@" and v]


def test_texts_of_the_csv_are_made_harmless_as_those_of_the_boards_are(open_page):
    page = open_page("compare.html")
    texts = ["=1", "\0=1", "\t=1", "a;=1", 'a;"-1', "a\r\n@b", " \uff0b1", "a-1; b"]
    made = page.evaluate("texts => texts.map(nonsingular.csv.harmless)", texts)
    assert made == [harmless(text) for text in texts]


def test_ten_thousand_names_are_searched_at_once(open_page):
    page = drawn(open_page("compare.html"))
    milliseconds = page.evaluate(
        """() => {
          const numbers = Array.from({ length: 10000 }, (_, i) => i);
          const index = {
            names: numbers.map((i) => `zoo/model-${i}`),
            slugs: numbers.map((i) => `zoo-model-${i}`),
            on: numbers.map(() => [0]),
            boards: [{}],
          };
          const section = document.querySelector(".chooser").cloneNode(true);
          const chooser = new nonsingular.chooser.Chooser(section, index, () => {});
          chooser.show(["zoo-model-5"]);
          const field = section.querySelector("input");
          const begin = performance.now();
          for (const [text, expected] of [["m", 20], ["zoo 99", 20], ["-777", 11], ["none", 0]]) {
            field.value = text;
            field.dispatchEvent(new Event("input"));
            const shown = section.querySelectorAll(".suggestions button").length;
            if (shown !== expected) throw new Error(`${shown} shown for ${text}`);
          }
          return (performance.now() - begin) / 4;
        }"""
    )
    assert milliseconds < 100


def test_without_scripts_the_page_says_where_the_scores_are(open_page):
    page = open_page(TWO, java_script_enabled=False)
    expect(page.locator("noscript p")).to_contain_text("needs JavaScript")
    assert page.locator("main button:visible, main input:visible").count() == 0
    page.locator("noscript a").click()
    expect(page.locator("h1")).to_contain_text("A model that is robust")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
def test_the_page_fits_and_axe_finds_nothing_serious(open_page, width, scheme):
    names = ",".join(name.replace("/", "-") for name, _, _ in made_up.ZOO)
    page = drawn(
        open_page(f"compare.html#models={names}&paired=1", width=width, color_scheme=scheme)
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert broken_words(page) == []
    assert serious_violations(page) == []
