"""The corruptions probe: what it counts, and what it states."""

import numpy as np
import pytest
import torch
from torch import nn

from benchmark import evaluate
from benchmark.batteries import Battery
from benchmark.corruptions import CORRUPTIONS, SEVERITIES, VALIDATION, corrupt
from benchmark.probes.corruptions import CorruptionsProbe
from benchmark.probes.corruptions.scores import Measured, scores_of
from benchmark.probes.corruptions.settings import CorruptionsSettings
from benchmark.results import ProbeResult
from benchmark.statistics import proportion
from models_zoo.errors import InputError
from tests.benchmark.corruption_records import scenes

N = 12


class Bright(nn.Module):
    """Class 1 where the mean of an image is above a level, which some corruptions change."""

    def __init__(self, level):
        super().__init__()
        self.level = level

    def forward(self, images):
        mean = images.mean((1, 2, 3))
        return torch.stack([self.level - mean, mean - self.level], 1) * 10


def examples():
    levels = scenes(N)
    images = torch.from_numpy(levels).float() / 255
    return levels, images, torch.arange(N) % 2


def battery(**settings):
    return Battery.model_validate(
        {
            "name": "corrupted-v1",
            "dataset": "made-up",
            "description": "-",
            "default": ("corruptions",),
            "probes": {"corruptions": {"resamples": 100, **settings}},
        }
    )


def answer(model=None, images=None, labels=None, *, seed=0, batch_size=None, **settings):
    _, own, own_labels = examples()
    report = evaluate(
        *(model or Bright(0.45), own if images is None else images),
        *(own_labels if labels is None else labels, battery(**settings)),
        seed=seed,
        batch_size=batch_size,
    )
    return report.results["corruptions"]


@pytest.fixture(scope="module")
def whole():
    return answer()


def test_each_cell_is_the_accuracy_on_those_corrupted_images(whole):
    levels, images, labels = examples()
    model = Bright(0.45)
    cells = {}
    for name in (*CORRUPTIONS, *VALIDATION):
        for severity in SEVERITIES:
            changed = torch.from_numpy(corrupt(levels, name, severity)).float() / 255
            right = (model(changed).argmax(1) == labels).numpy()
            assert np.array_equal(whole.outcomes[f"{name}@{severity}"], right), (name, severity)
            cells[name, severity] = right
    clean = (model(images).argmax(1) == labels).numpy()
    shares = np.array([[cells[n, s].mean() for s in SEVERITIES] for n in CORRUPTIONS])
    value = {name: score.value for name, score in whole.scores.items()}
    assert value["mean_accuracy"] == pytest.approx(shares.mean())
    assert value["worst_corruption"] == pytest.approx(shares.mean(1).min())
    assert value["worst_cell"] == pytest.approx(shares.min())
    assert value["relative"] == pytest.approx(shares.mean() / clean.mean())
    assert [value[f"severity_{s}"] for s in SEVERITIES] == pytest.approx(list(shares.mean(0)))
    assert [value[name] for name in CORRUPTIONS] == pytest.approx(list(shares.mean(1)))
    everywhere = np.all([cells[n, s] for n in CORRUPTIONS for s in SEVERITIES], axis=0)
    assert value["all_correct"] == everywhere.mean()
    assert np.array_equal(whole.outcomes["all_correct"], everywhere)
    further = [np.mean([cells[n, s].mean() for s in SEVERITIES]) for n in VALIDATION]
    assert [value[name] for name in VALIDATION] == pytest.approx(further)
    assert value["validation_accuracy"] == pytest.approx(np.mean(further))
    assert len(set(shares.ravel())) > 3  # the model is neither always right nor always wrong
    for name, score in whole.scores.items():
        assert score.low <= score.value <= score.high, name
        assert score.low < score.high, name
        assert score.n == N


def test_an_image_is_passed_once_per_corruption_and_severity(whole):
    assert whole.cost.forwards == N * (75 + 20) + N  # and once as it is
    short = answer(validation=False)
    assert short.cost.forwards == N * 75 + N
    further = {*VALIDATION, "validation_accuracy"}
    assert short.scores == {n: each for n, each in whole.scores.items() if n not in further}
    assert further < set(whole.scores)


def test_neither_batches_nor_the_order_change_an_outcome(whole):
    assert answer(batch_size=5) == whole
    _, images, labels = examples()
    order = torch.randperm(N, generator=torch.Generator().manual_seed(1))
    shuffled = answer(images=images[order], labels=labels[order])
    for name, bits in whole.outcomes.items():
        assert np.array_equal(shuffled.outcomes[name], bits[order.numpy()]), name
    assert answer(seed=1).scores != whole.scores


