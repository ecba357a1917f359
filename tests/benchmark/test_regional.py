"""The regional attack: what it may touch, what it finds, and what is counted."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmark import evaluate
from benchmark.attacks.regional import attack_regions, draw_target_classes
from benchmark.attacks.regions import FULL, Shape, region_masks
from benchmark.batteries import Battery
from benchmark.measures.regional import Tally, perturbation_norms
from benchmark.probes.regional import RegionalProbe, RegionalSettings
from benchmark.spaces import IMAGES, Region
from benchmark.statistics import wilson
from benchmark.subject import Subject
from models_zoo.errors import InputError

CENTRE, FRAME, RANDOM, SALIENT = (
    Shape("centre", 4),
    Shape("frame", 1),
    Shape("random", 16),
    Shape("saliency", 16),
)
SHAPES = [FULL, CENTRE, FRAME, RANDOM, SALIENT]
TABLE: dict[str, Any] = {
    "centre_edges": [3, 5],
    "frame_widths": [1],
    "random_pixels": [9, 25],
    "saliency_pixels": [16],
    "steps": 40,
    "step": "1/40",
    "examples": 20,
    "peers": ["digits/mlp-standard", "digits/mlp-pgd-at"],
}


def reference(made_on, attacked, image, label, aim, mask, steps, step):
    """Ozbulak et al.'s loop for one image: the first iterate that fools, and after how many."""
    x = image[None].clone()
    for taken in range(1, steps + 1):
        x = x.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(F.cross_entropy(made_on(x), aim[None]), x)
        x = (x.detach() - step * slope.sign() * mask).clamp(0, 1)
        with torch.no_grad():
            if attacked(x).argmax(1) != label:
                return x[0], taken
    return None, steps


@pytest.fixture
def ask(zoo, digits):
    """``ask(**changes)``: the regional probe's answer on a bundled model."""

    def asked(model="digits/mlp-standard", data=None, batch_size=256, **changes):
        some = data or digits.head(20)
        tables = {"regional": TABLE | changes}
        chosen = Battery.model_validate(
            {
                "name": "test-v1",
                "dataset": "digits",
                "description": "-",
                "default": ("regional",),
                "probes": tables,
            }
        )
        asked_model = zoo(model) if isinstance(model, str) else model
        report = evaluate(asked_model, some.images, some.labels, chosen, batch_size=batch_size)
        return report.results["regional"]

    return asked


@pytest.mark.parametrize("maker", [None, "digits/mlp-pgd-at"])
def test_what_is_found_is_a_proof_and_lies_in_its_region(subject, maker):
    target, steps, step = subject(count=25), 100, 1 / 100
    source = subject(maker, count=25) if maker else None
    target_classes = draw_target_classes(target)
    for found in attack_regions(
        target, SHAPES, target_classes, source=source, steps=steps, step=step
    ):
        assert found.fooled.any(1).all(), "the attack must find something in every region"
        assert not (found.fooled & ~found.attempted).any()
        for place, shape in enumerate(SHAPES):
            mask = region_masks(source or target, target_classes, shape)
            images, fooled = found.images[place], found.fooled[place]
            outside = ~mask.expand_as(images)
            assert torch.equal(images[outside], target.images[outside])
            assert torch.equal(images[~fooled], target.images[~fooled])
            assert 0 <= float(images.min()) <= float(images.max()) <= 1
            assert (target.logits(images).argmax(1) != target.labels)[fooled].all()
            l0, _, _ = perturbation_norms(images, target.images).unbind(-1)
            assert float(l0.max()) <= shape.pixels(8, 8) / 64


@pytest.mark.parametrize("steps", [40, 80])
def test_no_value_moves_further_than_the_steps_taken(subject, steps):
    target = subject(count=30)
    target.images = (target.images * 255).round() / 255
    found, _ = attack_regions(target, SHAPES, draw_target_classes(target), steps=steps)
    linf = perturbation_norms(found.images, target.images)[..., 2]
    assert 0.5 * steps / 255 < float(linf.max()) <= steps / 255 + 1e-6


