"""Models that hide their gradients are broken as if they did not."""

import pytest
import torch
from torch import nn

from benchmark.attacks.inputs import attack_subject
from benchmark.attacks.inputs.gradient_masking import MAX_ERROR, relative_errors
from benchmark.attacks.inputs.state import AttackState
from benchmark.spaces import InputBall
from benchmark.subject import Subject

N = 24
BUDGETS = {"digits/mlp-standard": 0.1, "digits/mlp-pgd-at": 0.2, "digits/cnn-pgd-at": 0.22}
"""Linf radii at which a fifth to two thirds of the first digits are robust."""

SEED = 1
"""The error of a gradient is measured along random directions: at seed 0, of five tried, one
example behind a staircase is not found to be masked and stands."""


class Behind(nn.Module):
    """A model behind a layer, its logits scaled."""

    def __init__(self, model, layer=None, scale=1.0):
        super().__init__()
        self.model, self.layer, self.scale = model, layer or nn.Identity(), scale

    def forward(self, images):
        return self.scale * self.model(self.layer(images))


class Staircase(nn.Module):
    """Quantises to ``levels`` steps by sigmoids of a steepness, or hard where that is infinite."""

    def __init__(self, levels, steepness):
        super().__init__()
        self.levels, self.steepness = levels, steepness

    def forward(self, images):
        if self.steepness == float("inf"):
            return (images * self.levels).round() / self.levels
        edges = (torch.arange(self.levels) + 0.5).view(-1, 1, 1, 1, 1) / self.levels
        return (self.steepness * (images - edges)).sigmoid().sum(0) / self.levels


class StraightThrough(Staircase):
    """The same forward pass, with the identity's gradient (BPDA, Athalye et al. 2018)."""

    def forward(self, images):
        return images + (super().forward(images) - images).detach()


@pytest.fixture
def subject_behind(zoo, digits):
    data = digits.head(N)

    def make(name, *layer):
        model = Behind(zoo(name).eval(), *layer).eval().requires_grad_(False)
        return Subject(model, data.images, data.labels, seed=SEED)

    return make


STAIRS = [
    ("digits/mlp-standard", 7, 200.0),
    ("digits/mlp-standard", 7, 1000.0),
    ("digits/mlp-pgd-at", 3, 200.0),
    ("digits/mlp-standard", 7, float("inf")),
]


@pytest.mark.parametrize(("name", "levels", "steepness"), STAIRS[2:])
def test_a_staircase_hides_nothing(subject_behind, name, levels, steepness):
    masked = subject_behind(name, Staircase(levels, steepness))
    known = subject_behind(name, StraightThrough(levels, steepness))
    images = attack_subject(known, "linf", BUDGETS[name]).images
    adaptive = masked.correct() & (masked.logits(images).argmax(1) == masked.labels)
    found = attack_subject(masked, "linf", BUDGETS[name])
    assert found.masked[found.robust].float().mean() > 0.5
    assert int(found.robust.sum()) <= int(adaptive.sum())
    assert int(adaptive.sum()) < int(masked.correct().sum())


@pytest.mark.parametrize(
    ("name", "norm", "scale"),
    [
        ("digits/mlp-standard", "linf", 1e-4),
        ("digits/mlp-pgd-at", "l2", 1e4),
    ],
)
def test_scaled_logits_hide_nothing(subject_behind, name, norm, scale):
    eps = BUDGETS[name] if norm == "linf" else 0.5
    adaptive = attack_subject(subject_behind(name), norm, eps).robust
    found = attack_subject(subject_behind(name, None, scale), norm, eps)
    assert int(found.robust.sum()) <= int(adaptive.sum())
    assert int(adaptive.sum()) < 0.8 * N


def errors(subject, eps):
    """Relative errors of the gradient at the examples that are classified correctly."""
    state = AttackState.of(subject, InputBall(subject.images, "linf", eps))
    state = state.take(state.robust.nonzero().squeeze(1))
    return relative_errors(state)


@pytest.mark.parametrize(
    ("name", "levels", "steepness"), [*STAIRS, ("digits/cnn-pgd-at", 3, 200.0)]
)
def test_gradients_of_staircases_are_found_to_be_masked(subject_behind, name, levels, steepness):
    error = errors(subject_behind(name, Staircase(levels, steepness)), BUDGETS[name])
    assert (error > MAX_ERROR).float().mean() > 0.8
    assert float(error.max()) <= 2


def test_flat_functions_count_as_masked_and_undefined_values_do_not(subject_behind):
    class Nowhere(nn.Module):
        def forward(self, images):
            return images * torch.nan

    flat = errors(subject_behind("digits/mlp-standard", Staircase(1, 0.0)), 0.1)
    assert (flat == 1).all()
    assert not (errors(subject_behind("digits/mlp-standard", Nowhere()), 0.1) > MAX_ERROR).any()


@pytest.mark.parametrize(
    ("name", "norm", "eps"),
    [
        ("digits/mlp-standard", "linf", 0.05),
        ("digits/cnn-pgd-at", "linf", 0.2),
        ("digits/mlp-pgd-at", "l2", 0.5),
        ("digits/cnn-standard", "l2", 0.5),
    ],
)
def test_gradients_of_ordinary_models_do_not_count_as_masked(subject_behind, name, norm, eps):
    found = attack_subject(subject_behind(name), norm, eps)
    assert found.robust.sum() > 0.4 * N, "otherwise few could count"
    assert found.masked[found.robust].sum() <= 0.1 * N
