"""The reference attack and the comparison with it: what is counted, and what is believed."""

import logging
import sys
import time

import pytest
import torch
from torch import nn

import benchmark.comparison
from benchmark.attacks.inputs import InputAttackResult
from benchmark.attacks.reference import ReferenceAttack, proven_broken, run_autoattack
from benchmark.comparison import Comparison, compare_autoattack
from benchmark.results import Cost
from benchmark.spaces import InputBall
from benchmark.subject import subject_of
from models_zoo.errors import InputError
from tests.benchmark.cheap_battery import shorten_autoattack


class Counting(torch.autograd.Function):
    """The identity, which counts the images whose gradients pass through it."""

    backwards = 0

    @staticmethod
    def forward(ctx, images):
        return images.clone()

    @staticmethod
    def backward(ctx, gradients):
        Counting.backwards += len(gradients)
        return gradients


class Linear(nn.Module):
    """A linear model on 1x8x8 images that counts its own passes and may be slow."""

    def __init__(self, classes=5, delay=0.0):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, classes))
        self.delay, self.forwards = delay, 0

    def forward(self, images):
        time.sleep(self.delay)
        self.forwards += len(images)
        return self.layers(Counting.apply(images))


@pytest.fixture
def short_square(monkeypatch):
    shorten_autoattack(monkeypatch)


def examples(model, count=6):
    images = torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return images, model(images).argmax(1)


def labelled(classes=5, count=6):
    model = Linear(classes)
    return model, *examples(model, count)


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.004), ("l2", 0.02), ("l1", 0.1)])
def test_autoattack_s_passes_are_those_the_model_sees(short_square, norm, eps):
    model, images, labels = labelled()
    with subject_of(model, images, labels) as subject:
        subject.logits()
        model.forwards = Counting.backwards = 0
        heard: list[str] = []
        subject.progress = heard.append
        found = run_autoattack(subject, norm, eps)
        after_verification = 2 * len(images)
        assert found.cost.forwards == model.forwards - after_verification
        assert found.cost.backwards == Counting.backwards
    assert 0 < found.cost.backwards < found.cost.forwards
    assert 0 < found.model_seconds < found.cost.seconds
    for part in ("apgd-ce", "apgd-t", "fab-t", "square"):
        assert any(part in text for text in heard)


def test_autoattack_leaves_the_process_as_it_was():
    model, images, labels = labelled(count=2)
    logger = logging.getLogger("auto-attack")
    before = (logger.level, logger.propagate, list(logger.handlers))
    state, trace = torch.random.get_rng_state(), sys.gettrace()
    with subject_of(model, images, labels) as subject:
        run_autoattack(subject, "linf", 1.0)
    assert (logger.level, logger.propagate, list(logger.handlers)) == before
    assert torch.equal(torch.random.get_rng_state(), state)
    assert sys.gettrace() is trace


def test_autoattack_s_warnings_are_kept_once(caplog, capsys):
    torch.manual_seed(0)
    softmax = nn.Sequential(Linear(10), nn.Softmax(1))
    with subject_of(softmax, *examples(softmax, 2)) as subject:
        found = run_autoattack(subject, "linf", 1.0)
    assert sum("probability distribution" in text for text in found.warnings) == 1
    assert caplog.text == ""
    assert capsys.readouterr().err == ""


def test_autoattack_with_nothing_to_move_is_the_clean_result():
    model, images, labels = labelled()
    labels[0] = (labels[0] + 1) % 5
    with subject_of(model, images, labels) as subject:
        found = run_autoattack(subject, "linf", 0)
    assert found.robust.tolist() == [False, *[True] * 5]
    assert (found.cost.forwards, found.cost.backwards) == (0, 0)


@pytest.mark.parametrize("classes", [4, 7])
def test_autoattack_takes_fewer_than_ten_classes(classes):
    model, images, labels = labelled(classes)
    with subject_of(model, images, labels) as subject:
        assert not run_autoattack(subject, "linf", 0.3).robust.any()


def test_autoattack_refuses_what_it_cannot_take():
    model, images, labels = labelled(3)
    with pytest.raises(InputError, match="at least 4 classes, the model has 3"):
        compare_autoattack(model, images, labels, eps=0.1)
    model, images, labels = labelled()
    with subject_of(model, images, labels) as subject:
        with pytest.raises(InputError, match="did you mean 'linf'"):
            run_autoattack(subject, "linff", 0.1)
        with pytest.raises(InputError, match="eps must be"):
            run_autoattack(subject, "linf", -0.1)
    small = nn.Sequential(nn.Flatten(), nn.Linear(16, 5))
    with (
        subject_of(small, torch.rand(2, 1, 4, 4), torch.tensor([0, 1])) as subject,
        pytest.raises(InputError, match="at least 5 pixels high, got 4"),
    ):
        run_autoattack(subject, "l2", 0.1)


def test_autoattack_refuses_a_model_without_gradients():
    class Detached(Linear):
        def forward(self, images):
            return super().forward(images).detach()

    model = Detached()
    with pytest.raises(InputError, match="AutoAttack needs gradients"):
        compare_autoattack(model, *examples(model), eps=0.1)