def test_images_below_16_pixels_have_fewer_corruptions_and_odd_ones_none():
    _, images, labels = examples()
    tiny = answer(images=images[:, :1, :8, :8], labels=labels, validation=False)
    assert set(CORRUPTIONS) - set(tiny.scores) == {
        *("defocus_blur", "glass_blur", "zoom_blur", "pixelate")
    }
    for shape in ((2, 32, 32), (3, 7, 32)):
        with pytest.raises(InputError, match=r"sides of at least 8 pixels, these have shape"):
            answer(images=torch.rand(N, *shape))


def test_the_mce_divides_by_a_baseline_that_is_named():
    errors = {name: 0.25 + place / 100 for place, name in enumerate(CORRUPTIONS)}
    found = answer(validation=False, baseline={"name": "weak-net", "errors": errors})
    mine = np.array([1 - found.scores[name].value for name in CORRUPTIONS])
    ratios = mine / np.array(list(errors.values()))
    assert found.scores["mce"].value == pytest.approx(ratios.mean())
    stored = battery(baseline={"name": "weak-net", "errors": errors}).model_dump(mode="json")
    spec = CorruptionsProbe.scores_with(stored["probes"]["corruptions"])["mce"]
    assert spec.label == "mCE (weak-net)"
    assert "mce" not in answer(validation=False).scores
    bad = {
        "baseline: .*errors lack fog": {n: each for n, each in errors.items() if n != "fog"},
        "baseline: .*'fogg'": {"fogg": 0.5},
        "baseline: .*fog = 0 is not a share of images above 0": {**errors, "fog": 0},
    }
    for reason, wrong in bad.items():
        with pytest.raises(ValueError, match=reason):
            battery(baseline={"name": "x", "errors": wrong})


def test_a_model_without_an_answer_is_wrong_everywhere_and_has_no_ratio():
    class Broken(nn.Module):
        def forward(self, images):
            return images.flatten(1)[:, :2] * torch.nan

    found = answer(Broken(), validation=False)
    assert found.scores["mean_accuracy"].value == found.scores["worst_cell"].value == 0
    assert "relative" not in found.scores


def test_pages_get_an_image_for_each_cell_of_which_one_is_stored(whole):
    assert len(whole.thumbnails) == 1
    shown = CorruptionsProbe.thumbnails_of(whole)
    sizes = {surface.picture: len(surface.x) * len(surface.y) for surface in whole.surfaces}
    assert sorted(sizes.values()) == [20, 75]
    for picture, size in sizes.items():
        assert sum(each.picture == picture for each in shown) == size
    assert shown[4].caption == "Gaussian noise, severity 5"
    assert len({each.pixels for each in shown}) == 95
    other = ProbeResult(probe="corruptions", scores={})
    assert CorruptionsProbe.thumbnails_of(other) == []


def test_curves_begin_at_clean_accuracy(whole):
    (chart,) = {curve.picture for curve in whole.curves}
    assert [curve.series for curve in whole.curves] == [
        *("all corruptions", "noise", "blur", "weather", "digital")
    ]
    assert chart == "accuracy_by_severity"
    first = whole.curves[0]
    assert [score.value for score in first.y[1:]] == pytest.approx(
        [whole.scores[f"severity_{s}"].value for s in SEVERITIES]
    )


def measured(right):
    """Examples that are right under the same share of the corruptions at every severity."""
    names = list(CORRUPTIONS)
    cells = np.repeat(right[:, None], 5, axis=1)
    return Measured(names, cells, [], cells[:0], np.ones(right.shape[1], bool))


def test_intervals_are_about_images_not_about_cells():
    rng = np.random.default_rng(0)
    easy = np.repeat(rng.random((1, 400)) < 0.6, 15, axis=0)  # right everywhere or nowhere
    scores = scores_of(measured(easy), None, 500, rng)
    half = 1.96 * np.sqrt(0.24 / 400)
    for name in ("mean_accuracy", "relative", "worst_corruption", "worst_cell"):
        width = scores[name].high - scores[name].low
        assert width == pytest.approx(2 * half, rel=0.15), name


def test_the_ratio_has_an_interval_where_no_corruption_changed_an_outcome():
    same = measured(np.ones((15, 30), bool))
    ratio = scores_of(same, None, 100, np.random.default_rng(0))["relative"]
    assert ratio.value == 1
    assert ratio.low == proportion(np.ones(30, bool)).low < 0.9
    assert ratio.high == 1 / ratio.low


def test_settings_name_a_known_source_of_images():
    with pytest.raises(ValueError, match="cifar10-c"):
        CorruptionsSettings.model_validate({"images": "cifar-10-c"})
