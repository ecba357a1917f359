"""A probe in a file of its own is scored, stored, shown, compared, exported and documented."""

import csv
import json
import os
import re
import sqlite3
from html import unescape
from pathlib import Path

import pytest

from benchmark.datasets import load_dataset
from benchmark.headline import headline_probes
from benchmark.probes import PROBES, register_probe
from leaderboard.documentation import probe_markdown, scores_markdown
from models_zoo import load_model
from models_zoo.errors import InputError
from models_zoo.prediction import predicted_classes
from tests.extending.brightness import BrightnessProbe
from tests.extending.conftest import EXAMPLES, MODELS


def text_of(path):
    return unescape(path.read_text("utf-8"))


def words_of(path):
    return " ".join(re.sub(r"<[^>]+>", " ", text_of(path)).split())


def data_of(path):
    """What a script hands over to the page."""
    found = re.search(r"\{.*\}", path.read_text("utf-8"), re.DOTALL)
    assert found
    return json.loads(found[0])


def page_of(site, model):
    return site / "models" / model.replace("/", "-") / "index.html"


@pytest.fixture(scope="module")
def right():
    """How many examples the first model has right in the light."""
    data = load_dataset("digits").head(EXAMPLES)
    logits = load_model(MODELS[0])((data.images + 13 / 510).clamp(max=1))
    return int((predicted_classes(logits) == data.labels).sum())


def test_it_is_stored_with_its_threats(published, right):
    query = (
        "SELECT o.n_robust, o.n, o.role, o.label FROM outcomes o JOIN results r ON r.id = "
        "o.result_id JOIN models m ON m.fingerprint = r.fingerprint WHERE m.name = ? "
        "AND r.probe = 'brightness' AND o.norm = 'linf' ORDER BY o.role DESC, o.eps"
    )
    with sqlite3.connect(published.site / "nonsingular.sqlite") as database:
        rows = database.execute(query, (MODELS[0],)).fetchall()
    assert rows[0] == (right, EXAMPLES, "headline", "linf 13/510")
    assert [label for *_, label in rows[1:]] == ["linf 1/255", "linf 13/510", "linf 1/2"]


def test_it_is_on_the_board(published, right):
    page = words_of(published.site / "index.html")
    assert "Brighter" in page
    assert f"{right / EXAMPLES:.1%}" in page
    assert "Brightness linf 13/510" in page  # among the headline budgets
    assert re.search(r"clean, .*brighter\.", page)  # the profile
    board = data_of(published.site / "boards" / "light-v1.js")
    assert "brightness.robust_accuracy" in board["columnKeys"]
    assert "brighter" in board["profile"]


def test_readers_can_choose_its_threats(published):
    page = text_of(published.site / "index.html")
    offered = re.findall(r'name="threat" value="(brightness\.[^"]+)"[^>]*> ([^<]+)<', page)
    assert [label for _, label in offered] == [
        "linf 13/510 (headline)",
        "linf 1/255",
        "linf 1/2",
    ]
    outcomes = data_of(published.site / "boards" / "light-v1-outcomes.js")
    assert {key for key, _ in offered} <= {threat["key"] for threat in outcomes["threats"]}


def test_it_is_on_the_page_of_a_model_with_its_chart(published, right):
    page = page_of(published.site, MODELS[0])
    words, text = words_of(page), text_of(page)
    assert BrightnessProbe.question in words
    assert f"{right / EXAMPLES:.1%}" in words
    assert "shift (input units)" in text
    assert "1/255" in words


def test_it_is_on_the_page_of_the_battery(published):
    words = words_of(published.site / "batteries" / "light-v1.html")
    assert "Added to every pixel, ascending." in words
    assert "Doe 2026, Light" in words
    assert "1/255, 0.0254902, 0.5" in words


def test_it_is_compared(published):
    index = data_of(published.site / "models" / "index.js")
    assert index["probes"]["brightness"]["title"] == "Brightness"
    assert ["brightness.robust_accuracy", "brighter", False] in index["profile"]
    model = data_of(page_of(published.site, MODELS[0]).parent / "compare.js")
    (evaluation,) = model["evaluations"]
    assert evaluation["scores"]["brightness.robust_accuracy"][6] == "brightness.headline"
    assert "linf 1/255" in evaluation["budgets"].values()


def test_it_is_exported(published, right):
    results = json.loads((published.site / "results.json").read_text("utf-8"))
    assert results["probes"]["brightness"]["question"] == BrightnessProbe.question
    rows = {row["model"]: row for row in results["boards"][0]["models"]}
    score = rows[MODELS[0]]["scores"]["brightness.robust_accuracy"]
    assert score["value"] == right / EXAMPLES
    (table,) = (published.site / "boards").glob("*.csv")
    lines = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    values = {line["model"]: float(line["brightness.robust_accuracy"]) for line in lines}
    assert values[MODELS[0]] == right / EXAMPLES
    record = json.loads((page_of(published.site, MODELS[0]).parent / "record.json").read_text())
    assert "brightness" in json.dumps(record)


def test_it_is_documented(published):
    page = probe_markdown("brightness")
    assert page in scores_markdown()
    for part in (
        BrightnessProbe.question,
        "share of n with argmax",
        "[Doe 2026, Light](https://example.org/light)",
        "Added to every pixel, ascending.",
        "brightness.robust_accuracy",
    ):
        assert part in page


def test_the_headline_is_what_it_was():
    assert headline_probes() == ("clean", "input", "weight", "joint")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "input"}, "another probe has this name"),
        ({"name": "Bright Light"}, "lower-case words"),
        ({"name": "../bright"}, "lower-case words"),
        ({"reference_for": "inputs"}, "did you mean 'input'"),
        ({"profile": BrightnessProbe.profile, "scores": {}}, "unknown score"),
    ],
)
def test_a_probe_that_contradicts_itself_is_refused(changes, reason):
    before = dict(PROBES)
    other = type("Other", (BrightnessProbe,), {"name": "other"} | changes)
    with pytest.raises(InputError, match=reason):
        register_probe(other)
    assert before == PROBES


def test_a_package_brings_probes_for_every_process(tmp_path, forks):
    (tmp_path / "light.py").write_text(
        (Path(__file__).with_name("brightness.py")).read_text("utf-8"), "utf-8"
    )
    (tmp_path / "dark.py").write_text("import a_package_that_is_not_there\n")
    metadata = tmp_path / "light-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: light\nVersion: 1\n")

    def run(*probes):
        lines = "".join(f"{name} = {place}\n" for name, place in probes)
        (metadata / "entry_points.txt").write_text(f"[nonsingular.probes]\n{lines}")
        code = "from benchmark.probes import PROBES; print(*PROBES)"
        paths = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
        return forks.run(code=code, environment=os.environ | {"PYTHONPATH": paths})

    assert run(("brightness", "light:BrightnessProbe")).stdout.split()[-1] == "brightness"
    broken = run(("darkness", "dark:DarknessProbe"))
    assert broken.returncode == 1
    assert "probe 'darkness' of the package 'light' cannot be used" in broken.stderr
