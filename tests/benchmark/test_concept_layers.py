"""The layers in which concepts are looked for, their activations and derivatives."""

import pytest
import torch
from torch import nn

from benchmark.concepts import Directions, activations, choose_layer, loops, respond, strokes
from benchmark.concepts.sensitivity import tcav_scores
from benchmark.concepts.vectors import fit_logistic
from benchmark.subject import Subject
from models_zoo import InputError


class Twice(nn.Module):
    """A network that calls one of its layers twice, and adds with a function."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 40)
        self.again = nn.Linear(40, 40)
        self.last = nn.Linear(40, 3)

    def forward(self, images):
        return self.last(self.again(self.again(self.first(images.flatten(1)))))


def sequential():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(256, 20),
        nn.ReLU(inplace=True),
        nn.Linear(20, 3),
    )


@pytest.fixture
def subject_of():
    def make(model, count=6, **options):
        images = torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(1))
        return Subject(
            model.eval().requires_grad_(False), images, torch.arange(count) % 3, **options
        )

    return make


def test_the_default_is_the_last_layer_before_the_last_linear_one_that_is_wide_enough(subject_of):
    subject = subject_of(sequential())
    chosen = [choose_layer(subject, "", above) for above in (10, 19, 20, 100)]
    assert [each.name for each in chosen] == ["4", "4", "2", "2"]
    assert [each.width for each in chosen] == [20, 20, 256, 256]
    assert choose_layer(subject, "0", 100).kind == "Conv2d"
    assert all(not module._forward_hooks for module in subject.model.modules())


def test_a_layer_that_is_called_twice_is_not_chosen(subject_of):
    subject = subject_of(Twice())
    assert choose_layer(subject, "", 30).name == "first"
    with pytest.raises(InputError, match="'again' is not called exactly once"):
        choose_layer(subject, "again", 30)


@pytest.mark.parametrize(
    ("name", "above", "message"),
    [
        ("", 256, "no layer before the last linear one has more than 256 numbers.*the widest 256"),
        ("3", 20, "layer '3' has 20 numbers per image, and more than 20 are needed"),
        ("33", 20, "unknown layer of the model '33'; did you mean '3'"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_line(subject_of, name, above, message):
    with pytest.raises(InputError, match=message) as caught:
        choose_layer(subject_of(sequential()), name, above)
    assert "\n" not in str(caught.value)


class Functions(nn.Module):
    """A network that uses the weights of its layers without calling them, as compiled ones do."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 3)

    def forward(self, images):
        return nn.functional.linear(images.flatten(1), self.last.weight)


def test_a_model_whose_layers_are_not_called_is_refused_with_what_to_do(subject_of):
    with pytest.raises(InputError, match=r"calls none of its modules.*was compiled from"):
        choose_layer(subject_of(Functions()), "", 10)


def test_activations_are_those_before_the_next_module_changes_them_in_place(subject_of):
    subject = subject_of(sequential(), batch_size=4)
    found = activations(subject, choose_layer(subject, "3", 10), subject.images)
    with torch.no_grad():
        expected = subject.model[:4](subject.images)
    assert torch.allclose(found, expected.double(), atol=1e-6)
    assert float(found.min()) < 0  # before the next ReLU, which works in place
    assert subject.passes.forwards == 7  # one to choose the layer


@pytest.mark.parametrize("batch_size", [2, 64])
def test_derivatives_are_those_of_the_logit_along_the_vector(subject_of, batch_size):
    subject = subject_of(sequential(), batch_size=batch_size)
    layer = choose_layer(subject, "3", 10)
    weights = torch.randn(2, 20, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    directions = Directions(weights, torch.tensor([0.5, -1.0], dtype=torch.float64))
    found = respond(subject, layer, directions)
    acts = activations(subject, layer, subject.images)
    assert torch.allclose(found.margins, acts @ weights.T + directions.biases)
    rest = subject.model[4:].double()
    step = 1e-6
    for place, direction in enumerate(weights):
        ahead, behind = (rest((acts + s * direction).clone()) for s in (step, -step))
        expected = ((ahead - behind) / (2 * step))[torch.arange(6), subject.labels]
        assert torch.allclose(found.derivatives[:, place], expected, atol=1e-4)
    assert all(not module._forward_hooks for module in subject.model.modules())


PATCH = (slice(None), slice(None), slice(0, 2), slice(0, 2))


def planted(count, seed):
    """Noise, where class 0 alone has a bright patch and the others a bright row each."""
    draws = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1, 8, 8, generator=draws) * 0.5
    labels = torch.arange(count) % 3
    images[labels == 1, :, 4] = 1.0
    images[labels == 2, :, 6] = 1.0
    images[labels == 0] = with_patch(images[labels == 0])
    return images, labels


