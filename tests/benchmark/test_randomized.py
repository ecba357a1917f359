"""Models that draw random numbers: how they draw, the attack on them, and the probe's scores."""

import math
import random

import numpy as np
import pytest
import torch
from scipy.stats import beta, binom
from torch import nn

from benchmark import attack_randomized, evaluate, load_battery
from benchmark.attacks.attack import RunOptions
from benchmark.attacks.randomized import RandomizedAttack
from benchmark.attacks.randomized.attack import least_rate
from benchmark.batteries import Battery
from benchmark.budgets import Budget
from benchmark.checks.repetition import random_outputs
from benchmark.counterexamples.lowering import lowered_by_perturbation
from benchmark.counterexamples.verification import Verified
from benchmark.datasets import load_dataset
from benchmark.randomness import Draws, randomness_of
from benchmark.statistics import expected_share, expected_survival, survival
from benchmark.subject import Subject
from benchmark.threats import InputThreat
from models_zoo import InputError, load_model
from perf.randomized import Coin, autoattack_rand, coin_examples

NORMAL = torch.distributions.Normal(0, 1)
EPS = 0.05
SHAPE = (1, 4, 4)


class Noisy(nn.Module):
    """Two classes by the sign of a linear function of an image with Gaussian noise."""

    def __init__(self, images, deviation, draw):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.weight = nn.Parameter(torch.randn(images[0].numel(), generator=generator))
        self.offset = float((images.flatten(1) @ self.weight.detach()).mean())
        self.deviation, self.draw = deviation, draw

    def margins(self, images):
        return images.flatten(1) @ self.weight - self.offset

    def forward(self, images):
        value = self.margins(images + self.deviation * self.draw(images))
        return torch.stack([value, -value], 1) / 2


def own_generator():
    generator = torch.Generator().manual_seed(0)
    return lambda images: torch.randn(images.shape, generator=generator)


DRAWS = {
    "per image": torch.randn_like,
    "per pass": lambda images: torch.randn_like(images[:1]),
    "numpy": lambda images: torch.from_numpy(np.random.standard_normal(images.shape)).float(),  # noqa: NPY002
    "python": lambda images: torch.full_like(images, random.gauss(0, 1)),
    "own": own_generator(),
    "none": torch.zeros_like,
}


def images_of(count):
    generator = torch.Generator().manual_seed(count)
    return torch.rand(count, *SHAPE, generator=generator) * 0.6 + 0.2


def case(draw="per image", count=24, deviation=0.3):
    images = images_of(count)
    model = Noisy(images, deviation, DRAWS[draw])
    return model, images, (model.margins(images) < 0).long()


def place_of_numpy():
    """Place of NumPy's global generator in its stream."""
    return np.random.get_state(legacy=False)["state"]["pos"]  # noqa: NPY002


@pytest.mark.parametrize(
    ("draw", "kind"),
    [
        ("per image", (True, True, False)),
        ("per pass", (True, True, True)),
        ("numpy", (True, True, False)),
        ("python", (True, True, True)),
        ("own", (True, False, False)),
        ("none", (False, True, False)),
    ],
)
def test_how_a_model_draws_is_found_out(draw, kind):
    before = torch.get_rng_state(), place_of_numpy(), random.getstate()
    found = randomness_of(Subject(*case(draw)))
    assert (found.random, found.controlled, found.shared) == kind
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (place_of_numpy(), random.getstate()) == before[1:]


def switched(images):
    """Noise on every image and, in half of all passes, on all of them."""
    return 0.1 * torch.randn_like(images) + 3 * (torch.rand(()) < 0.5)


def test_what_is_drawn_for_a_pass_is_found_besides_noise_on_every_image():
    images = torch.zeros(60, *SHAPE)
    model = Noisy(images, 1.0, switched)
    subject = Subject(model, images, (model(images + 3).argmax(1) == 0).long())
    assert "in part once per forward pass" in randomness_of(subject).text
    right = Draws.of(subject).score(images, torch.arange(60), 100, "score").right
    # Were copies in a batch taken for draws, an example would survive if a batch of them did.
    assert float(survival(right.numpy(), 10).mean()) < 0.02


class Masked(nn.Module):
    """A model with one more class, which cannot be predicted."""

    def __init__(self, model, logit):
        super().__init__()
        self.model, self.logit = model, logit

    def forward(self, images):
        return nn.functional.pad(self.model(images), (0, 1), value=self.logit)


@pytest.mark.parametrize("logit", [-1e9, -1e5])
def test_a_masked_class_does_not_hide_what_is_random(logit):
    model, images, labels = case()
    own = randomness_of(Subject(model, images, labels))
    assert randomness_of(Subject(Masked(model, logit), images, labels)) == own
    assert random_outputs(Subject(Masked(model, logit), images, labels)).raised


