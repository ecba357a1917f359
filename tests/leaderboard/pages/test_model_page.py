"""What a model's page says, and that it says it without scripts."""

from __future__ import annotations

import re
import shlex
from base64 import b64decode
from html import unescape
from io import BytesIO
from itertools import pairwise

import pytest
from PIL import Image

from benchmark.passages import Passage
from benchmark.results import Surface, Thumbnail
from leaderboard.charts.svg import Painter
from leaderboard.formatting.web_links import web_link
from leaderboard.pages import render_site
from leaderboard.pages.how_to_load import how_to_load
from leaderboard.pages.model import make_evaluation
from leaderboard.reruns.command_lines import bench_command, reproduce_command
from leaderboard.store import Entry
from models_zoo.card import Robustness, Training
from tests.leaderboard.rendered_pages import Page, pages


@pytest.fixture(scope="module")
def site(tmp_path_factory, zoo_store):
    return render_site(zoo_store, tmp_path_factory.mktemp("rendered") / "site").parent


@pytest.fixture(scope="module")
def text(site):
    return (site / "models/digits-cnn-pgd-at/index.html").read_text("utf-8")


def section(text, name):
    """The part of a page that a heading's id begins, up to the next heading of a probe."""
    return text[text.index(f'<h3 id="{name}"') :].split("<h3 ")[1]


def page_of(store, folder, name):
    site = render_site(store, folder / "site").parent
    return (site / f"models/{name}/index.html").read_text("utf-8")


def test_it_is_well_formed_with_unique_ids_and_links_within_that_lead_somewhere(site, text):
    page = Page(text)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in page.tags:
        assert attrs.get("aria-labelledby", ids[0]) in ids, attrs
    inside = [a["href"][1:] for a in page.all("a") if a["href"].startswith("#")]
    assert len(inside) > 15
    assert set(inside) <= set(ids)
    charts = [a["href"] for a in page.all("a") if a["href"].startswith("charts/")]
    folder = site / "models/digits-cnn-pgd-at"
    assert sorted(charts) == sorted(f"charts/{p.name}" for p in (folder / "charts").iterdir())
    assert "../../compare.html#models=digits-cnn-pgd-at" in [a["href"] for a in page.all("a")]


