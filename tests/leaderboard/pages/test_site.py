"""What the pages say, and that nobody's name can say more than a name."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmark.results import Score
from benchmark.statistics import mean
from leaderboard.board.rows import TEMPLATE_PAPER
from leaderboard.formatting.slugs import slug, unique_slugs
from leaderboard.formatting.texts import interval, interval_or_reason, number, probe_texts
from leaderboard.pages import render_site
from models_zoo.card import Training
from tests.leaderboard.rendered_pages import Page, pages


@pytest.fixture(scope="module")
def site(tmp_path_factory, zoo_store):
    return render_site(zoo_store, tmp_path_factory.mktemp("rendered") / "site").parent


def test_every_kind_of_page_is_there(site):
    assert set(pages(site)) == {
        "index.html",
        "compare.html",
        "findings.html",
        "submit.html",
        "batteries/digits-v1.html",
        "models/digits-cnn-standard/index.html",
        "models/digits-cnn-pgd-at/index.html",
        "models/digits-mlp-standard/index.html",
        "models/digits-mlp-pgd-at/index.html",
    }


def test_pages_are_well_formed_with_unique_ids_and_links_that_lead_somewhere(site):
    for path, text in pages(site).items():
        page = Page(text)
        ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
        assert len(ids) == len(set(ids)), path
        for _, attrs in page.tags:
            for reference in ("aria-labelledby",):
                assert attrs.get(reference, ids[0]) in ids, (path, attrs)
        for attrs in page.all("a"):
            target, _, fragment = attrs["href"].partition("#")
            if target.startswith(("https://arxiv.org/abs/", "https://github.com/")):
                assert path == "findings.html" or path.startswith("batteries/")
                assert "noreferrer" in attrs["rel"]
            elif "tabindex" in attrs or "aria-label" in attrs:  # a point of the front page's chart
                assert path == "index.html"
                assert (site / target).is_file()
            elif target == TEMPLATE_PAPER:
                assert attrs["class"] == "paper"
            elif target:
                assert (site / path).parent.joinpath(target).resolve().is_file(), attrs
            else:
                assert fragment in ids


def test_nothing_is_fetched_from_anywhere(site):
    for path in site.rglob("*"):
        if path.suffix in (".html", ".css", ".js", ".svg"):
            text = path.read_text("utf-8")
            # What leads somewhere when it is clicked, or is printed, is not fetched.
            text = re.sub(r'<a href="https://(arxiv.org|github.com)/[\w./-]+"', "", text)
            text = re.sub(r"<pre [^>]+><code>[^<]*", "", text)
            outside = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text)) - {"http://www.w3.org"}
            assert not outside, (path, outside)
            assert "@import" not in text
    for text in pages(site).values():
        for tag, attrs in Page(text).tags:
            for name in ("src", "href"):
                value = attrs.get(name, "")
                if tag != "a":
                    assert value.startswith(("data:", "static/", "../")) or not value


def test_the_table_stands_without_scripts_and_no_control_is_dead(site):
    page = (site / "index.html").read_text("utf-8")
    assert re.search(
        r"<noscript><style>.*\.controls { display: none !important; }.*</noscript>", page
    )
    assert "<button" not in page[page.index('<table class="models">') :].partition("</table>")[0]
    written = sum(file.stat().st_size for file in (site / "static").glob("*.js"))
    assert written < 80_000


def test_the_board_ranks_by_the_headline_and_shows_every_headline_column(site, zoo_store):
    page = (site / "index.html").read_text("utf-8")
    text = re.sub(r"<template.*?</template>", "", page, flags=re.DOTALL)
    names = re.findall(r'<th scope="row"><a href="models/[^"]+">([^<]+)</a>', text)
    headline = {
        e.card.name: e.answers["nonsingular"].scores["robust_accuracy"].value
        for e in zoo_store.entries()
    }
    assert sorted(names, key=lambda name: -headline[name]) == names
    assert names[0] == "digits/cnn-pgd-at"
    assert re.findall(r'class="rank"[^>]*>(\d+)', text) == ["1", "2", "3", "3"]
    entry = zoo_store.entries()[0]
    expected = [
        spec.label
        for p in probe_texts().values()
        for name, spec in p.scores.items()
        if spec.headline and p.name in entry.answers and name in entry.answers[p.name].scores
    ]
    found = re.findall(
        r'<th scope="col" class="number(?: extra)?" data-key="[^"]+" data-kind="number"'
        r"[^>]*>([^<]+?)&#160;<",
        text,
    )
    assert found == expected
    assert "Non-singular" in found
    assert "74.5%" in text
    assert "68.0\N{EN DASH}80.0" in text


def test_the_table_can_be_read_aloud(site):
    page = Page((site / "index.html").read_text("utf-8"))
    assert page.all("caption")
    assert all(attrs.get("scope") in ("col", "row", "colgroup") for attrs in page.all("th"))
    assert [a["aria-sort"] for a in page.all("th") if "aria-sort" in a] == ["ascending"]
    assert page.all("html") == [{"lang": "en"}]
    for attrs in page.all("svg"):
        assert attrs["role"] == ("group" if attrs.get("class") == "linked" else "img")
        assert "digits" in attrs["aria-label"] or "models" in attrs["aria-label"]


def test_a_battery_page_holds_questions_settings_and_the_hash(site, battery):
    text = Page((site / "batteries/digits-v1.html").read_text("utf-8")).text
    assert battery.sha256 in text
    for probe, settings in battery.probes.items():
        assert probe_texts()[probe].question in text
        assert all(name in text for name in settings)


HOSTILE = [
    "../../etc/x",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></svg><script>alert(2)</script>",
    "javascript:alert(1)",
    "a\x00b\x0bc\ufffe",
    "{{ 7 * 7 }}{% raw %}",
    "con",
    "模型",
    " ",
]


def test_hostile_text_in_every_field_stays_text(tmp_path, store, battery, made_up):
    for place, text in enumerate(HOSTILE):
        card = made_up.card(
            text,
            source="submitted",
            architecture=text,
            dataset=text,
            checkpoint=text,
            licence=text,
            notes=text,
            training=Training(recipe=text, settings={text: text}, data=text),
        )
        provenance = made_up.provenance(
            battery, f"{place:064x}", device=text, versions={text: text}
        )
        for result in made_up.results().values():
            result.protocol[text] = {text: [text]}
            for number_, curve in enumerate(result.curves):
                result.curves[number_] = curve.model_copy(
                    update={
                        "series": f"{text}{number_}",
                        "x_label": text,
                        "y_label": text,
                        "picture": text,
                        "x_text": [text] * len(curve.x),
                    }
                )
            for number_, bars in enumerate(result.bars):
                names = [f"{text}{i}" for i in range(len(bars.names))]
                hostile = {"names": names, "series": text, "x_label": text, "y_label": text}
                result.bars[number_] = bars.model_copy(update=hostile | {"picture": text})
            for number_, image in enumerate(result.thumbnails):
                hostile = {"caption": text, "picture": text}
                result.thumbnails[number_] = image.model_copy(update=hostile)
            store.save(card, provenance, battery, result, submitted=True)
    site = render_site(store, tmp_path / "site").parent
    written = [path.name for path in (site / "models").iterdir() if path.is_dir()]
    assert len(written) == len(HOSTILE)
    assert all(re.fullmatch("[a-z0-9-]+", name) for name in written)
    for text in pages(site).values():
        page = Page(text)
        assert all(a["src"].startswith("data:image/png;base64,") for a in page.all("img"))
        assert all(re.fullmatch(r"[a-z0-9._/-]+\.js", a["src"]) for a in page.all("script"))
        assert not [n for _, attrs in page.tags for n in attrs if n.startswith("on")]
        assert not [a for a in page.all("a") if a["href"].startswith("javascript")]
        assert "{{ 7 * 7 }}" in page.text or "{{" not in text
    for chart in site.rglob("*.svg"):
        root = ElementTree.fromstring(chart.read_text("utf-8"))  # noqa: S314
        assert "script" not in {element.tag.split("}")[1] for element in root.iter()}
    assert "submitted" in Page((site / "index.html").read_text("utf-8")).text


def test_slugs_are_safe_unique_and_stable():
    assert slug("digits/cnn-pgd-at") == "digits-cnn-pgd-at"
    assert slug("../..") == "unnamed"
    assert len(slug("x" * 10_000)) <= 60
    names = {"aaaaaaaa1": "Digits/CNN", "bbbbbbbb2": "digits/cnn", "cccccccc3": "digits cnn"}
    slugs = unique_slugs(names)
    assert slugs["aaaaaaaa1"] == "digits-cnn"
    assert len(set(slugs.values())) == 3
    more = unique_slugs(names | {"d" * 64: "digits-cnn-bbbbbbbb", "e" * 64: "x"})
    assert {key: more[key] for key in names} == slugs
    assert len(set(more.values())) == 5


def test_numbers_are_written_as_people_read_them():
    assert number(0.1234, "share") == "12.3%"
    assert number(float("inf"), "radius") == "none found"
    assert number(float("nan"), "share") == "undefined"
    assert number(-0.00012345, "loss") == "\N{MINUS SIGN}0.000123"
    sampled = Score(value=0.5, n=9, low=0.4, high=0.6)
    assert interval(sampled, "share") == "40.0\N{EN DASH}60.0"
    assert interval(Score(value=0.5, n=9, low=0.5, high=0.5), "share") is None


def test_an_interval_is_none_if_its_ends_differ_by_rounding_and_else_has_two_ends():
    same = float(np.mean([0.98] * 10))  # 2.2e-16 above 0.98
    rounded = Score(value=same, n=10, low=0.98, high=same + 1e-16)
    assert rounded.low < rounded.high
    spec = probe_texts()["weight"].spec("random_accuracy")
    assert rounded.interval is None
    stored = ("none", "stored without one; scoring the model again gives it one")
    assert interval_or_reason(rounded, spec) == stored
    present = mean([0.98] * 10)
    assert interval_or_reason(present, spec) == ("none", "all draws are the same")
    narrow = Score(value=0.98331, n=10, low=0.98329, high=0.98333)
    assert interval(narrow, "share") == "98.329\N{EN DASH}98.333"
    assert interval(Score(value=1.2, n=9, low=1.2001, high=1.2004), "nats") == (
        "1.2001\N{EN DASH}1.2004"
    )


def test_scores_of_different_data_or_batteries_never_share_a_table(tmp_path, store, made_up):
    made_up.fill(store)
    made_up.fill(store, data_sha256="e" * 64)
    made_up.fill(store, battery=made_up.Battery(description="changed"))
    site = render_site(store, tmp_path / "site").parent
    tables = Page((site / "index.html").read_text("utf-8")).all("table")
    assert len([attrs for attrs in tables if attrs.get("class") == "models"]) == 3
    assert len(list((site / "boards").glob("*.csv"))) == 3
    assert sorted(p.name[:9] for p in (site / "batteries").iterdir()) == ["digits-v1"] * 2
    assert len([path for path in (site / "models").iterdir() if path.is_dir()]) == 4


def test_models_of_one_name_are_told_apart(tmp_path, store, made_up, battery):
    for fingerprint in ("1" * 64, "2" * 64):
        for result in made_up.results().values():
            where = made_up.provenance(battery, fingerprint)
            store.save(made_up.card("digits/twin"), where, battery, result)
    site = render_site(store, tmp_path / "site").parent
    text = (site / "index.html").read_text("utf-8")
    assert "<small>11111111</small>" in text
    assert "<small>22222222</small>" in text
    folders = {path.name for path in (site / "models").iterdir() if path.is_dir()}
    assert folders == {"digits-twin", "digits-twin-22222222"}


def test_an_empty_store_says_what_to_do(tmp_path, store):
    assert "nonsingular bench" in render_site(store, tmp_path / "site").read_text("utf-8")


def test_a_model_scored_on_training_images_only_is_named_beside_the_boards(
    tmp_path, store, made_up, battery
):
    answers = made_up.results()
    for name, split in (("tested", "test"), ("tested", "train"), ("only-trained", "train")):
        where = made_up.provenance(battery, name[0] * 64, split=split, data_sha256=split[-1] * 64)
        store.save(made_up.card(name), where, battery, answers["clean"])
    page = render_site(store, tmp_path / "site").read_text("utf-8")
    board, _, unlisted = page.partition("On no board")
    assert 'href="models/only-trained/index.html">only-trained</a>' in unlisted
    assert "only-trained" not in board
    assert "models/tested/" not in unlisted