@pytest.mark.parametrize("maker", ["digits/mlp-standard", "digits/mlp-pgd-at"])
@pytest.mark.parametrize("shape", [FULL, CENTRE], ids=str)
def test_it_is_the_papers_loop(zoo, subject, maker, shape):
    """With a mask of ones this is I-FGSM without an epsilon ball."""
    target, steps, step = subject(count=12), 60, 1 / 60
    white_box = maker == "digits/mlp-standard"
    source = None if white_box else subject(maker, count=12)
    target_classes = draw_target_classes(target)
    mask = region_masks(target, target_classes, shape)
    oracle, blind = attack_regions(
        target, [shape], target_classes, source=source, steps=steps, step=step
    )
    for found, judge in ((oracle, target.model), (blind, zoo(maker))):
        for i in found.attempted.nonzero().flatten().tolist():
            start = target.images[i], target.labels[i], target_classes[i], mask[i], steps, step
            expected, _ = reference(zoo(maker), judge, *start)
            wrong = expected is not None and target.model(expected[None]).argmax(1) != start[1]
            assert bool(found.fooled[0, i]) == bool(wrong)
            wanted = expected if wrong else target.images[i]
            assert torch.allclose(found.images[0, i], wanted, atol=1e-6)


def test_a_finished_image_leaves_the_batch_at_once(zoo, subject):
    target, steps, step = subject(count=12), 60, 1 / 60
    target_classes, correct = draw_target_classes(target), target.correct()
    before = target.passes.backwards
    attack_regions(target, [FULL, CENTRE], target_classes, steps=steps, step=step)
    needed = 0
    for shape in (FULL, CENTRE):
        mask = region_masks(target, target_classes, shape)
        for i in correct.nonzero().flatten().tolist():
            start = target.images[i], target.labels[i], target_classes[i], mask[i], steps, step
            needed += 1 + reference(target.model, target.model, *start)[1]
    assert target.passes.backwards - before == needed


def test_only_images_that_both_models_get_right_are_attacked(subject):
    target, source = subject(count=40), subject("digits/cnn-pgd-at", 40)
    target_classes, right = draw_target_classes(target), target.correct() & source.correct()
    one, other = right.nonzero().flatten()[:2].tolist()
    wrong = (target.labels + 1) % 10
    target = target.on(target.images, target.labels.clone())
    source = source.on(target.images, target.labels.clone())
    target.labels[one], source.labels[other] = wrong[one], wrong[other]
    found, _ = attack_regions(target, [FULL], target_classes, source=source, steps=40, step=1 / 40)
    right[[one, other]] = False
    assert torch.equal(found.attempted, right)
    assert not (found.fooled[0] & ~right).any()
    assert found.fooled.any()


@pytest.mark.parametrize(("steps", "enough"), [(3, False), (4, True)])
def test_as_many_steps_are_taken_as_allowed(steps, enough):
    linear = nn.Linear(4, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[0.25] * 4, [0.0] * 4]))
        linear.bias.copy_(torch.tensor([0.0, 0.4]))  # class 0 as long as the mean is above 0.4
    model = nn.Sequential(nn.Flatten(), linear)
    asked = Subject(model, torch.full((1, 1, 2, 2), 0.5), torch.zeros(1).long())
    for found in attack_regions(asked, [FULL], torch.ones(1).long(), steps=steps, step=1 / 32):
        assert found.fooled.tolist() == [[enough]]
        moved = found.images - asked.images
        assert torch.allclose(moved, torch.full_like(moved, -4 / 32 if enough else 0.0))


def test_asking_on_the_way_finds_whatever_is_found_without(subject):
    target, source = subject("digits/mlp-pgd-at", 30), subject("digits/mlp-standard", 30)
    oracle, blind = attack_regions(
        target, SHAPES, draw_target_classes(target), source=source, steps=64, step=1 / 64
    )
    assert not (blind.fooled & ~oracle.fooled).any()
    assert int(blind.fooled.sum()) < int(oracle.fooled.sum())