def with_patch(images):
    patched = images.clone()
    patched[PATCH] = 1.0
    return patched


@pytest.fixture(scope="module")
def trained():
    """A small network that classifies what :func:`planted` draws."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 3))
        images, labels = planted(300, 0)
        weights = list(model.parameters())
        for _ in range(60):  # torch.optim takes a second to import
            loss = nn.functional.cross_entropy(model(images), labels)
            for each, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                each.data -= 0.3 * gradient
        assert (model(images).argmax(1) == labels).double().mean() > 0.99
    return model.eval().requires_grad_(False)


def scores_of(model, concept, others, examples):
    """TCAV scores by class of the vector between two groups of images."""
    images, labels = examples
    subject = Subject(model, images, labels)
    layer = choose_layer(subject, "2", 20)
    acts = [activations(subject, layer, each) for each in (concept, others)]
    vector = fit_logistic(acts[0], acts[1][None], 1e-3)
    return [
        float(
            tcav_scores(
                respond(subject.take((labels == k).nonzero()[:, 0]), layer, vector).derivatives
            )
        )
        for k in range(3)
    ]


def test_a_planted_concept_is_found_in_its_class_and_not_in_others(trained):
    noise = torch.rand(80, 1, 8, 8, generator=torch.Generator().manual_seed(5)) * 0.5
    found = scores_of(trained, with_patch(noise[:40]), noise[40:], planted(90, 1))
    assert found[0] > 0.95
    assert max(found[1:]) < 0.05


def test_a_random_concept_is_not_found(trained):
    found = []
    for seed in range(20):
        noise = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(seed)) * 0.5
        found.append(scores_of(trained, noise[:20], noise[20:], planted(90, 1)))
    means = torch.tensor(found).mean(0)
    assert float((means - 0.5).abs().max()) < 0.35  # each is 0 or 1 with most seeds


def test_the_scores_are_those_of_captum(trained, tmp_path):
    pytest.importorskip("captum")
    from captum.concept import TCAV, Classifier, Concept  # type: ignore[import-not-found]

    images, labels = planted(60, 1)
    drawn = torch.Generator().manual_seed(3)
    concept, others = (draw(20, (1, 8, 8), drawn) for draw in (loops, strokes))
    subject = Subject(trained, images, labels)
    layer = choose_layer(subject, "2", 20)
    vector = fit_logistic(
        *(activations(subject, layer, concept), activations(subject, layer, others)[None]), 1e-3
    )

    class Ours(Classifier):  # type: ignore[misc]
        """Returns the vector above; captum's own classifier has other settings and a split."""

        def __init__(self):  # abstract there
            pass

        def train_and_eval(self, dataloader, **_):
            return {}

        def weights(self):
            return torch.cat([vector.weights, -vector.weights]).float()

        def classes(self):
            return [0, 1]

    asked = TCAV(trained, [layer.name], classifier=Ours(), save_path=str(tmp_path))
    pair = [Concept(0, "loop", [concept]), Concept(1, "stroke", [others])]
    for k in range(3):
        found = asked.interpret(images[labels == k], [pair], target=k)
        (score,) = (each[layer.name]["sign_count"][0] for each in found.values())
        own = respond(subject.take((labels == k).nonzero()[:, 0]), layer, vector)
        assert float(score) == pytest.approx(float(tcav_scores(own.derivatives)))
