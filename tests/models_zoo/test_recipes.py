"""What each recipe descends, against formulas worked out by hand."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from models_zoo import InputError, build_architecture
from models_zoo.training import list_recipes, load_recipe
from models_zoo.training.ema import Averaged
from models_zoo.training.joint_bound import margin_errors
from models_zoo.training.mart import boosted_cross_entropy
from models_zoo.training.nonsingular import norms
from models_zoo.training.recipe import Step
from models_zoo.training.weights import at_worst_weights, displaced, kernels

EPS = 0.1


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def network(seed=0):
    """Has a convolution, batch norm and two matrices."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64, 8),
            nn.ReLU(),
            nn.Linear(8, 3),
        ).train()


def plain(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3)).train()


def step(done=0.5, n=6):
    g = generator(7)
    images = torch.rand(n, 1, 4, 4, generator=g)
    return Step(images, torch.randint(3, (n,), generator=g), generator(1), done)


def loss_of(recipe, model, at, **values):
    method = load_recipe(recipe)
    opposed = "steps" in method.settings.model_fields
    given = {"eps": EPS} | ({"steps": 3} if opposed else {}) | values
    return method.loss(model, at, method.configure(given))


def value_of(recipe, model, at, **values):
    return float(loss_of(recipe, model, at, **values).detach())


def probabilities(model, images):
    return model(images).softmax(1)


def kl(p, q):
    return (p * (p.log() - q.log())).sum(1)


@pytest.mark.parametrize("recipe", list_recipes())
def test_every_recipe_leaves_weights_alone_and_the_model_in_train_mode(recipe):
    model = plain()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    loss = loss_of(recipe, model, step())
    loss.backward()
    assert loss.shape == ()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training
    assert all(p.grad is not None and bool(p.grad.any()) for p in model.parameters())


@pytest.mark.parametrize("recipe", list_recipes())
def test_every_recipe_draws_from_the_given_generator_alone(recipe):
    state = torch.get_rng_state()
    first, again = (value_of(recipe, plain(), step()) for _ in range(2))
    assert first == again
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("recipe", [r for r in list_recipes() if r != "nonsingular"])
def test_batch_norm_sees_the_passes_that_are_learned_from_only(recipe):
    model = network()
    loss_of(recipe, model, step())
    learned = {"trades": 2, "trades-awp": 2, "mart": 2}.get(recipe, 1)
    assert int(model[1].num_batches_tracked) == learned


def test_trades_is_cross_entropy_and_beta_times_the_divergence():
    """With eps 0 nothing diverges; else the difference to it is linear in beta."""
    model, at = plain(), step()
    cross = F.cross_entropy(model(at.images), at.labels).detach()
    assert value_of("trades", model, at, eps=0) == pytest.approx(float(cross), abs=1e-6)
    seen = []
    original = model.forward

    def watch(images):
        seen.append(images)
        return original(images)

    model.forward = watch
    loss = loss_of("trades", model, step(), beta=4.0)
    adversarial = seen[-1]
    assert 0 < float((adversarial - at.images).abs().max()) <= EPS + 1e-6
    apart = kl(probabilities(model, at.images), probabilities(model, adversarial)).mean().detach()
    assert float(apart) > 0
    assert float(loss) == pytest.approx(float(cross + 4 * apart), rel=1e-5)


def test_trades_adversary_ascends_the_divergence_and_not_the_label_s_loss():
    model = plain()
    right, wrong = step(), step()
    wrong = Step(wrong.images, (wrong.labels + 1) % 3, wrong.generator, wrong.done)
    gaps = []
    for at in (right, wrong):
        cross = F.cross_entropy(model(at.images), at.labels).detach()
        gaps.append(value_of("trades", model, at) - float(cross))
    assert gaps[0] == pytest.approx(gaps[1], rel=1e-4)


def test_mart_weighs_the_divergence_by_how_wrong_the_clean_answer_is():
    model, at = plain(), step()
    p = probabilities(model, at.images)
    own = p.gather(1, at.labels[:, None]).squeeze(1)
    rival = p.scatter(1, at.labels[:, None], 0.0).amax(1)
    boosted = (-own.log() - (1 - rival).log()).mean()
    assert value_of("mart", model, at, eps=0) == pytest.approx(float(boosted), rel=1e-5)
    losses = [value_of("mart", model, step(), beta=beta) for beta in (0.0, 1.0, 5.0)]
    assert losses[1] > losses[0]
    assert losses[2] - losses[0] == pytest.approx(5 * (losses[1] - losses[0]), rel=1e-3)


def test_the_boosted_cross_entropy_stays_finite_where_the_answer_is_certain():
    logits = torch.tensor([[200.0, 0.0, 0.0], [0.0, 200.0, 0.0]], requires_grad=True)
    loss = boosted_cross_entropy(F.log_softmax(logits, 1), torch.tensor([0, 0]))
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert float(loss[1]) > 199