def test_white_box_the_two_rules_are_one(subject):
    target = subject(count=20)
    oracle, blind = attack_regions(
        target, SHAPES, draw_target_classes(target), steps=64, step=1 / 64
    )
    assert torch.equal(oracle.images, blind.images)
    assert torch.equal(oracle.fooled, blind.fooled)


def test_the_aim_is_another_class_and_the_same_whatever_is_asked(subject):
    target_classes = draw_target_classes(subject(count=200))
    assert (target_classes != subject(count=200).labels).all()
    assert int(target_classes.min()) >= 0
    assert int(target_classes.max()) <= 9
    assert len(target_classes.unique()) == 10
    assert torch.equal(target_classes, draw_target_classes(subject("digits/cnn-standard", 200)))
    assert not torch.equal(target_classes, draw_target_classes(subject(count=200, seed=1)))


def test_random_pixels_are_the_same_on_every_model_and_lie_in_larger_regions(subject):
    one, other = subject(count=20), subject("digits/cnn-pgd-at", 20)
    target_classes = draw_target_classes(one)
    mask = region_masks(one, target_classes, RANDOM)
    assert torch.equal(mask, region_masks(other, target_classes, RANDOM))
    assert not (mask & ~region_masks(one, target_classes, Shape("random", 30))).any()
    assert len(mask.flatten(1).unique(dim=0)) == 20, "every image has its own"
    assert not torch.equal(mask, region_masks(subject(count=20, seed=1), target_classes, RANDOM))


@pytest.mark.parametrize("shape", [*SHAPES, Shape("centre", 3), Shape("frame", 2)], ids=str)
def test_a_region_has_as_many_pixels_as_it_says(subject, shape):
    asked = subject(count=5)
    mask = region_masks(asked, draw_target_classes(asked), shape)
    assert mask.dtype == torch.bool
    assert (mask.flatten(1).sum(1) == shape.pixels(8, 8)).all()


def test_centre_and_frame_lie_where_they_should(subject):
    asked = subject(count=2)
    centre, frame = (
        region_masks(asked, draw_target_classes(asked), s)[0, 0] for s in (CENTRE, FRAME)
    )
    assert centre[2:6, 2:6].all()
    assert int(centre.sum()) == 16
    assert not frame[1:-1, 1:-1].any()
    assert int(frame.sum()) == 64 - 36


def test_salient_pixels_have_the_largest_gradient():
    linear = nn.Linear(2 * 16, 2)
    weight = torch.zeros(2, 2, 16)
    weight[0, 0, 3], weight[0, 1, 9], weight[1, 1, 14] = 3.0, -2.0, 1.0
    with torch.no_grad():
        linear.weight.copy_(weight.flatten(1))
    asked = Subject(
        nn.Sequential(nn.Flatten(), linear), torch.rand(4, 2, 4, 4), torch.zeros(4).long()
    )
    mask = region_masks(asked, torch.ones(4).long(), Shape("saliency", 3))
    assert mask.flatten(1).nonzero()[:, 1].view(4, 3).tolist() == [[3, 9, 14]] * 4


@pytest.mark.parametrize(
    "shape",
    [Shape("centre", 8), Shape("centre", 9), Shape("frame", 4), Shape("random", 64)],
    ids=str,
)
def test_a_region_that_does_not_fit_is_refused(subject, shape):
    asked = subject(count=2)
    with pytest.raises(InputError, match=rf"{shape.name} does not fit images of 8 x 8") as caught:
        region_masks(asked, draw_target_classes(asked), shape)
    assert "\n" not in str(caught.value)


