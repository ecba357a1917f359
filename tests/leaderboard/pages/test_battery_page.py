"""What a battery's page says: budgets, formulas, sources, versions and models."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest

from benchmark.batteries import frozen_batteries, list_batteries, load_battery
from benchmark.probes import PROBES
from leaderboard.pages import render_site
from leaderboard.pages.battery import LISTED, battery_values, differences
from leaderboard.store import Store


def text_of(page: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", page))


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The page of the real battery, with one made-up answer."""
    from tests.leaderboard import conftest as made_up

    battery = load_battery("digits-v1")
    store = Store.open(":memory:")
    where = made_up.make_provenance(battery)
    store.save(made_up.make_card(), where, battery, made_up.make_results()["clean"])
    site = render_site(store, tmp_path_factory.mktemp("rendered") / "site").parent
    return (site / "batteries" / "digits-v1.html").read_text("utf-8")


def test_every_probe_has_budgets_formulas_and_sources(digits):
    battery, text = load_battery("digits-v1"), text_of(digits)
    assert battery.sha256 in text
    for name, settings in battery.probes.items():
        section = re.search(rf"<h2 [^>]+>[^<]+<code>{name}</code>.*?</section>", digits, re.S)
        assert section, name
        said = text_of(section[0])
        assert PROBES[name].question in said
        definition = PROBES[name].definition()
        for formula in definition.formulas:
            assert formula.text in said
        assert section[0].count("<math ") == len(definition.formulas)
        for source in definition.sources:
            assert f'href="{source.url}"' in section[0]
            assert source.use in said
        for setting, meaning in type(settings).meanings().items():
            assert setting in said
            assert meaning in said
    budgets = re.search(r"Input attack</a>.*?</tr>", digits, re.S)
    assert budgets
    assert "linf 0.2, l2 0.6" in text_of(budgets[0])


def test_a_frozen_battery_says_since_when(digits):
    frozen = frozen_batteries()[load_battery("digits-v1").sha256]
    assert f"frozen since {frozen.date}" in " ".join(text_of(digits).split())
    assert frozen.note in text_of(digits)


@pytest.mark.parametrize("name", list_batteries())
def test_a_bundled_battery_is_recorded_as_frozen(name):
    assert load_battery(name).sha256 in frozen_batteries(), (
        f"the content of {name} changed: a changed budget is a new battery with a new name; add "
        f"its hash and a dated note to benchmark/batteries/versions/{name}.toml"
    )


def test_differences_are_those_settings_that_differ():
    old = load_battery("digits-v1").model_dump(mode="json")
    new = load_battery("digits-v1").model_dump(mode="json")
    new["probes"]["input"]["linf"] = [0.1, 0.25]
    new["examples"] = 500
    del new["probes"]["bits"]
    found = {place: (here, there) for place, here, there in differences(new, old)}
    assert found["input.linf"] == ("0.1, 0.25", "0.05, 0.1, 0.15, 0.2")
    assert found["examples"] == ("500", "\N{EN DASH}")
    assert found["bits"] == ("\N{EN DASH}", "included")
    assert found["bits.flips"] == ("\N{EN DASH}", "50")
    assert set(found) == {"input.linf", "examples", "bits"} | {
        f"bits.{name}" for name in old["probes"]["bits"]
    }
    del old["examples"]  # as it was stored before batteries had the field
    assert differences(load_battery("digits-v1").model_dump(mode="json"), old) == []


def test_versions_of_a_name_and_of_a_data_set_are_held_against_each_other(tmp_path, store, made_up):
    first = made_up.Battery()
    second = made_up.Battery(probes=first.probes | {"weight": {"radii": [0.05, 0.1], "steps": 20}})
    other = made_up.Battery(name="mnist-v1", dataset="mnist")
    clean = made_up.results()["clean"]
    for day, battery in enumerate((first, second, other), 1):
        created = f"2026-01-0{day}T00:00:00+00:00"
        where = made_up.provenance(battery, created=created)
        store.save(made_up.card(), where, battery, clean)
    site = render_site(store, tmp_path / "site").parent
    pages = {path.name: path.read_text("utf-8") for path in (site / "batteries").iterdir()}
    assert len(pages) == 3
    page = next(text for text in pages.values() if first.sha256 in text_of(text))
    (row,) = re.findall(r'<tr><th scope="row">weight\.radii</th>(.*?)</tr>', page)
    assert re.findall(r"<td[^>]*>([^<]+)<", row) == ["0.05, 0.1, 0.2", "0.05, 0.1"]
    assert f"{second.sha256[:12]}" in page
    assert "in use since 2026-01-02: 1 difference" in " ".join(text_of(page).split())
    assert other.sha256[:12] not in page
    assert "No other battery" in pages["mnist-v1.html"]


def test_many_models_are_on_the_board_and_not_on_the_page(zoo_store, battery):
    contents = zoo_store.batteries()
    one = zoo_store.summaries(())[0]

    def models(count):
        summaries = [replace(one, fingerprint=f"{i:064x}") for i in range(count)]
        pages = {each.fingerprint: f"models/m{i}/index.html" for i, each in enumerate(summaries)}
        paths = {battery.sha256: "batteries/digits-v1.html"}
        return battery_values(battery.sha256, contents, summaries, pages, paths, [])

    assert len(models(LISTED)["models"]) == LISTED
    many = models(LISTED + 1)
    assert many["models"] == []
    assert many["scored"] == LISTED + 1


def test_the_page_marks_the_settings_that_are_budgets_of_the_scores(digits):
    marked = re.findall(r'<tr class="headline"><th scope="row">(\w+)</th>', digits)
    assert {"headline_linf", "headline_l2", "headline", "headline_radius"} <= set(marked)
    assert not {"effort", "steps", "precision"} & set(marked)
