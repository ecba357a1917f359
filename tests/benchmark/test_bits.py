"""Bits of quantised weights: the format, random errors, chosen flips, and the probe on top."""

import copy
import math

import pytest
import torch
from torch import nn

from benchmark.attacks.bits import (
    BitFlips,
    Flip,
    QuantizedWeights,
    draw_bits,
    draw_pattern,
    flip_bits,
    quantize,
)
from benchmark.attacks.bits.quantization import PLACE_VALUES
from benchmark.attacks.bits.search import OBJECTIVES, progressive_search
from benchmark.objectives import cross_entropy
from benchmark.probes.bits import BitsProbe, BitsSettings
from benchmark.spaces import select_weights
from benchmark.subject import Subject, subject_of

QUICK = {"rates": (0.001, 0.01, 0.1), "patterns": 3, "flips": 4, "headline_flips": 3, "draws": 2}
BUNDLED = [
    f"digits/{kind}-{recipe}" for kind in ("mlp", "cnn") for recipe in ("standard", "pgd-at")
]


def kernels(model):
    return select_weights(model, "kernels")


def ask(subject, **changes):
    return BitsProbe(BitsSettings(**(QUICK | changes)))(subject)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Tied(nn.Module):
    """Batch norm, a weight used twice, a frozen tensor and one of zeros."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.norm = nn.BatchNorm2d(2)
        self.first, self.second = nn.Linear(128, 128), nn.Linear(128, 128)
        self.second.weight = self.first.weight
        self.first.weight.requires_grad_(False)
        self.dead, self.last = nn.Linear(128, 128), nn.Linear(128, 10)
        nn.init.zeros_(self.dead.weight)

    def forward(self, images):
        hidden = self.norm(self.conv(images)).flatten(1)
        hidden = self.second(self.first(hidden).relu()).relu()
        return self.last(hidden + self.dead(hidden))


def test_rounding_loses_at_most_half_a_step(zoo):
    weights = kernels(zoo("digits/cnn-pgd-at"))
    quantized = quantize(weights)
    for name, weight in weights.items():
        step = weight.abs().max() / 127
        assert (quantized.values(name) - weight).abs().max() <= step / 2 * (1 + 1e-5), name
        assert quantized.codes[name].dtype == torch.int8
        assert quantized.codes[name].abs().max() == 127
        assert quantized.values(name).dtype == weight.dtype
    assert quantized.n_bits == 8 * sum(weight.numel() for weight in weights.values())


def test_levels_are_symmetric_and_what_is_on_one_stays():
    weight = torch.arange(-127.0, 128.0).view(1, -1) * 0.25
    quantized = quantize({"w": weight})
    assert torch.equal(quantized.values("w"), weight)
    assert torch.equal(quantize({"w": -weight}).codes["w"], -quantized.codes["w"])


def test_a_tensor_of_zeros_stays_zero_whatever_its_bits():
    quantized = quantize({"w": torch.zeros(2, 3)}).flip([Flip("w", 0, 7), Flip("w", 5, 6)])
    assert torch.equal(quantized.values("w"), torch.zeros(2, 3))


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("level", [-128, -127, -1, 0, 1, 64, 127])
def test_a_bit_is_worth_its_place_in_two_s_complement(level, bit):
    code = torch.tensor([[level]], dtype=torch.int8)
    before = QuantizedWeights({"w": code}, {"w": torch.tensor(0.5)})
    after = before.flip([Flip("w", 0, bit)])
    was_set = (level & 0xFF) >> bit & 1
    expected = level - PLACE_VALUES[bit] if was_set else level + PLACE_VALUES[bit]
    assert after.codes["w"].item() == expected
    assert after.values("w").item() == 0.5 * expected
    assert before.codes["w"].item() == level
    assert before.distance(after) == 1


def test_flipping_twice_gives_the_same_weights_back(zoo):
    start = quantize(kernels(zoo("digits/mlp-standard")))
    pattern = draw_pattern(start, generator(), 0.3)
    once = start.xor(pattern.at(0.3))
    assert start.distance(once) == pytest.approx(0.3 * start.n_bits, rel=0.05)
    assert start.distance(once.xor(pattern.at(0.3))) == 0
    flips = draw_bits(start, generator(), 50)
    assert start.distance(start.flip(flips)) == 50
    assert start.distance(start.flip(flips).flip(flips)) == 0


def test_patterns_are_nested_and_have_the_rate_that_was_asked_for(zoo):
    start = quantize(kernels(zoo("digits/mlp-standard")))
    pattern = draw_pattern(start, generator(), 0.1)
    few, many = pattern.at(0.01), pattern.at(0.1)
    for name, mask in few.items():
        assert torch.equal(mask & many[name], mask)
    for rate, masks in ((0.01, few), (0.1, many)):
        expected = rate * start.n_bits
        assert abs(start.distance(start.xor(masks)) - expected) < 5 * math.sqrt(expected)
    assert start.distance(start.xor(pattern.at(0.0))) == 0


def test_every_place_errs_as_often_as_any_other(zoo):
    start = quantize(kernels(zoo("digits/mlp-standard")))
    masks = draw_pattern(start, generator(), 0.1).at(0.1)
    expected = 0.1 * start.n_bits / 8
    for place in PLACE_VALUES:
        count = sum(int(((mask & place) != 0).sum()) for mask in masks.values())
        assert abs(count - expected) < 5 * math.sqrt(expected), place


def test_models_of_the_same_shapes_get_the_same_patterns(zoo):
    one, other = (quantize(kernels(zoo(f"digits/mlp-{r}"))) for r in ("standard", "pgd-at"))
    masks = [draw_pattern(each, generator(3), 0.05).at(0.05) for each in (one, other)]
    assert all(torch.equal(masks[0][name], masks[1][name]) for name in masks[0])
    again = draw_pattern(one, generator(4), 0.05).at(0.05)
    assert any(not torch.equal(masks[0][name], again[name]) for name in again)


def test_drawn_bits_differ_and_are_spread_over_all_tensors(zoo):
    start = quantize(kernels(zoo("digits/mlp-standard")))
    drawn = draw_bits(start, generator(), 4000)
    assert len(set(drawn)) == 4000
    assert draw_bits(start, generator(), 100) != draw_bits(start, generator(1), 100)
    for name, code in start.codes.items():
        expected = 4000 * 8 * code.numel() / start.n_bits
        count = sum(flip.name == name for flip in drawn)
        assert abs(count - expected) < 5 * math.sqrt(expected), name
    small = quantize({"w": torch.ones(1, 2)})
    assert sorted(draw_bits(small, generator(), 99)) == [
        Flip("w", index, bit) for index in range(2) for bit in range(8)
    ]


@pytest.mark.parametrize("model", BUNDLED)
def test_the_search_is_stronger_than_random_flips(subject, model):
    asked = subject(model, 60)
    start = quantize(kernels(asked.model))
    attack = flip_bits(asked, start, 25, search_examples=60)
    random = [
        asked.at(start.flip(draw_bits(start, generator(seed), 25)).weights()).correct()
        for seed in range(5)
    ]
    assert attack.after(25).sum() < 0.9 * min(draw.sum() for draw in random)


def test_every_state_of_the_search_differs_in_as_many_bits_as_were_flipped(subject):
    asked = subject("digits/cnn-pgd-at", 30)
    start = quantize(kernels(asked.model))
    counts, losses = [], [mean_loss(asked, start)]
    for count, state in progressive_search(asked, start, 6, 10):
        assert start.distance(state) == count
        counts.append(count)
        losses.append(mean_loss(asked, state))
    assert counts == sorted(set(counts))
    assert counts[-1] == 6
    assert losses == sorted(set(losses)), "every commit raises the loss"


def test_the_first_step_takes_the_flip_that_raises_the_loss_most(subject):
    asked = subject("digits/mlp-standard", 30)
    start = quantize(kernels(asked.model))
    weights = {name: w.requires_grad_(True) for name, w in start.weights().items()}
    loss = cross_entropy(asked.forward(asked.images, weights), asked.labels).mean()
    slopes = torch.autograd.grad(loss, list(weights.values()))
    trials = []
    for name, slope in zip(weights, slopes, strict=True):
        entries = slope.abs().flatten().topk(10).indices.tolist()
        flips = [Flip(name, entry, bit) for entry in entries for bit in range(8)]
        gains = [float(slope.flatten()[f.entry] * moved(start, f)) for f in flips]
        trials.append(start.flip([flips[gains.index(max(gains))]]))
    losses = [mean_loss(asked, trial) for trial in trials]
    (_, found), *_ = progressive_search(asked, start, 1, 10)
    assert found.distance(trials[losses.index(max(losses))]) == 0


def moved(start, flip):
    """By how much a flip changes its entry."""
    before, after = start.values(flip.name), start.flip([flip]).values(flip.name)
    return (after - before).flatten()[flip.entry]


def mean_loss(asked, quantized):
    return float(cross_entropy(asked.at(quantized.weights()).logits(), asked.labels).mean())


def test_at_every_number_of_flips_the_best_search_counts(subject):
    asked = subject("digits/cnn-pgd-at", 40)
    start = quantize(kernels(asked.model))
    attack = flip_bits(asked, start, 6, search_examples=40, stop_accuracy=-1.0)
    found = {
        objective: {
            count: int(asked.at(state.weights()).correct().sum())
            for count, state in progressive_search(asked, start, 6, 10, objective)
        }
        for objective in OBJECTIVES
    }
    assert len({tuple(states.values()) for states in found.values()}) == len(OBJECTIVES)
    for count in range(1, 7):
        reached = [n for states in found.values() for k, n in states.items() if k <= count]
        assert attack.after(count).sum() == min(reached)
    assert asked.at(attack.weights.weights()).correct().sum() == attack.after(6).sum()


def test_no_more_bits_are_flipped_than_the_budget_allows(subject):
    asked = subject("digits/mlp-pgd-at", 30)
    start = quantize(kernels(asked.model))
    for budget in (1, 3):
        attack = flip_bits(asked, start, budget)
        assert 0 < start.distance(attack.weights) == max(attack.robust) <= budget


def test_the_search_ends_where_no_gradient_leads_on(digits):
    class Deaf(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(64, 10)

        def forward(self, images):
            return self.linear(images.flatten(1)).round().detach() + 0 * images.sum()

    some = digits.head(10)
    asked = Subject(Deaf().requires_grad_(False), some.images, some.labels)
    start = quantize(kernels(asked.model))
    attack = flip_bits(asked, start, 5, stop_accuracy=-1.0)
    assert list(attack.robust) == [0]
    assert start.distance(attack.weights) == 0


def test_flips_to_an_accuracy_are_the_fewest_that_reach_it():
    robust = {0: torch.tensor([True] * 4), 3: torch.tensor([True, True, False, False])}
    attack = BitFlips(robust, quantize({}))
    assert attack.flips_to(1.0) == 0
    assert attack.flips_to(0.5) == 3
    assert attack.flips_to(0.4) == math.inf
    assert attack.after(2) is robust[0]
    assert attack.after(7) is robust[3]


def test_without_an_error_the_accuracy_is_that_of_the_rounded_weights(subject):
    asked = subject("digits/cnn-standard", 40)
    result = ask(asked)
    rounded = asked.at(quantize(kernels(asked.model)).weights()).correct()
    assert result.outcomes["quantized"].tolist() == rounded.tolist()
    for curve in result.curves:
        assert curve.x[0] == 0
        assert curve.y[0].value == pytest.approx(float(rounded.float().mean()))
    assert result.scores["accuracy_quantized"].value == pytest.approx(
        float(asked.correct().float().mean()), abs=0.05
    )


def test_the_probe_s_curves_and_scores_belong_together(subject):
    result = ask(subject("digits/mlp-pgd-at", 40))
    errors, search, control = result.curves
    assert errors.x == [0, 0.001, 0.01, 0.1]
    assert errors.y[2] == result.scores["random_accuracy"]
    assert errors.y[2].n == QUICK["patterns"]
    assert errors.y[3].value < errors.y[1].value, "a tenth of all bits must hurt"
    values = [score.value for score in search.y]
    assert search.x == [0, 1, 2, 3, 4]
    assert values == sorted(values, reverse=True)
    assert values[3] == result.scores["attacked_accuracy"].value
    assert result.outcomes["headline"].mean() == values[3]
    assert control.x == [0, 1, 3, 4]
    assert control.y[-1].value > values[-1]
    assert result.scores["flips_to_chance"].value == math.inf
    assert result.protocol["optimized on"] == result.protocol["measured on"] == 40


def test_chance_is_the_best_constant_answer(subject):
    asked = subject("digits/mlp-standard", 40)
    constant = asked.on(asked.images, torch.full_like(asked.labels, 3))
    result = ask(constant)
    assert result.protocol["chance"] == 1
    assert result.scores["flips_to_chance"].value == 0


def test_the_search_sees_the_first_examples_only(subject):
    asked = subject("digits/mlp-standard", 40)
    labels = asked.labels.clone()
    labels[20:] = (labels[20:] + 1) % 10
    start = quantize(kernels(asked.model))
    one, other = (
        flip_bits(each, start, 3, search_examples=20, stop_accuracy=-1.0)
        for each in (asked, asked.on(asked.images, labels))
    )
    assert one.weights.distance(other.weights) == 0


def test_batch_norm_biases_and_running_statistics_keep_every_bit(digits):
    model, data = Tied(), digits.head(20)
    with torch.no_grad():
        model.norm(model.conv(data.images))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with subject_of(model, data.images, data.labels) as subject:
        start = quantize(kernels(subject.model))
        assert set(start.codes) == {"conv.weight", "first.weight", "dead.weight", "last.weight"}
        attack = flip_bits(subject, start, 4, stop_accuracy=-1.0)
        assert set(attack.weights.weights()) == set(start.codes)
        assert 0 < start.distance(attack.weights) <= 4
        assert torch.equal(attack.weights.codes["dead.weight"], start.codes["dead.weight"])
        ask(subject)
    assert model.training
    assert not model.first.weight.requires_grad
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_a_shared_tensor_is_stored_once_and_flips_wherever_it_is_used(digits):
    model, data = Tied().eval(), digits.head(20)
    subject = Subject(model.requires_grad_(False), data.images, data.labels)
    start = quantize(kernels(model))
    sizes = [t.numel() for n, t in model.named_parameters() if t.ndim > 1]
    assert start.n_bits == 8 * sum(sizes)
    flipped = start.flip([Flip("first.weight", 0, 7)])
    untied = Tied().eval()
    untied.load_state_dict(model.state_dict())
    untied.load_state_dict(
        flipped.weights() | {"second.weight": flipped.values("first.weight")}, strict=False
    )
    torch.testing.assert_close(subject.at(flipped.weights()).logits(), untied(data.images))


def test_scaling_a_relu_layer_by_a_power_of_two_changes_nothing(zoo, digits):
    data, model = digits.head(40), zoo("digits/mlp-standard")
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.network.linear1.weight *= 8
        other.network.linear1.bias *= 8
        other.network.linear2.weight /= 8
    one, two = (ask(Subject(each, data.images, data.labels)) for each in (model, other))
    assert one.scores["random_accuracy"].value < 1
    assert one.scores == two.scores


def test_seed_and_batches(subject):
    one, same = (ask(subject(count=30, batch_size=size)) for size in (256, 7))
    assert one.scores == same.scores
    other = ask(subject(count=30, seed=1))
    assert one.curves[0].y != other.curves[0].y


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"headline_rate": 0.3}, "bits.headline_rate = 0.3 is not one of its budgets"),
        ({"rates": (0.01, 2), "headline_rate": 0.01}, "bits.rates are probabilities, got 2"),
        ({"headline_flips": 51}, "bits.headline_flips = 51 is more than bits.flips = 50"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings, reason):
    with pytest.raises(ValueError, match=reason):
        BitsSettings(**settings)
