"""The probe of sparse backdoors: what it finds in planted networks, and what belongs together."""

import math

import pytest
import torch
from torch import nn

from benchmark.probes.backdoor_sparse import SparseBackdoorProbe, SparseBackdoorSettings
from benchmark.probes.backdoor_sparse.specs import smallest_name
from benchmark.subject import Subject
from benchmark.threats import STORAGES
from tests.benchmark.planted_backdoors import data, planted

QUICK = {
    "triggers": ({"kind": "patch", "size": 1},),
    "counts": (1, 2),
    "trigger_steps": 10,
    "starts": 2,
    "shortlist": 8,
    "deep_steps": 1,
}
TWO = {"storages": ("float32-bits", "int8-bits"), "optimized": ("pixels",)}


def ask(subject, **changes):
    return SparseBackdoorProbe(SparseBackdoorSettings.model_validate(QUICK | changes))(subject)


@pytest.fixture(scope="module")
def whole():
    """The result of all storages and families on a planted network."""
    return ask(planted())


def test_one_change_is_enough_in_every_storage_of_a_planted_network(whole):
    for storage in STORAGES:
        assert whole.scores[smallest_name(storage, "fixed")].value == 1
        assert whole.scores[smallest_name(storage, "pixels")].value == 1
    for prefix in ("", "int8_"):
        for family in ("fixed", "pixels"):
            assert whole.scores[f"{prefix}success_{family}"].value == 1
            assert whole.scores[f"{prefix}trigger_alone_{family}"].value == 0
            assert whole.scores[f"{prefix}clean_drop_{family}"].value == 0
            gain = whole.scores[f"{prefix}gain_{family}"]
            assert gain.value == 1
            assert 0 < gain.low < 1


def test_noise_below_a_pixels_weight_finds_no_backdoor_of_one_bounded_change(whole):
    # 8/255 of the decisive unit, 0.31 times the largest weight 1, is less than the margin of 0.6.
    assert whole.scores[smallest_name("weights", "noise")].value == math.inf


def test_no_change_is_what_the_trigger_does_alone(whole):
    for curve in whole.curves:
        assert curve.x == [0, 1, 2]
    by_picture: dict[str, dict[str, list[float]]] = {}
    for curve in whole.curves:
        values = [score.value for score in curve.y]
        by_picture.setdefault(curve.picture, {})[curve.series] = values
    assert len(by_picture) == 12
    for series in by_picture.values():
        assert set(series) == {"success", "trigger alone", "clean accuracy"}
        assert series["success"][0] == series["trigger alone"][0]


def test_scores_bars_outcomes_and_pictures_belong_together(whole):
    names = whole.bars[0].names
    place = names.index("float32-bits, pixels")
    found = {bars.series: bars.y[place] for bars in whole.bars}
    assert found["success"] == whole.scores["success_pixels"]
    assert found["trigger alone"] == whole.scores["trigger_alone_pixels"]
    assert found["clean accuracy"] == whole.scores["clean_accuracy_pixels"]
    assert list(whole.scores) == list(SparseBackdoorProbe.scores)
    assert len(whole.thumbnails) == 1 + len(names)
    for score, outcome in whole.share_of.items():
        assert whole.outcomes[outcome].mean() == whole.scores[score].value
    triggered = whole.outcomes["triggered_float32_bits_fixed"]
    _, labels = data()
    assert triggered.tolist() == (labels == 0).tolist()
    threat = whole.outcome_kinds["triggered_float32_bits_fixed"].threat
    assert threat == whole.headline_threats[0]
    labels_of = [threat.label for threat in whole.headline_threats]
    assert len(set(labels_of)) == 3


def test_a_network_with_a_backdoor_needs_no_change_and_gains_nothing():
    result = ask(planted(second=1.0), **TWO)
    for storage in TWO["storages"]:
        for family in ("fixed", "pixels"):
            assert result.scores[smallest_name(storage, family)].value == 0
    for prefix in ("", "int8_"):
        gain = result.scores[f"{prefix}gain_fixed"]
        assert gain.value == 0
        assert gain.low < 0 < gain.high
        assert result.scores[f"{prefix}trigger_alone_fixed"].value == 1


def test_seed_and_batches():
    one, same, other = (
        ask(planted(), **TWO),
        ask(Subject(planted().model, *data(), batch_size=7), **TWO),
        ask(Subject(planted().model, *data(), seed=1), **TWO),
    )
    assert one.scores == same.scores
    assert one.outcomes.keys() == same.outcomes.keys()
    held_out = "held_out_robust_int8_bits_fixed"
    assert len(other.outcomes[held_out]) == len(one.outcomes[held_out])


def test_scores_of_one_change_need_one_change():
    result = ask(planted(), counts=(2, 4), **TWO)
    assert set(result.scores) == {
        smallest_name(storage, family)
        for storage in TWO["storages"]
        for family in ("fixed", "pixels")
    }
    assert result.scores["smallest_int8_bits_fixed"].value == 2


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"counts": (2, 1)}, "backdoor-sparse.counts must ascend from 1"),
        ({"counts": (0, 1)}, "backdoor-sparse.counts must ascend from 1"),
        ({"triggers": (), "optimized": ()}, "needs fixed triggers or kinds of optimized ones"),
        ({"noise": 0.6}, "backdoor-sparse.noise must be above 0 and at most 1/2, got 0.6"),
        ({"noise": 0}, "backdoor-sparse.noise must be above 0"),
        ({"area": 0.06}, "less than or equal to 0.05"),
        ({"storages": ("int8-bits", "int8-bits")}, "backdoor-sparse.storages has an entry twice"),
        ({"storages": ("int4-bits",)}, "int8-bits"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings, reason):
    with pytest.raises(ValueError, match=reason):
        SparseBackdoorSettings.model_validate(settings)


def test_it_does_not_apply_to_weights_in_float64_and_to_few_examples():
    probe = SparseBackdoorProbe(SparseBackdoorSettings())
    images, labels = data()
    model = nn.Sequential(nn.Flatten(), nn.Linear(25, 4)).double().requires_grad_(False)
    reason = probe.applies(Subject(model, images.double(), labels))
    assert reason is not None
    assert "float64" in reason
    reason = probe.applies(planted(count=3))
    assert reason == "a backdoor needs at least 4 examples, got 3"
    wide = SparseBackdoorProbe(SparseBackdoorSettings(targets=(7,)))
    assert wide.applies(planted()) == "backdoor target 7 is not one of 4 classes"
    assert probe.applies(planted()) is None


def test_the_generators_of_the_caller_are_not_used():
    asked, probe = (
        planted(),
        SparseBackdoorProbe(SparseBackdoorSettings.model_validate(QUICK | TWO)),
    )
    torch.manual_seed(5)
    before = torch.rand(1)
    torch.manual_seed(5)
    probe.ask(asked)
    assert torch.equal(torch.rand(1), before)