def within(score, truth):
    return score.low <= truth <= score.high


@pytest.mark.parametrize("draw", ["per image", "per pass", "own"])
def test_the_closed_form_of_a_linear_model_with_noise(draw):
    model, images, labels = case(draw)
    attack = RandomizedAttack(InputThreat("linf", Budget.of(EPS)), "quick")
    found = attack(model, images, labels, RunOptions())
    size, most = model.margins(images).abs().detach(), EPS * model.weight.detach().abs().sum()
    deviation = model.deviation * model.weight.detach().norm()
    shared = found.randomness.shared
    for right, margins in ((found.right_clean, size), (found.right, size - most)):
        truth = NORMAL.cdf(margins / deviation).double()
        # The images are given, so the scatter is that of the draws alone.
        scatter = (truth * (1 - truth)).sum().sqrt() / len(truth) / math.sqrt(len(right))
        if shared:  # all images fall or stand together, at worst
            scatter = (truth * (1 - truth)).sqrt().mean() / math.sqrt(len(right))
        assert abs(float(right.double().mean() - truth.mean())) < 3 * float(scatter)
        assert within(expected_share(right.numpy(), shared=shared), float(truth.mean()))
    moved = model.margins(images) - model.margins(found.images)
    reached = (moved * model.margins(images).sign()).detach() / most
    assert float(reached.min()) > 0.99


def test_a_model_that_answers_at_random_has_its_noise_floor_and_autoattack_rand_does_not_say_so():
    share = 0.3
    model, (images, labels) = Coin(share), coin_examples(40, 5)
    attack = RandomizedAttack(InputThreat("linf", Budget.of(0.1)), "quick")
    found = attack(model, images, labels, RunOptions())
    accuracy = 35 / 40
    assert found.expected_clean == pytest.approx(accuracy * (1 - share) + share / 10, abs=0.02)
    assert torch.equal(found.right, found.right_clean)  # nothing an attack can do
    assert torch.equal(found.robust, found.robust_clean)
    # No example was left out because it failed now and then.
    assert all(bool(each.attacked[5:].all()) for each in found.searches)

    subject = Subject(model, images, labels)
    adversarial, predicted = autoattack_rand(subject, 0.1, steps=10, draws=2)
    reported = float((predicted == labels).double().mean())
    honest = Draws.of(subject).score(adversarial, torch.arange(40), 100, "score")
    assert reported < found.expected_clean - 0.1
    assert float(honest.right.double().mean()) == pytest.approx(found.expected_clean, abs=0.03)


def test_the_function_attacks_as_the_object_does_and_is_the_clean_result_at_budget_0():
    model, images, labels = case("own")
    found = attack_randomized(model, images, labels, eps=0, draws=5)
    assert torch.equal(found.images, images)
    assert torch.equal(found.right, found.right_clean)  # though no draw can be repeated
    assert not found.randomness.controlled

    model, images, labels = case()
    found = attack_randomized(model, images, labels, eps=EPS, effort="quick", draws=7, seed=3)
    attack = RandomizedAttack(InputThreat("linf", Budget.of(EPS)), "quick", 7)
    again = attack(model, images, labels, RunOptions(seed=3))
    assert torch.equal(found.images, again.images)
    assert torch.equal(found.right, again.right)
    assert found.right.shape == (7, len(images))
    clean, robust = f"{found.expected_clean:.1%}", f"{found.expected_robust:.1%}"
    assert (
        repr(found) == f"RandomizedResult('linf 0.05', expected accuracy {robust}, clean {clean})"
    )
    with pytest.raises(InputError, match="effort"):
        attack_randomized(model, images, labels, eps=EPS, effort="thorough")


def test_what_is_random_in_few_answers_is_found_in_all_images():
    images, labels = coin_examples(200, 0)
    images = (images - 1e-4 * torch.arange(200.0).view(-1, 1, 1, 1)).abs()  # equal ones draw alike
    subject = Subject(Coin(0.005), images, labels)
    assert not randomness_of(subject).random
    draws = Draws.of(subject)
    assert draws.randomness.random
    right = draws.score(images, torch.arange(200), 100, "score").right
    survived = expected_survival(right.numpy(), 100, shared=draws.randomness.shared)
    assert within(survived, (1 - 0.9 * 0.005) ** 100)


def randomized(draws=20, effort="quick", eps=0.2):
    return Battery.model_validate(
        {
            "name": "r-v1",
            "dataset": "digits",
            "description": "-",
            "default": ["randomized"],
            "probes": {"randomized": {"eps": eps, "effort": effort, "draws": draws}},
        }
    )


