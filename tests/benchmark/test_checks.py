"""Flags: raised on models with a flaw, and on no other."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmark import checks, evaluate
from benchmark.checks.outcomes import MIN_EXAMPLES
from benchmark.datasets import load_dataset, load_npz
from benchmark.probes.checks import ChecksProbe, ChecksSettings
from benchmark.subject import Subject, subject_of
from models_zoo import load_file, load_model

EPS = 0.2
IMAGENET = (0.485, 0.456, 0.406)
CIFAR_MODELS = [
    ("cnn-a-adv", "cifar-cnn-a", IMAGENET, (0.225, 0.225, 0.225)),
    ("resnet2b-adv", "cifar-resnet2b", (0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)),
    ("resnet20-standard", "cifar-resnet20", IMAGENET, (0.229, 0.224, 0.225)),
    ("resnet56-standard", "cifar-resnet56", IMAGENET, (0.229, 0.224, 0.225)),
]


class Around(nn.Module):
    """A model with something before and something after it."""

    def __init__(self, model, before=None, after=None):
        super().__init__()
        self.model, self.before, self.after = model, before, after

    def forward(self, images):
        logits = self.model(self.before(images) if self.before else images)
        return self.after(logits) if self.after else logits


class WinnersTakeAll(nn.Module):
    """Keeps the largest fifth of the activations (Xiao, Zhong & Zheng 2020)."""

    def forward(self, hidden):
        kept = hidden.topk(hidden.shape[1] // 5, dim=1).values[:, -1:]
        return hidden * (hidden >= kept)


def rounded(levels):
    return lambda images: (images * levels).round() / levels


def straight_through(levels):
    return lambda images: images + (rounded(levels)(images) - images).detach()


def staircase(levels, steepness):
    """A sum of steep sigmoids: differentiable rounding."""
    steps = (torch.arange(levels) + 0.5).view(-1, 1, 1, 1, 1)
    return lambda images: (steepness * (images * levels - steps)).sigmoid().sum(0) / levels


def ripples(images):
    """Steep at the digits' own 16 levels, and flat on average: steps of a level lead nowhere."""
    return images + 0.15 * (2 * torch.pi * 16 * images).sin()


def undefined_in_the_dark(images):
    return torch.where(images.amax((1, 2, 3), keepdim=True) < 0.5, torch.nan, images)


FLAWS = {
    "softmax": (
        lambda model: Around(model, after=lambda z: z.softmax(1)),
        {"not_logits"},
    ),
    "log-softmax": (lambda model: Around(model, after=lambda z: z.log_softmax(1)), {"not_logits"}),
    "logits times 10,000": (
        lambda model: Around(model, after=lambda z: 1e4 * z),
        {"saturated_loss"},
    ),
    "noise": (
        lambda model: Around(model, lambda x: x + 0.05 * torch.randn_like(x)),
        {"random_outputs", "inexact_gradients"},
    ),
    "dropout in eval mode": (
        lambda model: Around(model, lambda x: F.dropout(x, 0.1, training=True)),
        {"random_outputs", "inexact_gradients"},
    ),
    "batch statistics": (
        lambda model: Around(model, nn.BatchNorm2d(1, track_running_stats=False)),
        {"batch_dependence"},
    ),
    "detached": (
        lambda model: Around(model, torch.Tensor.detach),
        {"vanishing_gradients", "inexact_gradients", "gradient_free_wins"},
    ),
    "half detached": (
        lambda model: Around(model, lambda x: (x + x.detach()) / 2),
        {"inexact_gradients"},
    ),
    "rounded": (
        lambda model: Around(model, rounded(8)),
        {"vanishing_gradients", "inexact_gradients", "gradient_free_wins"},
    ),
    "rounded straight through": (
        lambda model: Around(model, straight_through(8)),
        {"inexact_gradients"},
    ),
    "staircase": (
        lambda model: Around(model, staircase(5, 200.0)),
        {"inexact_gradients", "gradient_free_wins"},
    ),
    "undefined in the dark": (
        lambda model: Around(model, undefined_in_the_dark),
        {"non_finite_outputs"},
    ),
    "infinite": (
        lambda model: Around(model, after=lambda z: z / (z[:, :1] > -3)),
        {"non_finite_outputs"},
    ),
}


def ask(subject, **settings):
    result = ChecksProbe(ChecksSettings(**{"eps": EPS} | settings))(subject)
    return {flag.name: flag for flag in result.flags}


def raised(flags):
    return {name for name, flag in flags.items() if flag.raised}


