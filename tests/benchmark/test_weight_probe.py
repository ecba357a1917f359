"""What the weight probe shows of an attack: scores, curves, bars and what it states."""

import pytest

from benchmark import evaluate

N = 30
ALSO = {"relative-linf": {"radii": [0.01, 0.03]}, "network-l2": {"radii": [0.02]}}


@pytest.fixture(scope="module")
def result(zoo, digits, battery):
    data = digits.head(N)
    chosen = battery(weight={"also": ALSO, "layer_examples": 20, "layer_steps": 3})
    report = evaluate(zoo("digits/cnn-pgd-at"), data.images, data.labels, chosen, ["weight"])
    return report.results["weight"]


def curve(result, picture, geometry, series="worst found"):
    (found,) = [
        each
        for each in result.curves
        if (each.picture, each.x_label, each.series) == (picture, f"{geometry} radius", series)
    ]
    return found


def test_scores_are_points_of_the_curves_at_the_headline(result):
    for score, picture, series in (
        ("robust_accuracy", "weight_accuracy", "worst found"),
        ("random_accuracy", "weight_accuracy", "random directions (mean)"),
        ("worst_loss", "weight_loss", "worst found"),
        ("random_loss", "weight_loss", "random directions (mean)"),
    ):
        found = curve(result, picture, "relative-l2", series)
        assert found.x == [0.0, 0.02, 0.05]
        assert result.scores[score] == found.y[2]
    assert (result.outcomes["headline"] == result.outcomes["0.05"]).all()


@pytest.mark.parametrize("geometry", ["relative-l2", *ALSO])
def test_curves_begin_clean_and_the_worst_found_is_worse_than_random(result, geometry):
    for picture, sign in (("weight_accuracy", 1), ("weight_loss", -1)):
        worst = [sign * score.value for score in curve(result, picture, geometry).y]
        random = curve(result, picture, geometry, "random directions (mean)").y
        assert worst == sorted(worst, reverse=True)
        assert worst[0] == sign * random[0].value
        assert worst[-1] < sign * random[-1].value
        assert random[0].n == N
        assert random[-1].n == 3


def test_further_balls_have_outcomes_and_are_stated(result):
    assert {"relative-linf@0.01", "relative-linf@0.03", "network-l2@0.02"} <= set(result.outcomes)
    assert result.protocol["relative-linf radii"] == [0.01, 0.03]
    assert result.protocol["network-l2 radii"] == [0.02]
    assert result.protocol["tensors"] == "no-normalization"
    assert result.protocol["perturbed tensors"] == 8
    assert result.protocol["shared by"] == N


def test_each_layer_has_a_bar_and_the_lowest_is_the_weakest(result):
    (bars,) = result.bars
    assert bars.picture == "layer_sensitivity"
    assert bars.names == ["conv1", "conv2", "linear1", "linear2"]
    assert {score.n for score in bars.y} == {20}
    weakest = result.scores["weakest_layer_accuracy"]
    assert weakest.value == min(score.value for score in bars.y)
    assert weakest.value < 1


def test_a_further_ball_of_the_main_geometry_or_of_none_is_refused(battery):
    with pytest.raises(ValueError, match=r"weight\.also\.relative-l2 is the geometry of"):
        battery(weight={"also": {"relative-l2": {"radii": [0.1]}}})
    with pytest.raises(ValueError, match=r"also\.relative-l1"):
        battery(weight={"also": {"relative-l1": {"radii": [0.1]}}})
    with pytest.raises(ValueError, match=r"must ascend"):
        battery(weight={"also": {"relative-linf": {"radii": [0.2, 0.1]}}})
