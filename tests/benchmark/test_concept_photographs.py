"""Concepts of photographs: their images for training and for testing, and the probe's result."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from benchmark import evaluate, load_battery
from benchmark.concepts import concept_of
from benchmark.concepts.concept import MAX_FACES, TEXTURES
from benchmark.concepts.photographs import SHA256, photograph
from benchmark.probes.concepts import ConceptsProbe, ConceptsSettings
from benchmark.probes.concepts.specs import SCORES
from benchmark.probes.concepts.variants import LOGISTIC, Experiment
from benchmark.subject import Subject
from models_zoo import InputError
from tests.benchmark.hidden_layer import hidden_layer_network
from tests.benchmark.stand_in_photographs import BACKGROUND, FACES, SHADES, install

QUICK = {"images": 8, "directions": 8, "seeds": 2, "averaged": 2, "eps": [0.3]}
SHAPES = [(3, 32, 32), (1, 8, 8), (2, 128, 100)]


@pytest.fixture(scope="module", autouse=True)
def _installed(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        install(tmp_path_factory.mktemp("packages"), patch)
        yield
        assert "skimage" not in sys.modules


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def own_tests(concept, count, shape):
    found = concept.test_images(count, shape)
    assert found is not None
    return found


def origins(images):
    """The pictures and kinds of tiles that pixels are from: of textures, by their gray level."""
    return {int(level) for level in ((images * 255).round().long() - 10).div(25).unique()}


def kinds(names, *, light):
    return {(SHADES[name] - 10) // 25 + light for name in names}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", TEXTURES)
def test_no_pixel_of_a_test_crop_is_in_a_crop_for_training(name, shape):
    concept, others = concept_of(name), set(TEXTURES) - {name}
    images, negatives = (
        concept.images(16, shape, generator()),
        concept.negatives(16, shape, generator()),
    )
    tests = own_tests(concept, 16, shape)
    assert images.shape == negatives.shape == (16, *shape)
    assert tests.images.shape[1:] == shape
    assert torch.equal(images[:, 0], images[:, -1])
    # A crop that crossed tiles would have light and dark pixels.
    assert origins(images) == kinds([name], light=False)
    assert origins(negatives) == kinds(others, light=False)
    assert origins(tests.images[tests.has]) == kinds([name], light=True)
    assert origins(tests.images[~tests.has]) == kinds(others, light=True)
    assert all(len(origins(each)) == 1 for each in (*images, *negatives, *tests.images[::9]))


def test_test_crops_lie_side_by_side_and_both_kinds_count_alike():
    whole = photograph("brick.png")
    tests = own_tests(concept_of("brick"), 60, (1, 64, 64))
    light = whole[whole > 34.5 / 255]
    assert torch.equal(tests.images[tests.has].flatten().sort().values, light.sort().values)
    assert [int(tests.has.sum()), int((~tests.has).sum())] == [32, 64]
    tests = own_tests(concept_of("brick"), 60, (3, 32, 32))
    assert [int(tests.has.sum()), int((~tests.has).sum())] == [128, 128]


def test_negatives_are_half_of_each_other_texture():
    negatives = concept_of("grass").negatives(60, (1, 16, 16), generator())
    assert int((negatives.mean((1, 2, 3)) < 60 / 255).sum()) == 30


def levels(images):
    """The gray level of images that have one, float64 (N,)."""
    flat = images.flatten(1)
    assert float((flat - flat[:, :1]).abs().max()) < 1e-6
    return flat[:, 0].double().numpy()


@pytest.mark.parametrize("shape", SHAPES)
def test_test_faces_are_those_that_no_vector_is_trained_on(shape):
    concept = concept_of("faces")
    images, tests = concept.images(70, shape, generator()), own_tests(concept, 70, shape)
    assert images.shape == (70, *shape)
    assert levels(images) == pytest.approx(FACES[:70], abs=1e-6)
    assert levels(tests.images[tests.has]) == pytest.approx(FACES[70:], abs=1e-6)
    assert levels(tests.images[~tests.has]) == pytest.approx(BACKGROUND, abs=1e-6)
    negatives = concept.negatives(9, shape, generator())
    assert negatives.shape == (9, *shape)
    assert float(negatives.min()) > 159 / 255  # of the photographs without a face


@pytest.fixture(scope="module")
def model():
    return hidden_layer_network()


@pytest.fixture(scope="module")
def subject(model, digits):
    return Subject(model, digits.images[:60], digits.labels[:60])


@pytest.fixture(scope="module", params=["gravel", "faces"])
def result(request, subject):
    return ConceptsProbe(ConceptsSettings(**QUICK, concept=request.param))(subject)


def test_only_the_negatives_depend_on_the_seed(subject):
    for name in ("gravel", "faces"):
        probe = ConceptsProbe(ConceptsSettings(**QUICK, concept=name))
        first, again = (
            Experiment(subject, probe._layer(subject), probe.settings) for _ in range(2)
        )
        assert torch.equal(first.images, again.images)
        assert torch.equal(first.negatives(0), again.negatives(0))
        seeds = torch.cat([first.negatives(seed) for seed in range(3)])
        assert len(seeds.flatten(1).unique(dim=0)) == 48


def test_all_scores_are_there_and_rank_the_concept_s_own_images(result):
    assert {*result.scores, "gs_spread", "gs_recall_spread", "averaged_spread"} == set(SCORES)
    # The pictures differ in brightness alone, which every vector finds.
    assert result.scores["auroc"].value > 0.99
    own = result.protocol
    assert own["concept"] in ("gravel", "faces")
    assert own["test images with the concept"] == {"gravel": 128, "faces": 92}[own["concept"]]
    assert "classes with the concept" not in own
    rows: dict[str, list[str]] = {}
    for image in result.thumbnails:
        rows.setdefault(image.picture, []).append(image.caption)
    assert rows["nearest_test_images"] == ["concept"] * 6
    assert rows["farthest_test_images"] == ["without"] * 6
    assert len(rows["images_of_the_concept"]) == len(rows["negatives"]) == 6
    assert all(caption.startswith("class ") for caption in rows["nearest_images_of_the_data_set"])


def test_tcav_is_over_all_evaluated_images_and_their_classes(result, subject, digits):
    by_class = [bars for bars in result.bars if bars.picture == "sensitivity_by_class"]
    assert [bars.series for bars in by_class] == [LOGISTIC, "negatives, control"]
    counts = torch.bincount(digits.labels[:60]).double()
    for bars, score in zip(by_class, ("tcav", "control_tcav"), strict=True):
        assert bars.names == [str(label) for label in range(10)]
        values = torch.tensor([each.value for each in bars.y], dtype=torch.float64)
        found = float((values * counts).sum() / 60)
        assert found == pytest.approx(result.scores[score].value)
    # Counted anew: behind the layer there is a linear one, whose rows are the gradients.
    settings = ConceptsSettings(**QUICK, concept=result.protocol["concept"])
    probe = ConceptsProbe(settings)
    experiment = Experiment(subject, probe._layer(subject), settings)
    assert probe._layer(subject).name == "2"
    last = subject.model[3].weight.double()[digits.labels[:60]]
    shares = []
    for seed in range(2):
        vector = experiment.vectors(seed)[LOGISTIC].first().weights[0]
        shares.append(float((last @ vector > 0).double().mean()))
    assert np.mean(shares) == pytest.approx(result.scores["tcav"].value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"concept": "faces", "contains": [1]}, "contains has classes, and the concept faces has"),
        ({"concept": "grass", "lacks": [1]}, "lacks has classes, and the concept grass has"),
        ({"contains": []}, "contains is empty; name classes of the data set"),
        ({"lacks": []}, "lacks is empty"),
        ({"concept": "stripes"}, "loops"),
    ],
)
def test_classes_are_named_for_loops_alone(settings, message):
    with pytest.raises(ValueError, match=message):
        ConceptsSettings(**settings)


def test_a_concept_is_part_of_a_battery_s_content_unless_it_is_the_loop():
    assert "concept" not in load_battery("mnist-concepts-v1").model_dump()["probes"]["concepts"]
    content = load_battery("cifar10-concepts-v1").model_dump()["probes"]["concepts"]
    assert content["concept"] == "gravel"
    assert content["contains"] == content["lacks"] == ()
    assert ConceptsSettings(**content) == load_battery("cifar10-concepts-v1").probes["concepts"]


@pytest.mark.parametrize(
    ("changes", "size", "message"),
    [
        ({"concept": "faces", "images": MAX_FACES + 1}, 8, "images is 81, and some of the 100"),
        ({"concept": "grass"}, 129, "crops of at most 128 x 128 pixels, and the images have 129"),
    ],
)
def test_what_does_not_fit_is_left_out_with_a_line(changes, size, message):
    subject = Subject(nn.Flatten(), torch.rand(2, 1, size, size), torch.zeros(2, dtype=torch.int64))
    reason = ConceptsProbe(ConceptsSettings(**QUICK | changes)).applies(subject)
    assert reason is not None
    assert message in reason
    assert "\n" not in reason


class Untouched(nn.Module):
    """A model that may not be called."""

    def forward(self, images):
        raise AssertionError


def test_without_the_package_nothing_is_computed(monkeypatch):
    monkeypatch.setattr("models_zoo.sources.installed.find_spec", lambda name: None)
    images, labels = torch.rand(4, 3, 32, 32), torch.arange(4)
    with pytest.raises(InputError, match=r"scikit-image, which is not .* install --no") as caught:
        evaluate(Untouched(), images, labels, battery="cifar10-concepts-v1")
    assert "\n" not in str(caught.value)


def test_another_picture_under_the_name_is_refused(monkeypatch):
    monkeypatch.setitem(SHA256, "grass.png", "0" * 64)
    with pytest.raises(InputError, match=r"grass.png .* was changed: .* instead of 000000000000"):
        concept_of("gravel").images(2, (1, 8, 8), generator())
