"""Flatness at equal confidence does not depend on the scale of the logits."""

import copy
import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from benchmark.measures.relative_flatness import LastLayer
from benchmark.measures.temperature import calibrated_temperature, confidence, matching_temperature
from benchmark.probes.flatness import FlatnessProbe, FlatnessSettings
from benchmark.probes.matched_flatness import MatchedFlatnessProbe, MatchedFlatnessSettings
from benchmark.subject import Subject
from models_zoo.errors import InputError

SAME = ("average_robust", "average_clean", "relative_flatness")

FLATNESS: dict[str, Any] = {
    "input_steps": 5,
    "draws": 3,
    "restarts": 1,
    "epochs": 1,
    "average_radii": [],
    "worst_radii": [],
    "measure_examples": 25,
    "lanczos_steps": 1,
    "trace_draws": 2,
}


def matched(level, confidences=()):
    settings = MatchedFlatnessSettings(confidence=level, confidences=confidences)
    return MatchedFlatnessProbe(settings, {"flatness": FlatnessSettings(eps=0.1, **FLATNESS)})


def values(result):
    return {name: score.value for name, score in result.scores.items()}


@pytest.mark.parametrize("level", [0.6, 0.9, 0.999])
def test_the_temperature_of_equal_margins_is_known(level):
    logits = torch.tensor([[3.0, 0.0], [0.0, 3.0], [1.0, 4.0]])
    found = matching_temperature(logits, level)
    assert found is not None
    assert found == pytest.approx(3.0 / math.log(level / (1 - level)), rel=1e-9)
    assert matching_temperature(7 * logits, level) == pytest.approx(7 * found, rel=1e-9)


def test_the_mean_confidence_at_the_temperature_is_the_one_asked_for():
    logits = 5 * torch.randn(50, 10, generator=torch.Generator().manual_seed(0))
    for level in (0.2, 0.5, 0.9, 0.99):
        found = matching_temperature(logits, level)
        assert found is not None
        assert confidence(logits, found) == pytest.approx(level, abs=1e-9)


@pytest.mark.parametrize("constant", [-1e9, -1e5])
def test_a_masked_class_changes_no_temperature(constant):
    logits = 5 * torch.randn(50, 9, generator=torch.Generator().manual_seed(0))
    labels = logits.argmax(1).roll(1)
    masked = torch.cat([logits[:, :4], logits.new_full((50, 1), constant), logits[:, 4:]], 1)
    assert matching_temperature(masked, 0.8) == matching_temperature(logits, 0.8)
    moved = labels + (labels >= 4)
    assert calibrated_temperature(masked, moved) == calibrated_temperature(logits, labels)


@pytest.mark.parametrize(
    ("logits", "level"),
    [
        (torch.zeros(4, 3), 0.9),
        (torch.tensor([[1.0, 1.0, 0.0]]), 0.9),  # two classes share the largest logit
        (torch.tensor([[1.0, 2.0, 0.0]]), 0.3),  # below 1 / K
        (torch.tensor([[1.0, math.nan, 0.0]]), 0.9),
        (torch.tensor([[1.0, math.inf, 0.0]]), 0.9),
    ],
)
def test_where_no_temperature_gives_the_confidence_there_is_none(logits, level):
    assert matching_temperature(logits, level) is None


def test_at_its_own_confidence_a_model_has_its_own_flatness(subject):
    asked = subject("digits/mlp-pgd-at", 40)
    own = values(FlatnessProbe(FlatnessSettings(eps=0.1, **FLATNESS))(asked))
    level = confidence(asked.logits())
    result = matched(level, (0.5,))(asked)
    found = values(result)
    assert found["temperature"] == pytest.approx(1, abs=1e-9)
    assert found["confidence"] == pytest.approx(level)
    for name in SAME:
        assert found[name] == pytest.approx(own[name], rel=1e-3), name
    (curve,) = result.curves
    assert curve.x == [0.5, level]
    assert curve.y[1].value == found["average_clean"]
    assert curve.y[0].value != pytest.approx(curve.y[1].value, rel=0.01)


def test_the_scale_of_the_logits_changes_flatness_but_not_at_equal_confidence(zoo, digits):
    data, model = digits.head(25), zoo("digits/mlp-standard")
    scaled = copy.deepcopy(model)
    last = [module for module in scaled.modules() if isinstance(module, nn.Linear)][-1]
    with torch.no_grad():
        last.weight.mul_(4)
        last.bias.mul_(4)
    found, raw = [], []
    for each in (model, scaled):
        asked = Subject(each, data.images, data.labels)
        found.append(values(matched(0.8)(asked)))
        raw.append(values(FlatnessProbe(FlatnessSettings(eps=0.1, **FLATNESS))(asked)))
    own, larger = found
    assert larger["temperature"] == pytest.approx(4 * own["temperature"], rel=1e-5)
    assert larger["confidence"] > own["confidence"]
    for name in SAME:
        assert larger[name] == pytest.approx(own[name], rel=2e-3), name
        assert raw[1][name] != pytest.approx(raw[0][name], rel=0.1), name


def test_a_layer_at_a_temperature_is_the_layer_with_divided_weights():
    generator = torch.Generator().manual_seed(0)
    weight, features = (
        torch.randn(*shape, generator=generator).double() for shape in ((3, 5), (20, 5))
    )

    def layer(weight):
        return LastLayer(weight, features, features @ weight.T)

    for measure in (LastLayer.trace, LastLayer.largest):
        found = measure(layer(weight).at_temperature(2.5))
        assert found == pytest.approx(measure(layer(weight / 2.5)), rel=1e-9)
        assert found != pytest.approx(measure(layer(weight)), rel=0.01)
        # The probabilities of such logits are exactly 0 and 1.
        assert measure(layer(1e4 * weight).at_temperature(2.5e4)) == pytest.approx(found, rel=1e-9)


def test_a_model_of_constant_logits_has_a_confidence_alone():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 4)).requires_grad_(False)
    for weight in model.parameters():
        weight.zero_()
    result = matched(0.9)(Subject(model, torch.rand(6, 1, 8, 8), torch.zeros(6, dtype=torch.long)))
    assert values(result) == {"confidence": 0.25}
    assert result.protocol["temperature"] == "none: no temperature gives a mean confidence of 0.9"


def test_what_cannot_be_asked_is_refused_in_one_line(subject):
    with pytest.raises(InputError, match="needs a battery with a flatness probe"):
        MatchedFlatnessProbe(MatchedFlatnessSettings())(subject(count=4))
    with pytest.raises(ValidationError, match="must ascend"):
        MatchedFlatnessSettings(confidences=(0.9, 0.5))