def test_a_deterministic_model_has_the_numbers_of_the_input_probe_at_one_draw():
    data = load_dataset("digits").head(40)
    model = load_model("digits/mlp-pgd-at")
    theirs = load_battery("digits-v1").model_dump()["probes"]["input"] | {"effort": "quick"}
    both = randomized().model_dump()
    both["probes"]["input"] = theirs
    report = evaluate(model, data.images, data.labels, Battery.model_validate(both), ["input"])
    other = evaluate(model, data.images, data.labels, randomized())
    result = other.results["randomized"]
    assert report.scores["input.robust_accuracy"] == other.scores["randomized.expected_robust"]
    assert np.array_equal(report.per_example["input"], result.outcomes["headline"])
    for score in ("expected_clean", "vote_clean"):
        assert result.scores[score].value == result.scores["survives_100_clean"].value
    assert result.protocol["random numbers"] == "none"
    assert result.protocol["draws for scores"] == 1


class Jittered(nn.Module):
    """A digits model with noise on its input."""

    def __init__(self, deviation=0.15):
        super().__init__()
        self.model, self.deviation = load_model("digits/mlp-pgd-at"), deviation

    def forward(self, images):
        return self.model(images + self.deviation * torch.randn_like(images))


@pytest.fixture(scope="module")
def jittered():
    data = load_dataset("digits").head(24)
    return [
        evaluate(Jittered(), data.images, data.labels, randomized(), seed=seed).results[
            "randomized"
        ]
        for seed in (0, 0, 1)
    ]


def test_the_same_seed_gives_the_same_result_and_another_one_another(jittered):
    first, again, other = jittered
    assert first == again
    assert first.values != other.values


def test_every_score_is_beside_its_noise_floor(jittered):
    scores = jittered[0].scores
    for attacked, floor in (
        ("expected_robust", "expected_clean"),
        ("vote_robust", "vote_clean"),
        ("survives_10", "survives_10_clean"),
    ):
        assert scores[attacked].value < scores[floor].value
        assert scores[attacked].low < scores[attacked].value < scores[attacked].high
    assert scores["survives_10"].value < scores["expected_robust"].value
    assert "survives_100" not in scores  # 20 draws do not tell
    rates = jittered[0].values["failures"]
    assert 1 - sum(rates) / len(rates) == pytest.approx(scores["expected_robust"].value)
    survives = [curve for curve in jittered[0].curves if curve.picture == "survives"]
    assert [curve.x for curve in survives] == [[1, 2, 5, 10, 20]] * 2
    assert survives[0].y[0].value == pytest.approx(scores["expected_robust"].value)
    for bars in jittered[0].bars:
        assert sum(score.value for score in bars.y) == pytest.approx(1)


def test_without_a_budget_the_result_is_the_noise_floor():
    data = load_dataset("digits").head(12)
    scores = evaluate(Jittered(), data.images, data.labels, randomized(eps=0)).scores
    assert scores["randomized.expected_robust"] == scores["randomized.expected_clean"] < 1


def test_the_draws_that_score_an_image_depend_on_neither_batch_nor_order():
    model, images, labels = case()
    whole = Draws.of(Subject(model, images, labels, batch_size=256))
    rows = torch.arange(len(images))
    scored = whole.score(images, rows, 60, "score")
    small = Draws.of(Subject(model, images, labels, batch_size=20))
    assert torch.equal(small.score(images, rows, 60, "score").right, scored.right)
    some = rows.flip(0)[:5]
    apart = whole.score(images[some], some, 60, "score")
    assert torch.equal(apart.right, scored.right[:, some])
    alone = Subject(model, images[some], labels[some])
    assert torch.equal(
        Draws.of(alone).score(images[some], rows[:5], 60, "score").right, apart.right
    )
    assert not torch.equal(whole.score(images, rows, 60, "select").right, scored.right)


def test_the_number_of_draws_for_a_gradient_is_chosen_and_reported():
    data = load_dataset("digits").head(32)
    attack = RandomizedAttack(InputThreat("linf", Budget.of(0.1)), "quick", draws=2)
    found = attack(Jittered(0.3), data.images, data.labels, RunOptions())
    assert found.pilot.draws == 5
    assert list(found.pilot.cosines) == [1, 5]
    assert 0 < found.pilot.cosines[1] < found.pilot.cosines[5] <= 1


class Rounded(nn.Module):
    """A random model through which no gradient flows, with or without a substitute."""

    def __init__(self):
        super().__init__()
        self.inner = Jittered(0.02)

    def forward(self, images):
        return self.inner((images * 32).round() / 32)


class WithSurrogate(Rounded):
    def surrogate(self, images):
        return self.inner(images)


class Wrong(Rounded):
    def surrogate(self, images):
        return images.flatten(1)