@pytest.fixture
def flawed(zoo, digits):
    """``flawed(around, count)``: a bundled model with something done to it, and test digits."""

    def make(around, count=64, name="digits/mlp-standard", **options):
        some = digits.head(count)
        return Subject(around(zoo(name)).eval(), some.images, some.labels, **options)

    return make


@pytest.fixture(scope="module")
def winners_take_all():
    """A network with k-winners-take-all in place of ReLU, trained in a second."""
    data = load_dataset("digits", "train")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first, second, last = nn.Linear(64, 256), nn.Linear(256, 256), nn.Linear(256, 10)
        layers = [nn.Flatten(), first, WinnersTakeAll(), second, WinnersTakeAll(), last]
        network = nn.Sequential(*layers)
        optimizer = torch.optim.Adam(network.parameters(), 1e-3)
        for _ in range(20):
            for rows in torch.randperm(len(data.images)).split(64):
                loss = F.cross_entropy(network(data.images[rows]), data.labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize("name", ["mlp-standard", "cnn-standard", "mlp-pgd-at", "cnn-pgd-at"])
@pytest.mark.parametrize(("count", "eps"), [(64, 0.2), (200, 0.05)])
def test_no_flag_on_a_bundled_model(subject, name, count, eps):
    flags = ask(subject(f"digits/{name}", count), eps=eps, examples=count)
    assert len(flags) == 11
    assert raised(flags) == set()
    assert flags["inexact_gradients"].figure < 0.15


def test_no_flag_on_the_installed_resnet18(shared_data):
    data = load_npz(shared_data / "cifar10" / "test_846.npz", name="cifar10").head(4)
    subject = Subject(load_model("cifar10/resnet18-standard"), data.images, data.labels)
    assert raised(ask(subject, eps=8 / 255, steps=5)) == set()


@pytest.mark.parametrize(("file", "architecture", "mean", "std"), CIFAR_MODELS)
def test_no_flag_on_a_published_checkpoint(shared_data, file, architecture, mean, std):
    model = load_file(
        shared_data / "checkpoints" / f"cifar10-{file}.safetensors",
        architecture=architecture,
        dataset="cifar10",
        input_shape=(3, 32, 32),
        mean=mean,
        std=std,
    )
    data = load_npz(shared_data / "cifar10" / "test_846.npz", name="cifar10").head(8)
    flags = ask(Subject(model, data.images, data.labels), eps=2 / 255)
    assert raised(flags) == set()
    assert flags["inexact_gradients"].figure < 0.15


@pytest.mark.parametrize("name", ["mlp-standard", "cnn-pgd-at"])
@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flawed_model_is_flagged(flawed, flaw, name):
    around, expected = FLAWS[flaw]
    flags = ask(flawed(around, name=f"digits/{name}"))
    assert expected <= raised(flags)
    for flag in flags.values():
        assert "\n" not in flag.saw
        assert flag.saw.endswith(".")
        assert flag.advice.endswith(".")


@pytest.mark.parametrize("recipe", ["trades", "trades-awp"])
def test_a_network_that_is_only_flat_is_not_taken_for_masked(flawed, recipe):
    """By its gradient at the image a tenth of the examples is out of reach; steps reach them."""
    flag = ask(flawed(lambda model: model, name=f"digits/mlp-{recipe}"))["vanishing_gradients"]
    far = int(flag.saw.split(" of ")[0])
    assert far > 5
    assert flag.figure == 0
    assert not flag.raised


def test_each_flag_of_the_probe_is_raised_by_some_flaw(subject):
    deserved = set().union(*(expected for _, expected in FLAWS.values()))
    elsewhere = {"train_mode", "accuracy_rises", "weights_under_attack"}  # tests of their own
    assert deserved | elsewhere == set(ask(subject()))


@pytest.mark.parametrize(
    "flaw", ["softmax", "log-softmax", "logits times 10,000", "batch statistics", "half detached"]
)
def test_a_flaw_raises_no_flag_that_it_does_not_deserve(flawed, flaw):
    around, expected = FLAWS[flaw]
    assert raised(ask(flawed(around))) == expected


@pytest.mark.parametrize(
    "harmless",
    [
        lambda model: Around(model, after=lambda z: 3 * z),
        lambda model: Around(model, after=lambda z: 1e-6 * z),
        lambda model: Around(model, after=lambda z: z - z.logsumexp(1, keepdim=True) + 1),
        lambda model: Around(model, straight_through(255)),
    ],
    ids=["hotter", "tiny", "shifted", "eight bits"],
)
def test_what_masks_nothing_raises_nothing(flawed, harmless):
    assert raised(ask(flawed(harmless))) == set()


def test_winners_take_all_is_flagged(winners_take_all, digits):
    some = digits.head(64)
    flags = ask(Subject(winners_take_all, some.images, some.labels))
    assert {"inexact_gradients", "gradient_free_wins"} <= raised(flags)


def test_a_model_without_any_gradient_is_flagged_and_not_an_error(flawed):
    class Sealed(nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        @torch.no_grad()
        def forward(self, images):
            return self.model(images)

    flags = ask(flawed(Sealed))
    assert {"vanishing_gradients", "inexact_gradients", "gradient_free_wins"} <= raised(flags)
    assert flags["vanishing_gradients"].figure == 1
    assert flags["inexact_gradients"].figure == 1


def test_the_figure_of_vanishing_gradients_is_the_share_beyond_the_box():
    """A linear model whose distance to the boundary is known: |z_1 - z_0| / (2 * 4 pixels)."""
    linear = nn.Linear(4, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[-1.0], [1.0]]).expand(2, 4))
        linear.bias.copy_(torch.tensor([0.0, 8.0]))
    model = nn.Sequential(nn.Flatten(), linear)
    images = torch.linspace(0, 0.9, 4).view(4, 1, 1, 1).expand(4, 1, 2, 2).clone()
    labels = torch.ones(4, dtype=torch.int64)
    subject = Subject(model.requires_grad_(False), images, labels)
    # Distances are 1 + x: the black image lies at 1, not beyond it.
    flag = checks.vanishing_gradients(subject)
    assert flag.figure == 0.75
    assert flag.raised
    assert "3 of 4" in flag.saw