def test_the_space_of_a_region_holds_its_points():
    images, mask = torch.rand(3, 2, 4, 4), torch.rand(3, 1, 4, 4) > 0.5
    region = Region(images, mask)
    inside = region.sample(torch.Generator().manual_seed(0))
    assert float(region.excess(inside).max()) <= 0
    assert torch.equal(region.project(inside)[IMAGES], inside[IMAGES])
    wild = {IMAGES: 3 * torch.randn_like(images)}
    assert float(region.excess(wild).min()) > 0
    assert float(region.excess(region.project(wild)).max()) <= 0
    touched = {IMAGES: torch.where(mask, images, images + (0.5 - images).sign() * 0.1)}
    assert region.excess(touched).tolist() == pytest.approx([0.1] * 3)
    step = region.steepest(wild)[IMAGES]
    assert torch.equal(step, wild[IMAGES].sign() * mask)
    with pytest.raises(InputError, match="mask must be bool"):
        Region(images, mask.float())
    with pytest.raises(InputError, match="mask must be bool"):
        Region(images, mask[:2])


def test_norms_are_those_of_the_paper():
    clean = torch.full((2, 3, 2, 2), 0.5)
    images = clean.clone()
    images[0, :, 0, 0] += torch.tensor([0.3, 0.0, -0.4])
    images[1, 0] += 1e-7  # what rounding leaves is no change
    images[1, 1, 1, 1] += 0.25
    expected = torch.tensor([[0.25, 0.5, 0.4], [0.25, 0.25, 0.25]])
    assert torch.allclose(perturbation_norms(images, clean).float(), expected, atol=1e-6)


def test_ratios_are_paired_by_image_and_say_how_many_pairs():
    fooled = torch.tensor([[[True, True, True, False], [True, False, True, True]]])
    norms = torch.zeros(1, 2, 4, 3, dtype=torch.float64)
    norms[0, 0, :, 1] = torch.tensor([1.0, 100.0, 4.0, 0.0])
    norms[0, 1, :, 1] = torch.tensor([3.0, 0.0, 2.0, 7.0])
    tally = Tally(fooled, torch.tensor([[True, True, True, True]]), norms)
    ratio = tally.ratio([1], "l2")
    assert ratio is not None
    assert (ratio.value, ratio.n) == (1.75, 2)  # 3 / 1 and 2 / 4; images 1 and 3 have no pair
    assert Tally(fooled & False, tally.attempted, norms).ratio([1], "l2") is None


def test_rates_count_attempts_and_their_intervals_count_images():
    fooled = torch.zeros(2, 3, 4, dtype=torch.bool)
    fooled[0, 1, :2], fooled[1, 2, 1] = True, True
    attempted = torch.tensor([[True, True, True, False], [False, True, False, False]])
    tally = Tally(fooled, attempted, torch.zeros(2, 3, 4, 3))
    assert tally.counts([1, 2]) == (3, 8)
    assert tally.rate([1, 2]) == wilson(3 / 8, 3)
    assert tally.rate([]) is None
    assert Tally(fooled & False, attempted & False, tally.norms).rate([1]) is None


def test_scores_follow_from_the_outcomes(ask, digits, zoo):
    result = ask()
    data = digits.head(20)
    correct = zoo("digits/mlp-standard")(data.images).argmax(1) == data.labels
    outcomes = result.outcomes
    tried, standing = int(correct.sum()), outcomes["white-box@full"].sum()
    assert result.scores["success_full"].value == pytest.approx((tried - standing) / tried)
    lost = sum(tried - outcomes[f"white-box@centre-{edge}"].sum() for edge in (3, 5))
    assert result.scores["success_centre"].value == pytest.approx(lost / (2 * tried))
    assert 0.3 < result.scores["success_centre"].value < result.scores["success_full"].value
    assert result.scores["transfer_rate_no_oracle"].value < result.scores["transfer_rate"].value
    assert result.scores["centre_l0_ratio"].value < 1
    both = correct & (zoo("digits/mlp-pgd-at")(data.images).argmax(1) == data.labels)
    named = [name for name in outcomes if name.startswith("transfer@")]
    carried = {name: int(both.sum() - (outcomes[name] & both.numpy()).sum()) for name in named}
    paper = [n for name, n in carried.items() if "full" not in name and "saliency" not in name]
    assert len(paper) == 5
    assert result.scores["transfer_rate"].value == sum(paper) / (5 * int(both.sum()))
    unrestricted = carried["transfer@full"] / int(both.sum())
    assert result.scores["transfer_rate_full"].value == unrestricted
    assert set(result.scores) == set(RegionalProbe.scores)
    assert "headline" not in outcomes
    for bits in outcomes.values():
        assert bits.shape == (20,)
        assert not (bits & ~correct.numpy()).any()


