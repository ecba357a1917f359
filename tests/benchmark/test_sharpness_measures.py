"""Hessian, Fisher-Rao norm, relative flatness, SAM and ASAM: against dense matrices and closed
forms, and under the rescaling that must or must not change them."""

import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call, hessian

from benchmark.measures.fisher_rao import fisher_rao_norm
from benchmark.measures.hessian import Hessian
from benchmark.measures.relative_flatness import last_layer
from benchmark.measures.sharpness import asam_sharpness, sam_sharpness
from benchmark.probes.flatness import FlatnessProbe, FlatnessSettings
from benchmark.probes.flatness.measures import SPECS
from benchmark.spaces import select_weights
from benchmark.subject import Subject

N = 12


def small_network(kind):
    """An MLP, or a convolution with batch norm whose statistics are those of some data."""
    torch.manual_seed(1)
    if kind == "mlp":
        model = nn.Sequential(nn.Flatten(), nn.Linear(16, 6), nn.ReLU(), nn.Linear(6, 4))
    else:
        model = nn.Sequential(
            nn.Conv2d(1, 3, 3),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(12, 4),
        )
        for _ in range(20):
            model(torch.rand(64, 1, 4, 4))
    return model.eval().requires_grad_(False)


def small_subject(kind, *, double=True, **options):
    model = small_network(kind)
    generator = torch.Generator().manual_seed(2)
    images = torch.rand(N, 1, 4, 4, generator=generator)
    labels = torch.randint(4, (N,), generator=generator)
    if double:
        model, images = model.double(), images.double()
    return Subject(model, images, labels, **options)


def rescaled(subject, factor=1 / 8):
    """The same function with scale moved from the first layer to the next."""
    model = copy.deepcopy(subject.model)
    first = next(m for m in model if isinstance(m, nn.Linear | nn.Conv2d))
    first.weight *= factor
    first.bias *= factor
    for module in model:
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean *= factor
            module.running_var *= factor**2
            module.eps *= factor**2
            break
    else:
        model[-1].weight /= factor
    torch.testing.assert_close(model(subject.images), subject.model(subject.images))
    return Subject(model, subject.images, subject.labels)


def layer_of(subject):
    layer = last_layer(subject)
    assert layer is not None
    return layer


def dense_hessian(subject, *, relative=False):
    """By automatic differentiation, over all kernels in one vector."""
    weights = select_weights(subject.model, "kernels")
    sizes = [w.numel() for w in weights.values()]

    def loss(vector):
        parts = torch.split(vector, sizes)
        point = {n: p.view_as(w) for (n, w), p in zip(weights.items(), parts, strict=True)}
        logits = functional_call(subject.model, point, (subject.images,))
        return nn.functional.cross_entropy(logits, subject.labels)

    matrix = hessian(loss)(torch.cat([w.flatten() for w in weights.values()]))
    if relative:
        norms = torch.cat([w.norm().expand(w.numel()) for w in weights.values()])
        matrix = norms[:, None] * matrix * norms
    return matrix


@pytest.mark.parametrize("kind", ["mlp", "bn"])
@pytest.mark.parametrize("relative", [False, True])
def test_hessian_products_and_ends_are_those_of_the_dense_matrix(kind, relative):
    subject = small_subject(kind, batch_size=5)
    matrix, asked = dense_hessian(subject, relative=relative), Hessian(subject, relative=relative)
    vector = torch.randn(len(matrix), dtype=torch.float64)
    torch.testing.assert_close(asked.times(vector), matrix @ vector)
    values = torch.linalg.eigvalsh(matrix)
    ends = asked.spectrum(80)
    assert ends.largest == pytest.approx(float(values[-1]), rel=1e-3)
    assert ends.smallest == pytest.approx(float(values[0]), abs=2e-3 * float(values[-1]))
    assert ends.steps < 80
    early = asked.spectrum(3)
    assert early.largest <= float(values[-1]) * (1 + 1e-9)
    assert early.smallest >= float(values[0]) - 1e-9
    assert early.residual > ends.residual