def test_the_figure_of_inexact_gradients_is_the_relative_error(flawed):
    for share in (0.2, 0.4):
        around = lambda model, s=share: Around(model, lambda x: (1 - s) * x + s * x.detach())  # noqa: E731
        flag = checks.inexact_gradients(flawed(around))
        assert flag.figure == pytest.approx(share, abs=0.02)
        assert flag.raised == (share > 0.3)


def test_differences_never_leave_the_box(flawed):
    """Black pixels lie on the kink of a clamp; outside the box they would move nothing."""
    flag = checks.inexact_gradients(flawed(lambda model: Around(model, lambda x: x.clamp(0, 1))))
    assert flag.figure == pytest.approx(0, abs=0.1)


def test_the_figure_of_random_outputs_is_the_largest_difference(flawed):
    class Alternating(nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model, self.sign = model, 1.0

        def forward(self, images):
            self.sign = -self.sign
            return self.model(images) + self.sign * 0.25

    flag = checks.random_outputs(flawed(Alternating))
    assert flag.figure == pytest.approx(0.5, abs=1e-5)
    assert flag.raised


def test_noise_alone_is_not_taken_for_batch_dependence(flawed):
    around, _ = FLAWS["noise"]
    assert "batch_dependence" not in raised(ask(flawed(around)))


def test_a_model_that_is_always_wrong_has_nothing_to_measure(zoo, digits):
    some = digits.head(16)
    wrong = (zoo("digits/mlp-standard")(some.images).argmax(1) + 1) % 10
    flags = ask(Subject(zoo("digits/mlp-standard"), some.images, wrong))
    for name in ("vanishing_gradients", "saturated_loss"):
        assert flags[name].figure is None
        assert "nothing to measure" in flags[name].saw
    assert raised(flags) == set()


def test_a_model_of_nothing_but_nan_is_flagged_and_not_an_error(flawed):
    flags = ask(flawed(lambda model: Around(model, after=lambda z: z * torch.nan)))
    assert raised(flags) == {"non_finite_outputs"}
    assert flags["non_finite_outputs"].figure == 1
    assert flags["inexact_gradients"].figure is None


def test_a_model_in_train_mode_is_flagged_and_scored_in_eval_mode(digits, battery):
    some = digits.head(20)
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10))
    for mode in (True, False):
        model.train(mode)
        report = evaluate(model, some.images, some.labels, battery(), ["checks"])
        flags = {flag.name: flag for flag in report.results["checks"].flags}
        assert flags["train_mode"].raised == mode
        assert flags["train_mode"].figure == (4 if mode else 0)
        assert not flags["random_outputs"].raised
        assert report.scores["checks.raised"] == sum(flag.raised for flag in flags.values())