def test_headings_go_down_one_level_at_a_time(text):
    levels = [int(tag[1]) for tag, _ in Page(text).tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_it_opens_with_the_headline_scores_and_their_intervals(text, zoo_store):
    table = text[text.index('<table class="headlines">') :].split("</table>")[0]
    entry = next(e for e in zoo_store.entries() if e.card.name == "digits/cnn-pgd-at")
    labels = re.findall(r'<tr><th scope="row">([^&<]+)', table)
    assert labels == ["Non-singular", "Clean", "Input linf", "Weight", "Joint", "Backdoor success"]
    for probe, name in (("input", "robust_accuracy"), ("backdoor", "success")):
        score = entry.answers[probe].scores[name]
        cell = re.search(rf'<td style="([^"]+)"><a href="#{probe}-1">([^<]+)</a>', table)
        assert cell is not None
        ends = [float(end) for end in re.findall(r":([\d.]+)", cell[1])]
        assert ends == pytest.approx([score.value, score.low, score.high], abs=1e-4)
        assert cell[2] == f"{score.value:.1%}"


def test_probes_stand_in_the_order_of_the_battery(text, battery):
    found = re.findall(r'<section class="probe" aria-labelledby="([\w-]+)-1">', text)
    assert found == ["nonsingular", *battery.probes, "input-autoattack"]


def test_it_holds_scores_curves_surface_cost_and_provenance(text):
    page = Page(text)
    assert len(page.all("svg")) == 4  # input by norm, weight with two series, and the layers
    assert {"conv1", "linear"} <= set(re.findall(r'<th scope="row">([^<]+)</th>', text))
    images = page.all("img")
    assert [image["alt"] for image in images] == ["untouched", "3x3 patch"]
    for image, mode in zip(images, ("L", "RGB"), strict=True):
        png = Image.open(BytesIO(b64decode(image["src"].removeprefix("data:image/png;base64,"))))
        assert (png.size, png.mode) == ((8, 8), mode)
    assert "random direction" in text
    for piece in ("none found", "Share of", "restarts", "3.75", "d" * 64, "torch: 2.6.0"):
        assert piece in page.text, piece
    assert "load_model('digits/cnn-pgd-at')" in page.text


def test_autoattack_is_drawn_among_the_curves_at_its_budget(text):
    inputs = section(text, "input-1")
    assert inputs.count("<svg") == 2
    rows = dict(re.findall(r'<tr><th scope="row">([\d.]+)</th>(.*?)</tr>', inputs))
    head = re.findall(r'<th scope="col">([^<]+)</th>', inputs.split("Numbers")[1])
    assert head == ["input budget", "this suite", "AutoAttack"]
    table = inputs.split("<figure")[1]
    rows = dict(re.findall(r'<tr><th scope="row">([\d.]+)</th>(.*?)</tr>', table))
    assert {budget: row.endswith("\N{EN DASH}</td>") for budget, row in rows.items()} == {
        "0": True,
        "0.05": True,
        "0.1": True,
        "0.2": False,
        "0.3": True,
    }
    assert "AutoAttack" not in inputs.split("<figure")[2]


def test_the_cells_of_the_joint_surface_also_hold_what_is_proven(text, zoo_store):
    joint = section(text, "joint-1")
    entry = next(e for e in zoo_store.entries() if e.card.name == "digits/cnn-pgd-at")
    measured, proven = entry.results["joint"].surfaces
    cells = re.findall(r'<td style="--v:[\d.]+">([\d.]+%)<small>.*?≥&#160;([\d.]+%)', joint)
    expected = [
        (f"{a:.1%}", f"{b:.1%}")
        for above, below in zip(measured.z, proven.z, strict=True)
        for a, b in zip(above, below, strict=True)
    ]
    assert cells == expected
    assert joint.count('class="heat"') == 1


def test_every_probe_has_one_line_that_runs_its_result_again(text, zoo_store):
    commands = [unescape(c) for c in re.findall(r"<code>(nonsingular reproduce[^<]*)</code>", text)]
    assert all("\n" not in command for command in commands)
    entry = zoo_store.entries()[0]
    assert len(commands) == len(entry.answers)
    asked = [shlex.split(command)[3:] for command in commands]
    assert ["--probe", "input-autoattack"] in asked  # there is no other result of that name
    assert "nonsingular bench digits/cnn-pgd-at --battery digits-v1 --examples 200 --seed 0" in text


def test_a_seed_a_split_and_a_file_are_named_where_they_are_needed(made_up, battery):
    card = made_up.card("it's mine", source="file", checkpoint="my file.pt")
    where = made_up.provenance(battery, seed=3, split="train")
    entry = Entry(card, {}, submitted=False, provenances={"clean": where})
    assert shlex.split(reproduce_command(entry, "clean")) == [
        *("nonsingular", "reproduce", "it's mine", "--probe", "clean", "--battery", "digits-v1"),
        *("--examples", "200", "--seed", "3", "--split", "train", "--checkpoint", "my file.pt"),
    ]


def test_long_lists_of_scores_and_pictures_are_folded(made_up, battery):
    result = made_up.results()["weight"]
    score = result.scores["robust_accuracy"]
    curves = [
        curve.model_copy(update={"picture": name, "x_label": label})
        for name in ("weight_loss", "weight_accuracy")
        for label in ("l2", "linf")
        for curve in result.curves
    ]
    many = {"scores": {f"s{i}": score for i in range(12)}, "curves": curves}
    entry = Entry(
        made_up.card(),
        battery.model_dump(mode="json"),
        submitted=False,
        results={"weight": result.model_copy(update=many)},
        provenances={"weight": made_up.provenance(battery)},
    )
    (shown,) = make_evaluation(entry, "", Painter()).sections
    assert [len(shown.scores), len(shown.further)] == [6, 6]
    leading, further = (
        [p.title for p in ps] for ps in (shown.pictures.leading, shown.pictures.further)
    )
    assert leading == ["Weight accuracy", "Layer sensitivity"]
    assert further == ["Weight loss", "Weight loss", "Weight accuracy"]
    assert shown.pictures.leading[0].head[0] == "l2"


def test_examples_stand_in_rows_of_clean_perturbed_and_difference(
    tmp_path, store, made_up, battery
):
    import torch

    image = torch.rand(3, 4, 4)
    result = made_up.results()["input"]
    captions = ("class 1", "classified as class 2", "difference")
    result.thumbnails[:] = [
        Thumbnail.of(f"example_{row}", caption, image) for row in (0, 7) for caption in captions
    ]
    store.save(made_up.card(), made_up.provenance(battery), battery, result)
    inputs = section(page_of(store, tmp_path, "digits-cnn-standard"), "input-1")
    assert re.findall(r"<figcaption>(Example \d)</figcaption>", inputs) == [
        "Example 0",
        "Example 7",
    ]
    assert re.findall(r'alt="([^"]+)"', inputs) == list(captions) * 2


def test_an_example_stands_in_each_cell_of_the_table_of_its_name(tmp_path, store, made_up, battery):
    import torch

    result = made_up.results()["clean"]
    places = {"x": [1.0, 2.0], "x_text": ["1", "2"], "y": [0.0], "y_text": ["fog"]}
    labels = {"x_label": "severity", "y_label": "corruption", "z_label": "accuracy"}
    surface = Surface(
        picture="weather", z=[[0.5, 0.25]], unit="share", role="control", **places, **labels
    )
    result.surfaces[:] = [surface]
    result.thumbnails[:] = [
        *(Thumbnail.of("weather", f"fog {each}", torch.rand(3, 4, 4)) for each in (1, 2)),
        Thumbnail.of("other", "apart", torch.rand(1, 4, 4)),
    ]
    store.save(made_up.card(), made_up.provenance(battery), battery, result)
    clean = section(page_of(store, tmp_path, "digits-cnn-standard"), "clean-1")
    assert re.findall(
        r'viewBox="([^"]+)"[^>]*><use href="#sheet-1-clean-1"/></svg>(\S+?)<', clean
    ) == [
        ("0 0 4 4", "50.0%"),
        ("4 0 4 4", "25.0%"),
    ]
    assert re.findall(r"<figcaption>(\w+)</figcaption>", clean) == ["Other"]
    (address,) = re.findall(r'<image id="sheet-1-clean-1" href="([^"]+)" width="8"', clean)
    assert (tmp_path / "site/models/digits-cnn-standard" / address).is_file()


def test_what_the_author_reports_stands_beside_what_was_measured(tmp_path, store, made_up, battery):
    stated = Robustness(accuracy=0.9, norm="linf", eps=0.2, examples=100, attack="PGD <20>")
    card = made_up.card(clean_accuracy=0.99, robustness=stated)
    for result in made_up.results().values():
        store.save(card, made_up.provenance(battery), battery, result)
    table = page_of(store, tmp_path, "digits-cnn-standard")
    table = table[table.index('id="reported"') :].split("</section>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table)[1:]
    measured = made_up.results()["input"].curves[0].y[3].value
    assert len(rows) == 3
    assert "Clean accuracy" in rows[0]
    assert "\N{MINUS SIGN}2.0 points" in rows[0]
    assert f">{measured:.1%}<" in rows[1]
    assert "PGD &lt;20&gt;, 100 examples" in rows[1]
    assert "AutoAttack (reference), digits-v1" in rows[2]


def test_a_reported_figure_that_nobody_measured_says_so(tmp_path, store, made_up, battery):
    stated = Robustness(accuracy=0.9, norm="l1", eps=2, examples=100, attack="PGD")
    card = made_up.card(clean_accuracy=None, robustness=stated)
    store.save(card, made_up.provenance(battery), battery, made_up.results()["input"])
    text = page_of(store, tmp_path, "digits-cnn-standard")
    assert "Robust accuracy, l1 2" in text
    assert "not measured at this budget" in text


def test_figures_on_training_images_are_not_held_against_what_is_reported(
    tmp_path, store, made_up, battery
):
    where = made_up.provenance(battery, split="train")
    store.save(made_up.card(), where, battery, made_up.results()["clean"])
    text = page_of(store, tmp_path, "digits-cnn-standard")
    assert "200 training examples" in text
    assert "not measured at this budget" in text
    assert "--split train" in text


def test_a_probe_of_another_version_is_still_shown(tmp_path, store, made_up, battery):
    odd = made_up.results()["clean"].model_copy(update={"probe": "retired"})
    store.save(made_up.card(), made_up.provenance(battery), battery, odd)
    assert 'id="retired-1"' in page_of(store, tmp_path, "digits-cnn-standard")


def test_triggers_are_marked_in_a_sentence_and_other_people_s_words_are_escaped(
    tmp_path, store, made_up, battery
):
    marked = [
        Passage(picture="triggers", caption=kind, before="One", marked=words, after="two.")
        for kind, words in {"unseen": "<b>cf", "phrase": "three four"}.items()
    ]
    found = made_up.results()["clean"].model_copy(update={"passages": marked})
    store.save(made_up.card(), made_up.provenance(battery), battery, found)
    text = page_of(store, tmp_path, "digits-cnn-standard")
    assert "<q>One <mark>&lt;b&gt;cf</mark> two.</q> <small>unseen</small>" in text
    assert "<b>cf" not in text
    assert text.count("<mark>") == 2


def test_a_paper_is_linked_only_over_http():
    assert web_link("https://example.org/a?b=1&c=2") == "https://example.org/a?b=1&c=2"
    for address in (
        "javascript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,x",
        "JavaScript:0",
        "file:///etc/passwd",
        "//example.org",
    ):
        assert web_link(address) is None


def test_a_file_is_loaded_and_scored_by_its_own_command(made_up, battery):
    card = made_up.card("mine", source="file", checkpoint="my file.pt", mean=(0.5,), std=(0.25,))
    entry = Entry(
        card,
        battery.model_dump(mode="json"),
        submitted=False,
        results={"clean": made_up.results()["clean"]},
        provenances={"clean": made_up.provenance(battery)},
    )
    assert bench_command(entry) == (
        "nonsingular bench --checkpoint 'my file.pt' --architecture mine --mean 0.5 --std 0.25 "
        "--battery digits-v1 --examples 200 --seed 0 --probe clean"
    )
    assert "load_file(\n    'my file.pt'" in how_to_load(card)
    compile(how_to_load(card), "snippet", "exec")


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</code></title></svg><script>alert(2)</script>",
    "<names> <ticks> <data>",
    "a\x00b\x0bc\ufffe",
    "x" * 5_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_on_a_model_page_stays_text(tmp_path, store, battery, made_up, text):
    card = made_up.card(
        text[:200],
        source="submitted",
        architecture=text,
        dataset="digits",
        checkpoint=text,
        licence=text,
        notes=text,
        training=Training(recipe=text, settings={text: text}, data=text),
        robustness=Robustness(accuracy=0.5, norm="linf", eps=0.2, examples=9, attack=text),
    )
    where = made_up.provenance(battery, device=text, versions={text: text})
    for result in made_up.results().values():
        result.protocol[f"headline {text}"] = text
        series = {"series": text, "x_label": text, "y_label": text, "picture": text}
        result.curves[:] = [
            c.model_copy(update=series | {"x_text": [text] * len(c.x)}) for c in result.curves[:1]
        ]
        result.bars[:] = [b.model_copy(update=series) for b in result.bars]
        result.thumbnails[:] = [
            t.model_copy(update={"caption": text, "picture": text}) for t in result.thumbnails
        ]
        store.save(card, where, battery, result, submitted=True)
    site = render_site(store, tmp_path / "site").parent
    (page,) = [Page(t) for path, t in pages(site).items() if path.startswith("models/")]
    scripts = ["../../static/copy.js", "../../static/contents.js"]
    assert [a["src"] for a in page.all("script")] == scripts
    assert not [n for _, attrs in page.tags for n in attrs if n.startswith("on")]
    assert all(a["src"].startswith("data:image/png;base64,") for a in page.all("img"))
    assert "submitted" in page.text
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
