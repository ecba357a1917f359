"""The input attack: strength, soundness, and AutoAttack beside it."""

import numpy as np
import pytest
import torch

from benchmark import attack_inputs, evaluate
from benchmark.attacks.inputs import attack_ladder, attack_subject
from models_zoo import load_file


def assert_sound(model, images, labels, norm, eps, found):
    """Everything is inside, everything reported as fallen falls, all else is the clean image."""
    assert found.images.shape == images.shape
    assert float(found.images.min()) >= -1e-6
    assert float(found.images.max()) <= 1 + 1e-6
    moved = (found.images.double() - images.double()).flatten(1)
    order = {"linf": float("inf"), "l2": 2}[norm]
    assert float(torch.linalg.vector_norm(moved, ord=order, dim=1).max()) <= eps + 1e-6
    with torch.no_grad():
        predicted = model(found.images).argmax(1)
    assert (predicted[~found.robust] != labels[~found.robust]).all()
    assert torch.equal(found.images[found.robust], images[found.robust])
    assert (predicted[found.robust] == labels[found.robust]).all()


def test_at_most_53_6_percent_of_resnet2b_stand_at_2_of_255(shared_data):
    model = load_file(
        shared_data / "checkpoints" / "cifar10-resnet2b-adv.safetensors",
        architecture="cifar-resnet2b",
        dataset="cifar10",
        classes=10,
        input_shape=(3, 32, 32),
        mean=[0.4914, 0.4822, 0.4465],
        std=[0.2471, 0.2435, 0.2616],
    )
    with np.load(shared_data / "cifar10" / "test_846.npz", allow_pickle=False) as archive:
        images = torch.from_numpy(archive["x"]).float().div(255)
        labels = torch.from_numpy(archive["y"])
    assert len(images) == 846
    found = attack_inputs(model, images, labels, norm="linf", eps=2 / 255, effort="standard")
    assert_sound(model, images, labels, "linf", 2 / 255, found)
    assert float(found.robust.double().mean()) <= 0.536


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.12), ("l2", 0.4)])
def test_the_standard_effort_leaves_no_more_standing_than_autoattack(
    zoo, digits, battery, norm, eps
):
    model, data = zoo("digits/mlp-pgd-at"), digits.head(40)
    tables = battery().model_dump()["probes"] | {"input-autoattack": {"norm": norm, "eps": eps}}
    chosen = type(battery()).model_validate(battery().model_dump() | {"probes": tables})
    report = evaluate(model, data.images, data.labels, chosen, ["clean", "input-autoattack"])
    reference = report.per_example["input-autoattack"]
    found = attack_inputs(model, data.images, data.labels, norm=norm, eps=eps, effort="standard")
    assert_sound(model, data.images, data.labels, norm, eps, found)
    assert int(found.robust.sum()) <= int(reference.sum())
    assert 0 < int(reference.sum()) < int(report.per_example["clean"].sum())
    assert report.results["input-autoattack"].cost.backwards > 0


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("model", ["digits/mlp-standard", "digits/cnn-pgd-at"])
def test_reports_of_fallen_examples_are_proofs(zoo, digits, model, norm):
    data, eps = digits.head(30), {"linf": 0.1, "l2": 0.4}[norm]
    found = attack_inputs(zoo(model), data.images, data.labels, norm=norm, eps=eps, effort="quick")
    assert_sound(zoo(model), data.images, data.labels, norm, eps, found)


def test_images_on_the_ends_of_the_box_are_attacked_inside_it(zoo, digits):
    data = digits.head(20)
    images = data.images.round()  # every pixel 0 or 1
    found = attack_inputs(zoo("digits/mlp-standard"), images, data.labels, eps=0.3)
    assert_sound(zoo("digits/mlp-standard"), images, data.labels, "linf", 0.3, found)
    assert not found.robust.all()


def test_a_ladder_falls_and_smaller_budgets_falls_count_in_larger_ones(subject):
    asked = subject(count=40)
    ladder = attack_ladder(asked, "linf", [0.02, 0.05, 0.1, 0.15], "quick")
    before = asked.correct()
    for outcome in ladder:
        assert not (outcome & ~before).any()
        before = outcome
    assert ladder[0].sum() > ladder[-1].sum()


def test_more_effort_never_leaves_more_standing(subject):
    asked = subject("digits/mlp-pgd-at", 40)
    standing = [
        int(attack_subject(asked, "linf", 0.2, effort).robust.sum())
        for effort in ("quick", "standard")
    ]
    assert standing[1] <= standing[0]


def test_examples_that_are_not_standing_are_left_alone(subject):
    asked = subject(count=30)
    standing = torch.arange(30) % 2 == 0
    found = attack_subject(asked, "linf", 0.2, "quick", standing=standing)
    assert torch.equal(found.robust[~standing], asked.correct()[~standing])
    assert torch.equal(found.images[~standing], asked.images[~standing])
    assert not found.robust[standing].all()


def test_a_model_with_two_classes_can_be_attacked():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2))
    images = torch.rand(20, 1, 4, 4)
    labels = model(images).argmax(1)
    found = attack_inputs(model, images, labels, eps=0.3)
    assert_sound(model, images, labels, "linf", 0.3, found)
    assert not found.robust.all()