def test_label_smoothing_spreads_a_share_over_all_classes():
    model, at = plain(), step()
    log_p = F.log_softmax(model(at.images), 1)
    target = 0.7 * F.one_hot(at.labels, 3) + 0.3 / 3
    expected = -(target * log_p).sum(1).mean()
    assert value_of("label-smoothing", model, at, smoothing=0.3) == pytest.approx(
        float(expected), rel=1e-6
    )


def cross_entropy_at(at):
    return lambda predict: F.cross_entropy(predict(at.images), at.labels)


def worst_moves(model, at, radius):
    """``radius |w| g / |g|`` for each kernel, written out."""
    weights = kernels(model)
    gradients = torch.autograd.grad(cross_entropy_at(at)(model), list(weights.values()))
    return {
        name: radius * weight.detach().norm() * g / g.norm()
        for (name, weight), g in zip(weights.items(), gradients, strict=True)
    }


def test_awp_is_the_loss_and_the_gradient_at_the_displaced_weights():
    """Against the procedure of the original: move in place, differentiate, move back."""
    model, at = plain(), step()
    loss = at_worst_weights(model, cross_entropy_at(at), 0.05)
    loss.backward()
    other = copy.deepcopy(model)
    other.zero_grad()
    moves = worst_moves(model, at, 0.05)
    with torch.no_grad():
        for name, weight in kernels(other).items():
            weight += moves[name]
    expected = cross_entropy_at(at)(other)
    expected.backward()
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)
    assert float(loss) > float(cross_entropy_at(at)(model))
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-7)


def test_awp_moves_kernels_by_their_own_length_and_nothing_else(monkeypatch):
    from models_zoo.training import weights

    model, at, used = network(), step(), []

    def watched(model, tensors):
        used.append(tensors)
        return displaced(model, tensors)

    monkeypatch.setattr(weights, "displaced", watched)
    at_worst_weights(model, cross_entropy_at(at), 0.2)
    own = dict(model.named_parameters())
    assert set(used[-1]) == {"0.weight", "4.weight", "6.weight"}
    for name, weight in used[-1].items():
        length = float((weight - own[name]).norm() / own[name].norm())
        assert length == pytest.approx(0.2, rel=1e-4)


def test_awp_keeps_its_own_pass_out_of_batch_norm_s_statistics():
    model, plain_pass = network(), network()
    at_worst_weights(model, cross_entropy_at(step()), 1e-6)
    cross_entropy_at(step())(plain_pass)
    assert int(model[1].num_batches_tracked) == 1
    assert torch.allclose(model[1].running_mean, plain_pass[1].running_mean, atol=1e-5)


@pytest.mark.parametrize(("awp", "without"), [("at-awp", "pgd-at"), ("trades-awp", "trades")])
def test_awp_with_radius_0_or_in_its_warm_up_is_the_recipe_without(awp, without):
    expected = value_of(without, network(), step())
    assert value_of(awp, network(), step(), gamma=0) == expected
    assert value_of(awp, network(), step(done=0.1), gamma=0.1, awp_warmup=0.2) == expected
    assert value_of(awp, network(), step(done=0.2), gamma=0.1, awp_warmup=0.2) > expected


def test_awp_survives_weights_and_gradients_of_length_0():
    model = plain()
    with torch.no_grad():
        model[1].weight.zero_()  # then the gradient of neither matrix reaches its images' part
        model[1].bias.fill_(-1.0)
    loss = at_worst_weights(model, cross_entropy_at(step()), 0.1)
    loss.backward()
    assert math.isfinite(float(loss))
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_random_weight_noise_has_the_stated_length(monkeypatch):
    from models_zoo.training import random_weight_noise

    model, used = network(), []

    def watched(model, tensors):
        used.append(tensors)
        return displaced(model, tensors)

    monkeypatch.setattr(random_weight_noise, "displaced", watched)
    at = step()
    loss_of("random-weight-noise", model, at, radius=0.4)
    loss_of("random-weight-noise", model, at, radius=0.4)
    own = dict(model.named_parameters())
    for name, weight in used[0].items():
        assert float((weight - own[name]).norm() / own[name].norm()) == pytest.approx(0.4, rel=1e-4)
        assert not torch.allclose(weight, used[1][name])
    clean = value_of("standard", network(), step())
    assert value_of("random-weight-noise", network(), step(), radius=0) == clean


