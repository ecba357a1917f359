"""A battery whose headline is in l2 balls, and that the others do not notice."""

from typing import Any

import numpy as np
import pytest

from benchmark import evaluate
from benchmark.batteries import Battery
from benchmark.probes import PROBES
from benchmark.probes.headline_norm import headline_budget
from models_zoo.errors import InputError

L2: dict[str, dict[str, Any]] = {
    "input": {"headline_norm": "l2", "linf": [0.1]},
    "joint": {
        **{"linf": None, "headline_linf": None, "l2": [0.3], "headline_l2": 0.3},
        **{"radii": [0.02], "headline_radius": 0.02, "headline_norm": "l2", "shares": [0.5]},
    },
    "weight": {"radii": [0.02], "headline": 0.02, "steps": 2, "random_draws": 2},
}
ASKED = ["clean", "input", "weight", "joint"]


@pytest.fixture(scope="module")
def reports(zoo, digits, battery):
    data = digits.head(16)
    joint = {"linf": [0.1], "radii": [0.02], "headline_radius": 0.02, "shares": [0.5]}
    plain = battery(weight=L2["weight"], input={"linf": [0.1]}, joint=joint)
    return {
        norm: evaluate(zoo("digits/mlp-standard"), data.images, data.labels, chosen, ASKED)
        for norm, chosen in (("linf", plain), ("l2", battery(**L2)))
    }


def test_the_headline_is_that_of_the_norm_and_all_outcomes_are_the_same(reports):
    linf, l2 = (reports[norm].results["input"] for norm in ("linf", "l2"))
    for name in linf.outcomes.keys() - {"headline"}:
        assert np.array_equal(linf.outcomes[name], l2.outcomes[name])
    assert np.array_equal(linf.outcomes["headline"], linf.outcomes["linf@0.1"])
    assert np.array_equal(l2.outcomes["headline"], l2.outcomes["l2@0.3"])
    assert linf.scores.keys() == {"robust_accuracy", "robust_accuracy_l2"}
    assert l2.scores.keys() == {"robust_accuracy", "robust_accuracy_linf"}
    assert l2.scores["robust_accuracy"] == linf.scores["robust_accuracy_l2"]
    assert l2.scores["robust_accuracy_linf"] == linf.scores["robust_accuracy"]
    assert [curve.series for curve in l2.curves] == ["l2", "linf"]
    assert [name for name in l2.protocol if name.startswith("headline")] == [
        "headline l2 budget",
        "headline linf budget",
    ]


def test_pictures_of_an_l2_headline_name_it_and_reach_from_black_to_white(reports):
    shown = reports["l2"].results["input"].thumbnails
    assert shown
    assert all("l2 0.3" in picture.caption for picture in shown[1::3])
    assert not any("linf" in picture.caption for picture in shown)


def test_the_joint_attack_is_in_balls_of_the_headline_norm(reports):
    results = reports["l2"].results
    joint = results["joint"]
    cells = {name for name in joint.outcomes if "@" in name and " " not in name}
    assert cells == {f"l2@{eps}x{radius}" for eps in ("0", "0.3") for radius in ("0", "0.02")}
    assert np.array_equal(joint.outcomes["headline"], joint.outcomes["l2@0.3x0.02"])
    assert not (joint.outcomes["l2@0.3x0"] & ~results["input"].outcomes["l2@0.3"]).any()
    assert not (joint.outcomes["certified l2@0.3x0.02"] & ~joint.outcomes["headline"]).any()
    assert joint.protocol["input ball"] == "l2"
    assert joint.protocol["headline l2 budget"] == 0.3
    assert "headline linf budget" not in joint.protocol
    assert all(surface.y_label.startswith("l2 budget") for surface in joint.surfaces)
    assert reports["linf"].results["joint"].protocol["input ball"] == "linf"


def test_nonsingular_accuracy_is_of_the_headline_norm(reports):
    for norm, report in reports.items():
        standing = np.logical_and.reduce([report.results[p].outcomes["headline"] for p in ASKED])
        assert report.scores["nonsingular.robust_accuracy"] == standing.mean(), norm


def test_a_headline_norm_of_linf_is_no_part_of_a_battery_s_content(battery):
    plain, said = battery(), battery(input={"headline_norm": "linf"}, joint={"l2": None})
    assert said.sha256 == plain.sha256
    assert "headline_norm" not in plain.model_dump_json()
    assert battery(**L2).sha256 != plain.sha256
    assert Battery.model_validate(battery(**L2).model_dump()) == battery(**L2)


@pytest.mark.parametrize(
    ("probe", "settings", "message"),
    [
        ("input", {"headline_norm": "l1"}, "Input should be 'linf' or 'l2'"),
        ("input", {"headline_norm": "L2"}, "Input should be 'linf' or 'l2'"),
        (
            "joint",
            {"headline_norm": "l2"},
            "joint.headline_linf is not used: the headline norm is l2",
        ),
        ("joint", {"linf": None}, "joint.linf is missing: the headline norm is linf"),
        ("joint", {"headline_linf": None}, "joint.headline_linf is missing"),
        ("joint", {"l2": [0.3]}, "joint.l2 is not used: the headline norm is linf"),
        ("joint", {"headline_l2": 0.3}, "joint.headline_l2 is not used"),
        ("joint", L2["joint"] | {"headline_l2": None}, "joint.headline_l2 is missing"),
        ("joint", L2["joint"] | {"l2": None}, "joint.l2 is missing: the headline norm is l2"),
        (
            "joint",
            L2["joint"] | {"headline_l2": 0.2},
            "headline_l2 = 0.2 is not one of its budgets",
        ),
    ],
)
def test_settings_that_do_not_fit_the_headline_norm_are_refused(battery, probe, settings, message):
    with pytest.raises(ValueError, match=message):
        battery(**{probe: settings})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"headline_norm": "l2"}, "distance.headline_l2 is missing"),
        ({"headline_linf": 0.1, "headline_l2": 0.1}, "distance.headline_l2 is not used"),
        ({}, "distance.headline_linf is missing"),
    ],
)
def test_distances_have_one_headline_budget(settings, message):
    kind: Any = PROBES["distance"].Settings
    with pytest.raises(ValueError, match=message):
        kind(linf=0.5, l2=1.0, **settings)
    chosen = kind(linf=0.5, l2=1.0, headline_norm="l2", headline_l2=0.6)
    assert headline_budget("distance", chosen) == 0.6


def test_joint_budgets_are_rungs_of_the_input_ladder_of_their_norm(battery, subject):
    chosen = battery(**L2 | {"joint": L2["joint"] | {"l2": [0.2], "headline_l2": 0.2}})
    probe = PROBES["joint"](chosen.probes["joint"], chosen.probes)
    with pytest.raises(InputError, match=r"joint\.l2 = 0.2 is not one of its budgets"):
        probe.applies(subject(count=4))