@pytest.mark.parametrize("kind", ["mlp", "bn"])
def test_traces_are_unbiased(kind):
    subject = small_subject(kind)
    drawn = Hessian(subject).traces(200)
    error = float(drawn.std() / 200**0.5)
    assert abs(float(drawn.mean() - dense_hessian(subject).trace())) < 4 * error
    weights = select_weights(subject.model, "kernels").values()
    blocks = torch.split(dense_hessian(subject).diagonal(), [w.numel() for w in weights])
    exact = sum(w.square().mean() * d.sum() for w, d in zip(weights, blocks, strict=True))
    drawn = Hessian(subject, relative=True).traces(200)
    assert abs(float(drawn.mean() - exact)) < 4 * float(drawn.std() / 200**0.5)


def test_chunks_change_no_measure():
    few, many = (small_subject("bn", batch_size=size) for size in (4, 256))
    assert fisher_rao_norm(few).value == pytest.approx(fisher_rao_norm(many).value)
    assert layer_of(few).trace() == pytest.approx(layer_of(many).trace())
    assert Hessian(few).spectrum(10).largest == pytest.approx(Hessian(many).spectrum(10).largest)


@pytest.mark.parametrize("kind", ["mlp", "bn"])
def test_relative_flatness_is_that_of_the_blocks_of_the_hessian(kind):
    subject = small_subject(kind)
    layer, name = subject.model[-1], f"{len(subject.model) - 1}.weight"

    def loss(weight):
        logits = functional_call(subject.model, {name: weight}, (subject.images,))
        return nn.functional.cross_entropy(logits, subject.labels)

    blocks = hessian(loss)(layer.weight).permute(0, 2, 1, 3)
    products = layer.weight @ layer.weight.T
    traces = blocks.diagonal(dim1=2, dim2=3).sum(-1)
    found = layer_of(subject)
    assert found.trace() == pytest.approx(float((products * traces).sum()))
    tops = torch.stack([torch.linalg.eigvalsh(blocks[s, s])[-1] for s in range(4)])
    assert found.largest() == pytest.approx(float((products.diagonal() * tops).sum()))


def test_normalised_relative_flatness_does_not_see_the_scale_of_any_unit():
    subject = small_subject("mlp")
    other = copy.deepcopy(subject.model)
    factors = torch.tensor([2.0, 0.5, 8.0, 1.0, 0.25, 4.0], dtype=torch.float64)
    other[1].weight *= factors[:, None]
    other[1].bias *= factors
    other[3].weight /= factors
    before, after = layer_of(subject), layer_of(Subject(other, subject.images, subject.labels))
    assert after.normalized().trace() == pytest.approx(before.normalized().trace())
    assert after.normalized().largest() == pytest.approx(before.normalized().largest())
    assert after.trace() != pytest.approx(before.trace(), rel=0.1)
    same = before.normalized()
    torch.testing.assert_close(same.features @ same.weight.T, before.features @ before.weight.T)


@pytest.mark.parametrize("layers", [2, 3])
def test_the_fisher_rao_norm_of_a_bias_free_network_is_the_closed_form(layers):
    torch.manual_seed(0)
    hidden = [nn.Linear(8, 8, bias=False), nn.ReLU()] * (layers - 2)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(16, 8, bias=False), nn.ReLU(), *copy.deepcopy(hidden)
    )
    model = model.append(nn.Linear(8, 4, bias=False)).double().requires_grad_(False)
    subject = Subject(model, torch.rand(N, 1, 4, 4).double(), torch.randint(4, (N,)), batch_size=8)
    z = subject.logits()
    own = z.gather(1, subject.labels[:, None]).squeeze(1)
    closed = layers * ((z.softmax(1) * z).sum(1) - own).square().mean().sqrt()
    assert fisher_rao_norm(subject).value == pytest.approx(float(closed))