@pytest.mark.parametrize(
    ("architecture", "shape"),
    [
        ("mlp", (1, 4, 4)),
        ("cnn", (1, 4, 4)),
        ("cnn-a", (1, 8, 8)),
        ("cifar-resnet2b", (3, 8, 8)),
    ],
)
@given(
    seed=st.integers(0, 1000),
    eps=st.sampled_from([0.0, 0.03, 0.2]),
    share=st.sampled_from([0.0, 0.01, 0.1]),
)
@settings(max_examples=8, deadline=None)
def test_no_joint_perturbation_lowers_a_margin_by_more_than_the_bound(
    architecture, shape, seed, eps, share
):
    """Corners of both boxes, where sums of products are at their worst."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_architecture(architecture, classes=4, input_shape=shape).double().eval()
    g = generator(seed)
    images = torch.rand(5, *shape, generator=g, dtype=torch.float64)
    labels = torch.randint(4, (5,), generator=g)
    with torch.no_grad():
        eta = margin_errors(model, images, labels, eps=eps, share=share)
        before = model(images)
        margins = before.gather(1, labels[:, None]) - before
        assert bool((eta >= -1e-9).all())
        for _ in range(10):
            signs = torch.randint(2, images.shape, generator=g) * 2 - 1
            moved = (images + eps * signs).clamp(0, 1)
            weights = {
                name: p + share * p.abs().amax() * (torch.randint(2, p.shape, generator=g) * 2 - 1)
                for name, p in model.named_parameters()
            }
            after = displaced(model, weights)(moved)
            fall = margins - (after.gather(1, labels[:, None]) - after)
            assert bool((fall <= eta + 1e-9).all())


def test_the_bound_of_a_linear_model_is_what_a_joint_attack_reaches():
    """One layer: the worst image for the worst weights, to first order and beyond, by hand."""
    layer = nn.Linear(4, 2).double()
    model = nn.Sequential(nn.Flatten(), layer)
    images = torch.full((1, 1, 2, 2), 0.5, dtype=torch.float64)
    eps, share = 0.1, 0.01
    with torch.no_grad():
        eta = margin_errors(model, images, torch.tensor([0]), eps=eps, share=share)
        weight, bias = layer.weight, layer.bias
        move = share * weight.abs().amax()
        rows = weight[0] - weight[1]
        worst = (rows.abs() * eps).sum() + 2 * move * 4 * 0.6 + 2 * share * bias.abs().amax()
    assert float(eta[0, 1]) == pytest.approx(float(worst), rel=1e-9)
    assert float(eta[0, 0]) == 0


def test_the_bound_is_0_without_budgets_and_grows_with_either():
    model, at = plain(), step()

    def eta(eps, share):
        return float(margin_errors(model, at.images, at.labels, eps=eps, share=share).max())

    assert eta(0.0, 0.0) == pytest.approx(0, abs=1e-5)
    assert eta(0.05, 0.0) > 1e-3
    assert eta(0.0, 0.01) > 1e-3
    assert eta(0.05, 0.01) > max(eta(0.05, 0.0), eta(0.0, 0.01))


def test_a_network_without_a_bound_is_refused_by_the_operation():
    with pytest.raises(InputError, match=r"has no bound for the operation .* choose an arch"):
        loss_of("nonsingular", network(), step())


def test_norms_are_the_largest_rows_and_columns():
    first, last = nn.Conv2d(2, 1, (1, 2), bias=False), nn.Linear(2, 2)
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[[[1.0, -2.0]], [[0.5, 0.0]]]]))
        last.weight.copy_(torch.tensor([[1.0, -3.0], [2.0, 0.5]]))
    assert float(norms(nn.Sequential(first, last))) == (3.5 + 3.0) + (4.0 + 3.5)


def test_nonsingular_is_the_adversarial_loss_with_a_bound_and_norms_that_ramp_up():
    model = plain()
    bare = {"bound_weight": 0, "norm_weight": 0}
    assert value_of("nonsingular", model, step(), **bare) == pytest.approx(
        value_of("pgd-at", model, step()), rel=1e-6
    )
    early, late, later = (
        value_of("nonsingular", model, step(done=done), bound_weight=0.1, norm_weight=0)
        for done in (0.0, 0.2, 0.9)
    )
    assert early == pytest.approx(value_of("pgd-at", model, step()), rel=1e-6)
    assert early < late < later


def test_an_adversary_s_budget_ramps_up():
    clean = value_of("standard", plain(), step())
    values = [value_of("pgd-at", plain(), step(done=done), eps_ramp=0.4) for done in (0, 0.2, 0.4)]
    assert values[0] == clean
    assert clean < values[1] < values[2]
    assert values[2] == value_of("pgd-at", plain(), step())


def test_an_average_follows_weights_and_statistics():
    model = network()
    average = Averaged(model, 0.5)
    rows = []
    for _ in range(20):
        model(step().images)
        with torch.no_grad():
            for weight in model.parameters():
                weight += 1.0
        average.update(model)
        rows.append(model.state_dict()["1.running_mean"].clone())
    last, mean = model.state_dict(), average.model.state_dict()
    # weights rise by 1 a step: a mean that halves the gap each step ends just 1 behind
    assert torch.allclose(last["4.weight"] - mean["4.weight"], torch.ones(8, 64), atol=1e-3)
    assert int(mean["1.num_batches_tracked"]) == 20
    assert not average.model.training
    assert not torch.equal(mean["1.running_mean"], last["1.running_mean"])
