"""What a site shows depends on no label: all that probes print may turn to gibberish."""

import codecs
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from pydantic import BaseModel

from benchmark import evaluate
from benchmark.batteries import Battery
from benchmark.datasets import load_dataset
from benchmark.probes import PROBES
from benchmark.results import ProbeResult
from benchmark.threats import JointThreat, Threat
from leaderboard.board.card_columns import CARD_COLUMNS
from leaderboard.pages import render_site
from leaderboard.store import Store
from models_zoo import load_model
from tests.benchmark.cheap_battery import TABLES
from tests.extending.conftest import MODELS
from tests.extending.test_new_probe import data_of

EXAMPLES = 24
PRINTED = ("series", "x_label", "y_label", "picture", "title", "saw", "advice", "names")
"""Fields of curves, surfaces, bars, thumbnails and flags that are only shown."""


def gibberish(text: str) -> str:
    """Other letters in the place of those of a text; digits and signs stay."""
    return codecs.encode(text, "rot13")


def garbled(value: Any) -> Any:
    """A result, or a part of one, whose printed names are gibberish."""
    if isinstance(value, list):
        return [garbled(each) for each in value]
    if not isinstance(value, BaseModel):
        return value
    changes: dict[str, Any] = {}
    for name in type(value).model_fields:
        part = getattr(value, name)
        if name in PRINTED and isinstance(part, str):
            changes[name] = gibberish(part)
        elif name in PRINTED and isinstance(part, list):
            changes[name] = [gibberish(each) for each in part]
        else:
            changes[name] = garbled(part)
    return value.model_copy(update=changes)


def renamed(name: str) -> str:
    """An outcome's name as gibberish; ``headline`` is no label."""
    return name if name == "headline" else gibberish(name)


def garbled_result(result: ProbeResult) -> ProbeResult:
    changed: ProbeResult = garbled(result).model_copy(
        update={
            "outcomes": {renamed(name): each for name, each in result.outcomes.items()},
            "outcome_kinds": {renamed(name): each for name, each in result.outcome_kinds.items()},
            "share_of": {score: renamed(name) for score, name in result.share_of.items()},
            "protocol": {
                gibberish(key): gibberish(each) if isinstance(each, str) else each
                for key, each in result.protocol.items()
            },
        }
    )
    return changed


def garble_probes(patch: pytest.MonkeyPatch) -> None:
    """Give every probe and every threat other texts."""
    for probe in PROBES.values():
        patch.setattr(probe, "title", gibberish(probe.title))
        patch.setattr(probe, "question", gibberish(probe.question))
        pictures = tuple(map(gibberish, probe.leading_pictures))
        patch.setattr(probe, "leading_pictures", pictures)
        patch.setattr(
            probe,
            "scores",
            {
                name: spec.model_copy(
                    update={
                        "label": gibberish(spec.label),
                        "description": gibberish(spec.description),
                    }
                )
                for name, spec in probe.scores.items()
            },
        )
        if probe.profile is not None:
            share = replace(probe.profile, label=gibberish(probe.profile.label))
            patch.setattr(probe, "profile", share)
    for kind in subclasses(Threat):
        if kind is not JointThreat and isinstance(label := vars(kind).get("label"), property):
            patch.setattr(kind, "label", property(garbling(label)))
    whole = vars(JointThreat)["label"].fget
    # Made of the labels of its parts, which are gibberish already.
    patch.setattr(
        JointThreat,
        "label",
        property(lambda self: whole(self).replace(" and ", gibberish(" and "))),
    )


def garbling(label: property) -> Callable[[Threat], str]:
    """The getter of a threat's label as gibberish."""
    original = label.fget
    assert original is not None
    return lambda threat: gibberish(original(threat))


def subclasses(kind: type) -> list[type]:
    """All of them, the indirect ones too."""
    direct: list[type] = kind.__subclasses__()
    return [*direct, *(each for own in direct for each in subclasses(own))]


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    """The same results as they are and garbled."""
    battery = Battery.model_validate(
        {
            "name": "every-v1",
            "dataset": "digits",
            "description": "Every probe.",
            "default": list(TABLES),
            "probes": TABLES,
        }
    )
    data = load_dataset("digits").head(EXAMPLES)
    models = [load_model(name) for name in MODELS]
    reports = [evaluate(model, data.images, data.labels, battery) for model in models]
    folder, found = tmp_path_factory.mktemp("gibberish"), {}
    for kind in ("usual", "garbled"):
        with pytest.MonkeyPatch.context() as patch:
            if kind == "garbled":
                garble_probes(patch)
            store = Store.open(folder / f"{kind}.sqlite")
            for model, report in zip(models, reports, strict=True):
                for result in report.results.values():
                    shown = garbled_result(result) if kind == "garbled" else result
                    store.save(model.card, report.provenance, battery, shown)
            found[kind] = folder / kind
            render_site(store, found[kind])
    return found