def test_curves_end_at_the_unrestricted_attack(ask):
    result = ask()
    pictures = {curve.picture for curve in result.curves}
    assert {"regional_white_box", "regional_transfer"} <= pictures
    for curve in result.curves:
        assert curve.x == sorted(curve.x)
        assert curve.x[-1] == 1
        if curve.picture == "regional_white_box":
            assert curve.y[-1].value == result.scores["success_full"].value
        if curve.picture.startswith("l2"):
            assert curve.y[-1].value == 1
    centre = next(c for c in result.curves if c.series == "centre")
    assert centre.x_text == ["14.1%", "39.1%", "100%"]


@pytest.mark.parametrize("model", ["digits/mlp-standard", "digits/cnn-standard"])
def test_the_batch_size_does_not_matter(ask, model):
    few, many = (ask(model, batch_size=size, examples=8) for size in (7, 256))
    assert few.scores == many.scores
    for name, bits in few.outcomes.items():
        assert (bits == many.outcomes[name]).all(), name


def test_the_model_itself_is_no_peer_of_its_own(ask, zoo):
    same = copy.deepcopy(zoo("digits/mlp-standard"))
    for model in ("digits/mlp-standard", same):
        protocol = ask(model, examples=5).protocol
        assert protocol["surrogates"] == ["digits/mlp-pgd-at"]
        assert protocol["surrogates left out"] == {"digits/mlp-standard": "it is this model"}
    stranger = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    assert len(ask(stranger, examples=5).protocol["surrogates"]) == 2


def test_without_peers_there_is_no_score_of_transfer(ask):
    for peers in ([], ["digits/mlp-standard"], ["cifar10/resnet18-standard"]):
        if peers and peers[0].startswith("cifar10"):
            pytest.importorskip("pyautoattack")
        result = ask(peers=peers, examples=5, steps=5)
        assert not [name for name in result.scores if name.startswith("transfer")]
        assert "success_full" in result.scores
        assert set(result.protocol["surrogates left out"]) == set(peers)


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(
        ValueError, match=r"unknown surrogate 'digits/mlp'; did you mean 'digits/mlp-"
    ):
        RegionalSettings(peers=("digits/mlp",))
    with pytest.raises(ValueError, match=r"must ascend from at least 1, got \(5, 3\)"):
        RegionalSettings(centre_edges=(5, 3))
    with pytest.raises(ValueError, match=r"must ascend from at least 1, got \(0, 3\)"):
        RegionalSettings(random_pixels=(0, 3))


def test_two_classes_are_enough():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2)).requires_grad_(False)
    images = torch.rand(10, 1, 4, 4)
    labels = model(images).argmax(1)
    asked = Subject(model, images, labels)
    assert torch.equal(draw_target_classes(asked), 1 - labels)
    result = RegionalProbe(RegionalSettings(centre_edges=(2,)))(asked)
    assert result.scores["success_full"].value == 1


def test_a_model_that_is_always_wrong_has_nothing_to_lose(subject):
    asked = subject(count=5)
    asked.labels = (asked.logits().argmax(1) + 1) % 10
    probe = RegionalProbe(RegionalSettings(centre_edges=(3,), steps=3))
    result = probe(asked.on(asked.images, asked.labels))
    assert result.scores == {}
    assert result.curves == []
    assert not result.outcomes["white-box@centre-3"].any()