def test_a_surrogate_is_followed_and_said():
    data = load_dataset("digits").head(16)
    attack = RandomizedAttack(InputThreat("linf", Budget.of(0.2)), "quick", draws=20)
    without, given = (
        attack(model, data.images, data.labels, RunOptions())
        for model in (Rounded(), WithSurrogate())
    )
    assert (without.surrogate, given.surrogate) == (False, True)
    assert given.expected_robust < without.expected_robust - 0.1
    raised = [[flag.name for flag in each.pilot.flags if flag.raised] for each in (without, given)]
    assert raised == [["zero_gradients"], []]
    with pytest.raises(InputError, match=r"surrogate.*cannot be used: it returns"):
        attack(Wrong(), data.images, data.labels, RunOptions())


class Careless(Jittered):
    def forward(self, images):
        logits = super().forward(images)
        return logits if torch.is_grad_enabled() else 2 * logits


def test_a_model_that_differs_without_gradients_is_flagged():
    data = load_dataset("digits").head(4)
    attack = RandomizedAttack(InputThreat("linf", Budget.of(0.1)), "quick", draws=2)
    found = attack(Careless(), data.images, data.labels, RunOptions())
    assert [flag.name for flag in found.pilot.flags if flag.raised] == ["differs_without_gradients"]


def test_point_scores_of_a_random_model_are_refused_with_the_battery_to_use():
    data = load_dataset("digits").head(8)
    with pytest.raises(InputError, match=r"model is random.*use battery 'digits-randomized-v1'"):
        evaluate(Jittered(), data.images, data.labels, "digits-v1")
    with pytest.raises(InputError, match="model is random"):
        evaluate(Jittered(), data.images, data.labels, "digits-v1", ["clean"])
    report = evaluate(Jittered(), data.images, data.labels, "digits-v1", ["checks"])
    (flag,) = (each for each in report.results["checks"].flags if each.name == "random_outputs")
    assert flag.saw.endswith("are drawn separately for every image from the global generators.")


def test_survival_is_the_share_of_sets_of_draws_that_are_all_right():
    right = np.array([[True, True], [True, False], [True, True], [True, False]])
    assert survival(right, 1).tolist() == [1.0, 0.5]
    assert survival(right, 2).tolist() == [1.0, pytest.approx(1 / 6)]
    assert survival(right, 3).tolist() == [1.0, 0.0]
    with pytest.raises(ValueError, match="5 queries"):
        survival(right, 5)


def test_the_estimate_of_survival_is_unbiased():
    generator = np.random.default_rng(0)
    right = generator.random((20, 20000)) < 0.9
    assert survival(right, 10).mean() == pytest.approx(0.9**10, abs=0.005)
    assert (right.mean(0) ** 10).mean() > 0.9**10 + 0.02  # the power of a rate is not


@pytest.mark.parametrize("shared", [False, True])
def test_the_interval_of_an_expectation_covers_it(shared):
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(60):
        rates = generator.beta(2, 1, 60)  # of fresh examples, whose mean is 2/3
        numbers = generator.random((30, 1 if shared else 60))
        score = expected_share(np.broadcast_to(numbers, (30, 60)) < rates, shared=shared)
        covered += within(score, 2 / 3)
    assert covered >= 53


def test_intervals_cover_where_all_examples_fail_together():
    failing, covered = 0.02, np.zeros(3)
    truths = 1 - failing, (1 - failing) ** 10, (1 - failing) ** 100
    for failed in range(8):  # of 100 draws; more are rarer than once in a thousand times
        right = np.broadcast_to(np.arange(100)[:, None] >= failed, (100, 20))
        accuracy = expected_share(right, shared=True)
        survived = [expected_survival(right, each, shared=True) for each in (10, 100)]
        inside = [within(*each) for each in zip((accuracy, *survived), truths, strict=True)]
        covered += binom.pmf(failed, 100, failing) * np.array(inside)
    assert (covered > 0.93).all()


def test_the_bound_of_a_rate_is_that_of_clopper_and_pearson():
    failures = torch.tensor([0.0, 0.5, 0.99, 1.0])
    wanted = [0.0, *(beta.ppf(0.01, k, 100 - k + 1) for k in (50, 99, 100))]
    assert least_rate(failures, 100).tolist() == pytest.approx(wanted)
    assert least_rate(failures, 100)[3] > 0.95 > least_rate(failures, 100)[2]


def test_one_misclassification_of_a_random_model_lowers_no_result(jittered):
    result = jittered[0]
    broken = result.outcomes["headline"].copy()
    assert broken.any()
    found = Verified(InputThreat("linf", Budget.of(0.1)), ~broken, broken)
    assert lowered_by_perturbation({"randomized": result}, found) == {}
