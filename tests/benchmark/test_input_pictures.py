"""The input probe shows a few examples that were broken, as small images that change no score."""

from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.attacks.inputs import attacks_by_budget
from benchmark.budgets import Budget
from benchmark.probes.input.pictures import MAX_PIXELS, N_EXAMPLES, shown_examples
from benchmark.subject import subject_of
from models_zoo import load_model

BUDGETS = [Budget(0.05), Budget(0.1), Budget(0.2)]


def thumbnails_of(*arguments):
    return [picture for each in shown_examples(*arguments) for picture in each.pictures]


def pixels(thumbnail):
    values = np.frombuffer(b64decode(thumbnail.pixels), np.uint8)
    return values.reshape(thumbnail.shape).astype(float) / 255


@pytest.fixture(scope="module")
def shown(digits):
    """Examples of a real model with the attacks that broke them."""
    model = load_model("digits/cnn-standard")
    with subject_of(model, digits.images[:40], digits.labels[:40]) as subject:
        attacks = dict(
            zip(BUDGETS, attacks_by_budget(subject, "linf", BUDGETS, "quick"), strict=True)
        )
        return subject, attacks, thumbnails_of(subject, attacks, BUDGETS[1])


def test_the_first_broken_examples_are_shown_with_the_smallest_budget_that_broke_them(shown):
    subject, attacks, thumbnails = shown
    every = subject.correct() & ~attacks[BUDGETS[1]].robust
    broken = every.nonzero().flatten()[:N_EXAMPLES].tolist()
    assert len(broken) == N_EXAMPLES
    assert [t.picture for t in thumbnails] == [f"example_{row}" for row in broken for _ in range(3)]
    for place, row in enumerate(broken):
        clean, perturbed, difference = map(pixels, thumbnails[3 * place : 3 * place + 3])
        eps = min(budget for budget in BUDGETS if not attacks[budget].robust[row])
        assert f"linf {eps:g}" in thumbnails[3 * place + 1].caption
        moved = perturbed - clean
        assert np.abs(clean - subject.images[row].numpy()).max() < 0.003
        assert 0 < np.abs(moved).max() < eps + 0.005
        assert np.abs((difference - 0.5) * 2 * eps - moved).max() < 0.006


def test_the_class_it_is_taken_for_is_another_one(shown):
    subject, attacks, thumbnails = shown
    for clean, perturbed in zip(thumbnails[::3], thumbnails[1::3], strict=True):
        row = int(clean.picture.removeprefix("example_"))
        eps = next(b for b in BUDGETS if not attacks[b].robust[row])
        wrong = int(subject.logits(attacks[eps].images[row][None]).argmax())
        assert clean.caption == f"class {int(subject.labels[row])}"
        assert perturbed.caption == f"classified as class {wrong}, linf {eps:g}"
        assert f"class {int(subject.labels[row])}," not in perturbed.caption


def test_large_images_are_shrunk_and_their_difference_keeps_its_strength():
    class Brightness(nn.Module):
        def forward(self, images):
            mean = images.mean((1, 2, 3))
            return torch.stack([mean - 0.5, 0.5 - mean], 1)

    images = torch.full((2, 3, 224, 160), 0.51)
    with subject_of(Brightness(), images, torch.zeros(2, dtype=torch.int64)) as subject:
        (attack,) = attacks_by_budget(subject, "linf", [0.1], "quick")
        thumbnails = thumbnails_of(subject, {BUDGETS[1]: attack}, BUDGETS[1])
    assert [t.shape for t in thumbnails] == [(3, MAX_PIXELS, 46)] * 6
    moved = (attack.images - images).abs().max() / 0.2
    assert pixels(thumbnails[2]).min() == pytest.approx(0.5 - float(moved), abs=0.005)


def test_a_model_without_broken_examples_shows_nothing(shown):
    subject, attacks, _ = shown
    everyone = torch.ones(len(subject), dtype=torch.bool)
    robust = {BUDGETS[1]: replace(attacks[BUDGETS[1]], images=subject.images, robust=everyone)}
    assert thumbnails_of(subject, robust, BUDGETS[1]) == []