@pytest.mark.parametrize("kind", ["mlp", "bn"])
def test_the_fisher_rao_norm_is_the_slope_along_the_weights(kind):
    subject, step = small_subject(kind), 1e-6
    weights = select_weights(subject.model, "all")

    def losses(factor):
        moved = subject.at({name: factor * w for name, w in weights.items()})
        return nn.functional.cross_entropy(moved.logits(), subject.labels, reduction="none")

    slopes = (losses(1 + step) - losses(1 - step)) / (2 * step)
    found = fisher_rao_norm(subject)
    assert found.value == pytest.approx(float(slopes.square().mean().sqrt()), rel=1e-4)
    assert found.low == found.high == found.value  # see benchmark.interval_kinds


def test_sam_and_asam_rise_as_the_gradient_says_for_short_steps():
    subject, rho = small_subject("mlp"), 1e-5
    weights = select_weights(subject.model)
    point = {n: w.clone().requires_grad_(True) for n, w in weights.items()}
    loss = nn.functional.cross_entropy(subject.forward(subject.images, point), subject.labels)
    slopes = torch.autograd.grad(loss, list(point.values()))
    plain = torch.cat([g.flatten() for g in slopes]).norm()
    scaled = torch.cat([(g * w).flatten() for g, w in zip(slopes, weights.values(), strict=True)])
    assert float(sam_sharpness(subject, weights, rho)) == pytest.approx(
        float(rho * plain), rel=1e-3
    )
    assert float(asam_sharpness(subject, weights, rho)) == pytest.approx(
        float(rho * scaled.norm()), rel=1e-3
    )
    assert float(asam_sharpness(subject, weights, rho, eta=0.1)) > rho * float(scaled.norm())
    assert float(sam_sharpness(subject, weights, 0.0)) == 0


UNCHANGED = {
    "relative_hessian_top",
    "relative_hessian_trace",
    "fisher_rao",
    "relative_flatness",
    "relative_flatness_max",
    "asam",
}


def measures_of(subject, **changes):
    settings = {
        "eps": 0.0,
        "draws": 2,
        "epochs": 1,
        "restarts": 1,
        "average_radii": [],
        "worst_radii": [],
        "lanczos_steps": 60,
    }
    result = FlatnessProbe(FlatnessSettings(**settings | changes))(subject)
    found = {name: result.scores[name].value for name in SPECS if name in result.scores}
    return found, result.protocol.get("other measures", {})


@pytest.mark.parametrize("kind", ["mlp", "bn"])
def test_moving_scale_between_relu_layers_changes_what_depends_on_it_and_nothing_else(kind):
    subject = small_subject(kind, double=False)
    before, _ = measures_of(subject)
    after, _ = measures_of(rescaled(subject))
    assert before.keys() == after.keys() == SPECS.keys()
    for name in UNCHANGED:
        assert after[name] == pytest.approx(before[name], rel=1e-4), name
    for name in SPECS.keys() - UNCHANGED:
        assert after[name] != pytest.approx(before[name], rel=0.05), name


class Frozen(torch.autograd.Function):
    """Identity that may be differentiated once."""

    @staticmethod
    def forward(ctx, values):
        return values.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, slope):
        return slope


class OnceDifferentiable(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        return Frozen.apply(self.model(images))


def test_what_a_model_does_not_have_is_left_out_and_said():
    subject = small_subject("mlp", double=False)
    whole = OnceDifferentiable(subject.model)
    found, said = measures_of(Subject(whole, subject.images, subject.labels))
    assert set(found) == {"sam", "asam"}
    assert "differentiate twice" in said["second derivatives"]
    assert "not the output of a linear layer" in said["relative flatness"]
    assert measures_of(subject, measure_examples=0) == ({}, {})


def test_measures_leave_the_model_as_it_was():
    subject = small_subject("bn", double=False)
    before = {name: tensor.clone() for name, tensor in subject.model.state_dict().items()}
    measures_of(subject)
    for name, tensor in subject.model.state_dict().items():
        assert torch.equal(tensor, before[name])
    for module in subject.model.modules():
        assert not module._forward_hooks
    assert all(not p.requires_grad and p.grad is None for p in subject.model.parameters())