def test_views_of_a_subject_remember_how_the_model_came(digits):
    some = digits.head(4)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).train()
    with subject_of(model, some.images, some.labels) as subject:
        assert subject.head(2).training_modules == subject.training_modules == 3
    assert model.training


@pytest.mark.parametrize("flaw", ["noise", "staircase"])
def test_figures_repeat_and_depend_on_no_batch_size_nor_the_caller_s_random_state(flawed, flaw):
    around, _ = FLAWS[flaw]
    torch.manual_seed(1)
    first = ask(flawed(around))
    state = torch.get_rng_state()
    torch.manual_seed(2)
    assert ask(flawed(around)) == first
    torch.set_rng_state(state)
    ask(flawed(around))
    assert torch.equal(torch.get_rng_state(), state)
    if flaw == "staircase":
        split = ask(flawed(around, batch_size=7))
        assert raised(split) == raised(first)
        assert split["gradient_free_wins"] == first["gradient_free_wins"]
        assert split["inexact_gradients"].figure == pytest.approx(
            first["inexact_gradients"].figure, rel=1e-3
        )


def test_the_two_short_searches_break_nothing_at_budget_zero(subject):
    by_gradient, at_random = checks.gradient_versus_random_search(subject(), 0.0, 3)
    assert not by_gradient.any()
    assert not at_random.any()


def test_the_two_short_searches_attack_correct_examples_once(subject):
    asked = subject("digits/mlp-pgd-at", 100)
    by_gradient, at_random = checks.gradient_versus_random_search(asked, EPS, 5)
    assert by_gradient.any()
    assert not (by_gradient & at_random).any()
    assert not ((by_gradient | at_random) & ~asked.correct()).any()


def test_the_two_short_searches_cost_the_same(subject):
    asked = subject(count=30)
    right, before = int(asked.correct().sum()), asked.passes.forwards
    checks.gradient_versus_random_search(
        asked, 1e-6, 4
    )  # too small to break anything: both search to the end
    assert asked.passes.forwards - before == 2 * 5 * right


def test_the_search_without_gradients_builds_on_what_it_found(flawed):
    """Measured: 38 of 64. Keeping the last proposal in place of the best breaks 24, none 6."""
    around, _ = FLAWS["detached"]
    by_gradient, at_random = checks.gradient_versus_random_search(flawed(around), EPS, 30)
    assert not by_gradient.any()
    assert int(at_random.sum()) > 30


def test_a_search_without_gradients_wins_by_more_than_chance():
    none = torch.zeros(200, dtype=torch.bool)

    def first(count):
        return torch.arange(200) < count

    assert checks.gradient_free_wins(first(50), first(50)).figure == 0
    assert not checks.gradient_free_wins(none, first(4)).raised
    flag = checks.gradient_free_wins(none, first(5))
    assert flag.raised
    assert flag.figure == 5 / 200
    assert not checks.gradient_free_wins(none[:10], first(MIN_EXAMPLES - 1)[:10]).raised
    assert checks.gradient_free_wins(first(20), first(30)).figure == 10 / 200


@pytest.mark.parametrize(
    ("n_robust", "increase", "expected"),
    [
        ([90, 60, 30], 0, False),
        ([90, 60, 60], 0, False),
        ([90, 60, 62], 2, False),
        ([90, 60, 66], 6, True),
        ([90, 30, 20, 29], 9, True),
        ([1000, 500, 515], 15, False),
        ([50], 0, False),
    ],
)
def test_accuracy_may_not_increase_with_the_budget(n_robust, increase, expected):
    budgets = [0.1 * (place + 1) for place in range(len(n_robust))]
    flag = checks.accuracy_rises(budgets, n_robust)
    assert flag.figure == increase
    assert flag.raised == expected


@pytest.mark.parametrize("name", ["digits/mlp-standard", "digits/cnn-standard"])
def test_accuracy_that_rises_with_the_budget_is_flagged(flawed, name):
    """Budgets of 1/64 and 1/32: a quarter and a half of a ripple, where it is back at zero."""
    flags = ask(flawed(lambda model: Around(model, ripples), name=name), eps=1 / 16)
    assert flags["accuracy_rises"].raised
    assert flags["accuracy_rises"].figure > 20
    assert not ask(flawed(lambda model: model, name=name), eps=1 / 16)["accuracy_rises"].raised


def test_the_sentence_on_rising_accuracy_names_the_two_budgets():
    assert "at budget 0.4 than at 0.2" in checks.accuracy_rises([0.2, 0.4], [10, 30]).saw