def of_both(sites, path):
    return [data_of(sites[kind] / path) for kind in ("usual", "garbled")]


def test_the_texts_are_gibberish(sites):
    usual, other = ((sites[kind] / "index.html").read_text("utf-8") for kind in sites)
    for text in ("Input attack", "linf 0.1", "Weight (random)", "backdoor resisted"):
        if text in usual:
            assert text not in other
    assert "Input attack" in usual
    assert gibberish("Input attack") in other


def test_the_board_is_the_same(sites):
    usual, other = of_both(sites, "boards/every-v1.js")
    assert usual.pop("profile") == [gibberish(label) for label in other.pop("profile")]
    costliest, garbled_costliest = (each["facts"].pop() for each in (usual, other))
    assert usual == other
    assert len(usual["facts"]) == len(CARD_COLUMNS)
    assert costliest["values"] == garbled_costliest["values"]
    assert list(map(gibberish, costliest["names"])) == garbled_costliest["names"]


def test_the_threats_are_the_same(sites):
    usual, other = of_both(sites, "boards/every-v1-outcomes.js")
    assert len(usual["threats"]) >= 8
    for one, two in zip(usual["threats"], other["threats"], strict=True):
        probe, _, name = one["key"].partition(".")
        assert two == one | {"key": f"{probe}.{renamed(name)}"}


def test_the_comparison_is_the_same(sites):
    for model in MODELS:
        path = f"models/{model.replace('/', '-')}/compare.js"
        (usual,), (other,) = (each["evaluations"] for each in of_both(sites, path))
        for key, score in usual["scores"].items():
            assert other["scores"][key][:6] == score[:6]
            assert (other["scores"][key][6] is None) == (score[6] is None)
        assert list(usual["outcomes"].values()) == list(other["outcomes"].values())
        labels = [gibberish(label) for label in other["budgets"].values()]
        assert list(usual["budgets"].values()) == labels
        assert len(labels) > 3


def test_the_exports_are_the_same(sites):
    usual, other = (json.loads((sites[kind] / "results.json").read_text()) for kind in sites)
    for board in (*usual["boards"], *other["boards"]):
        assert board.pop("headline").startswith("right on the clean image, under")
    assert usual["boards"] == other["boards"]
    tables = [next((sites[kind] / "boards").glob("*.csv")).read_text() for kind in sites]
    assert tables[0] == tables[1]


def test_queries_of_the_published_database_find_the_same(sites):
    query = (
        "SELECT r.probe, o.role, o.kind, o.threat_key, o.norm, o.eps, o.geometry, o.radius, "
        "o.rule, o.n, o.n_robust FROM outcomes o JOIN results r ON r.id = o.result_id "
        "ORDER BY 1, 2, 3, 4, 11"
    )
    found = []
    for kind in sites:
        with sqlite3.connect(sites[kind] / "nonsingular.sqlite") as database:
            found.append(database.execute(query).fetchall())
    assert found[0] == found[1]
    assert len(found[0]) > 30


def test_every_page_has_the_same_numbers_units_and_charts(sites):
    pages = sorted(page.relative_to(sites["usual"]) for page in sites["usual"].rglob("*.html"))
    assert len(pages) >= 2 + len(MODELS)
    for page in pages:
        usual, other = ((sites[kind] / page).read_text("utf-8") for kind in sites)
        assert numbers(usual) == numbers(other), page
        for part in ("<svg", "<img", "<table", "<tr", 'class="headline"', "<section", " checked"):
            assert usual.count(part) == other.count(part), (page, part)


def numbers(page: str) -> Counter[str]:
    """The numbers that a page shows, percent signs with them."""
    text = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    return Counter(re.findall(r"\d+(?:[.,]\d+)*%?", unescape(text)))