def test_only_a_misclassified_image_inside_its_ball_is_a_proof():
    model = Linear()
    images, labels = examples(model, 4)
    weight = next(model.parameters()).detach()
    with subject_of(model, images, labels) as subject:
        gradients = torch.stack(
            [
                weight[int(subject.logits()[row].topk(2).indices[1])] - weight[int(labels[row])]
                for row in range(4)
            ]
        ).view(-1, 1, 8, 8)
        found = (images + 0.3 * gradients.sign()).clamp(0, 1)
        assert (model(found).argmax(1) != labels).all()
        assert proven_broken(subject, InputBall(images, "linf", 0.3), found).all()
        # A hair outside is put back, far outside is no proof, and an unchanged image is none.
        hair = InputBall(images, "linf", 0.3 - 1e-5)
        assert proven_broken(subject, hair, found).all()
        assert not proven_broken(subject, InputBall(images, "linf", 1e-4), found).any()
        assert not proven_broken(subject, hair, images).any()
        assert not proven_broken(subject, hair, torch.full_like(images, torch.nan)).any()


def test_a_comparison_agrees_with_its_parts(short_square, zoo, digits):
    model, some = zoo("digits/mlp-standard"), digits.head(20)
    found = compare_autoattack(model, some.images, some.labels, eps=0.12, seed=3)
    with subject_of(model, some.images, some.labels, seed=3) as subject:
        alone = run_autoattack(subject, "linf", 0.12)
        correct = int(subject.correct().sum())
    reference = found.autoattack
    assert (reference.forwards, reference.backwards) == (alone.cost.forwards, alone.cost.backwards)
    assert reference.n_robust == int(alone.robust.sum()) == reference.claimed
    assert found.clean_accuracy == correct / 20
    assert 0 < reference.n_robust < correct
    assert list(found.efforts) == ["quick", "standard"]
    for ours in found.efforts.values():
        missed, extra = len(ours.only_autoattack), len(ours.only_ours)
        assert ours.n_robust - reference.n_robust == missed - extra
        assert ours.robust_accuracy == ours.n_robust / 20
        assert ours.speedup == reference.seconds / ours.seconds
        passes = ours.forwards + ours.backwards
        assert ours.fewer_passes == (reference.forwards + reference.backwards) / passes
        assert ours.passes_per_robust_example == passes / ours.n_robust
        assert ours.model_share is not None
        assert 0 < ours.model_share < 1
    assert found.efforts["standard"].only_autoattack == ()
    assert Comparison.model_validate_json(found.model_dump_json()) == found


def weak(robust):
    """Attacks that return the clean images and call ``robust`` what they please."""

    def ours(subject, norm, eps, effort):
        outcome = torch.full((len(subject),), robust)
        return InputAttackResult(subject.images, outcome, [], torch.zeros_like(outcome))

    def theirs(subject, norm, eps):
        outcome = subject.correct()
        return ReferenceAttack(subject.images, outcome, outcome, Cost(seconds=1), 0.0)

    return ours, theirs


@pytest.mark.parametrize("robust", [True, False])
def test_what_only_autoattack_broke_is_named_whatever_ours_claims(monkeypatch, robust):
    model, images, labels = labelled()
    labels[2] = (labels[2] + 1) % 5  # misclassified already, so that no attack broke it
    monkeypatch.setattr(benchmark.comparison, "attack_subject", weak(robust)[0])
    found = compare_autoattack(model, images, labels, eps=0.5, efforts=["quick"]).efforts["quick"]
    assert found.only_autoattack == (0, 1, 3, 4, 5)
    assert found.only_ours == ()
    assert found.n_robust == 5


def test_what_only_ours_broke_is_named(monkeypatch):
    model, images, labels = labelled()
    monkeypatch.setattr(benchmark.comparison, "run_autoattack", weak(True)[1])
    found = compare_autoattack(model, images, labels, eps=0.5, efforts=["standard"])
    assert found.efforts["standard"].only_ours == (0, 1, 2, 3, 4, 5)
    assert found.efforts["standard"].passes_per_robust_example is None
    assert found.autoattack.n_robust == 6


def test_the_share_of_a_slow_model_is_nearly_all(monkeypatch):
    model, images, labels = labelled()
    monkeypatch.setattr(benchmark.comparison, "run_autoattack", weak(True)[1])
    model.delay = 0.02
    found = compare_autoattack(model, images, labels, eps=1e-4, efforts=["quick"])
    share = found.efforts["quick"].model_share
    assert share is not None
    assert 0.85 < share <= 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"eps": 0.0}, "eps above 0"),
        ({"eps": 0.1, "efforts": ["standart"]}, "did you mean 'standard'"),
        ({"eps": 0.1, "norm": "l3"}, "unknown norm 'l3'"),
    ],
)
def test_what_cannot_be_compared_is_said(options, reason):
    with pytest.raises(InputError, match=reason):
        compare_autoattack(*labelled(), **options)
