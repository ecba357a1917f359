"""Arguments as callers write them: taken where they are clear, refused with a hint where not."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmark import (
    attack_inputs,
    attack_weights,
    certify_joint,
    evaluate,
    flatness,
    inject_backdoor,
    load_dataset,
    minimal_distances,
)
from benchmark.arguments import (
    budget_of,
    count_of,
    device_of,
    images_of,
    input_budget_of,
    labels_of,
    norm_of,
)
from models_zoo.errors import InputError

N = 4


@pytest.fixture(scope="module")
def call():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(18, 3))
    images = torch.rand(N, 2, 3, 3, generator=torch.Generator().manual_seed(1))
    labels = network(images).argmax(1)

    def attack(**changes):
        given = {"images": images, "labels": labels, "eps": 0.1, "effort": "quick"} | changes
        return attack_inputs(network, given.pop("images"), given.pop("labels"), **given)

    asked: Any = attack
    asked.images, asked.labels, asked.network = images, labels, network
    return asked


@pytest.mark.parametrize(
    ("norm", "name"),
    [
        ("linf", "linf"),
        ("Linf", "linf"),
        ("LINF", "linf"),
        ("l_inf", "linf"),
        ("L-inf", "linf"),
        ("inf", "linf"),
        (" linf ", "linf"),
        ("l\N{INFINITY}", "linf"),
        (np.inf, "linf"),
        (float("inf"), "linf"),
        (torch.inf, "linf"),
        (2, "l2"),
        (2.0, "l2"),
        ("2", "l2"),
        ("L2", "l2"),
        (np.int64(2), "l2"),
        (np.float64(2), "l2"),
        (1, "l1"),
        ("L1", "l1"),
    ],
)
def test_norms_are_known_as_others_write_them(norm, name):
    assert norm_of(norm) == name


@pytest.mark.parametrize("norm", ["l3", 3, 0, -2, "lp", "", True, None, [2], 2.5, "\uff4c\uff12"])
def test_other_norms_are_refused(call, norm):
    with pytest.raises(InputError, match="norm"):
        call(norm=norm)


@pytest.mark.parametrize(
    ("eps", "value"),
    [
        ("8/255", 8 / 255),
        (" 8 / 255 ", 8 / 255),
        ("0.03", 0.03),
        ("1e-2", 0.01),
        (0, 0.0),
        (1, 1.0),
        (torch.tensor(0.1, dtype=torch.float64), 0.1),
        (np.float32(0.25), 0.25),
        (np.array(0.25), 0.25),
        (np.float64(0.1), 0.1),
        (8 / 255, 8 / 255),
        (Fraction(8, 255), 8 / 255),
        (Decimal("0.03"), 0.03),
    ],
)
def test_budgets_are_known_as_others_write_them(eps, value):
    assert budget_of("eps", eps) == value


@pytest.mark.parametrize(
    "eps",
    [
        *("8/0", "8//255", "", "eight", "nan", "inf", "-1/255", -0.1, np.nan, np.inf, None, True),
        *([0.1], Fraction(-1, 9), Decimal("sNaN"), Decimal("Infinity"), Fraction(10**400)),
        *(torch.full((N,), 0.1), torch.tensor(0.1, device="meta"), 0.1 + 0j, b"0.1"),
    ],
)
def test_other_budgets_are_refused(call, eps):
    for ask in (
        lambda: call(eps=eps),
        lambda: attack_weights(call.network, call.images, call.labels, radius=eps),
        lambda: inject_backdoor(call.network, call.images, call.labels, radius=eps),
        lambda: flatness(call.network, call.images, call.labels, eps=eps),
        lambda: certify_joint(call.network, call.images, call.labels, eps=eps, radius=0.1),
    ):
        with pytest.raises(InputError) as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_a_budget_with_a_huge_exponent_is_refused_at_once():
    for text in ("1e999999999", "1/1e-999999999", "9" * 5000, "1" + "0" * 400):
        with pytest.raises(InputError):
            budget_of("eps", text)


@pytest.mark.parametrize(
    ("norm", "eps", "hint"),
    [
        ("linf", 8, r"did you mean 8/255\?"),
        ("linf", 255, r"did you mean 255/255\?"),
        ("linf", 4.0, r"did you mean 4/255\?"),
        ("Linf", "2", r"did you mean 2/255\?"),
        ("linf", 1.01, r"radius 1 holds every image"),
        ("l2", 128, r"did you mean 128/255\?"),
        (2, 5.0, r"holds every image, got 5"),
        ("l1", 20, r"radius 18 holds every image"),
        ("l1", 1000, r"holds every image, got 1000$"),
        ("linf", 300, r"got 300"),
    ],
)
def test_budgets_beyond_the_box_are_taken_for_a_mistake(call, norm, eps, hint):
    with pytest.raises(InputError, match=hint):
        call(norm=norm, eps=eps)


def test_budgets_as_large_as_the_box_are_none(call):
    images = call.images
    assert input_budget_of(1, "linf", images) == 1.0
    assert input_budget_of(18**0.5, "l2", images) == 18**0.5
    assert input_budget_of(18, "l1", images) == 18.0


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.numpy(),
        lambda x: x.double(),
        lambda x: x.double().numpy(),
        lambda x: x.tolist(),
        lambda x: x.clone().requires_grad_(True),
        lambda x: x.contiguous(memory_format=torch.channels_last),
        lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
        lambda x: x.flip(0).flip(0),
        lambda x: x.numpy()[::-1].copy()[::-1],
        lambda x: nn.Parameter(x),
        lambda x: np.asfortranarray(x.numpy()),
    ],
)
def test_images_are_taken_in_every_form_that_says_the_same(call, change):
    given = change(call.images)
    own = images_of(given)
    assert torch.equal(own, call.images)
    assert own.is_contiguous()
    assert not own.requires_grad
    own.fill_(0)
    assert not torch.equal(images_of(given), own)


@pytest.mark.parametrize("outside", [-1e-7, 1 + 1e-7, -1e-6, 1 + 5e-7])
def test_a_rounding_error_outside_the_box_is_clipped(call, outside):
    images = call.images.clone()
    images[0, 0, 0, 0] = outside
    assert images_of(images)[0, 0, 0, 0] == (0 if outside < 0 else 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: (x * 255).byte(), r"use images.float\(\) / 255"),
        (lambda x: x * 255, r"divide by 255"),
        (lambda x: x * 4 - 2, r"before normalization"),
        (lambda x: x / x.max() * (1 + 3e-6), r"got values from .* to 1\.00000"),
        (lambda x: x[0], r"images.unsqueeze\(0\)"),
        (lambda x: x[:, 0], r"images.unsqueeze\(0\)"),
        (lambda x: x[0, 0, 0, 0], r"float \(N, C, H, W\)"),
        (lambda x: x.flatten(1), r"float \(N, C, H, W\)"),
        (lambda x: x[:0], r"no examples"),
        (lambda x: x[:, :0], r"must have pixels"),
        (lambda x: x * torch.nan, r"must lie in \[0, 1\]"),
        (lambda x: x + torch.inf, r"must lie in \[0, 1\]"),
        (lambda x: x.to(torch.complex64), r"real numbers"),
        (lambda x: x.to_sparse(), r"dense"),
        (lambda x: x.to("meta"), r"device 'meta'"),
        (lambda x: "images", r"got a str"),
        (lambda x: None, r"got a NoneType|got a"),
        (lambda x: [[1, 2], [3]], r"got a list"),
        (lambda x: {"x": x}, r"got a dict"),
        (lambda x: np.ma.masked_greater(x.numpy(), 0.5), r"masked array"),
        (lambda x: torch.nested.nested_tensor(list(x)), r"nested"),
        (lambda x: x.numpy().astype(object), r"got an? ndarray of object"),
        (lambda x: (x[:, 0] * 255).byte(), r"unsqueeze\(0\); use images.float\(\) / 255"),
        (lambda x: (x * 255).long(), r"use images.float\(\) / 255"),
        (
            lambda x: TensorDataset(x),
            r"a TensorDataset; it gives its labels as well",
        ),
        (lambda x: DataLoader(TensorDataset(x)), r"a DataLoader; .* pass it alone"),
        (lambda x: load_dataset("digits").head(2), r"it has its labels: pass it alone"),
        (lambda x: x > 0.5, r"float \(N, C, H, W\), got torch.bool"),
    ],
)
def test_images_that_cannot_be_meant_are_refused(call, change, message):
    with pytest.raises(InputError, match=message) as caught:
        call(images=change(call.images))
    assert "\n" not in str(caught.value)


def test_images_in_another_order_of_dimensions_are_recognized():
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.LazyLinear(2))
    model(torch.rand(1, 3, 8, 8))
    with pytest.raises(InputError, match=r"use images.permute\(0, 3, 1, 2\)"):
        attack_inputs(model, torch.rand(2, 8, 8, 3), torch.zeros(2).long(), eps=0.1)


@pytest.mark.parametrize(
    "change",
    [
        lambda y: y.int(),
        lambda y: y.byte(),
        lambda y: y.numpy(),
        lambda y: y.numpy().astype(np.int32),
        lambda y: y.numpy().astype(np.uint16),
        lambda y: y.tolist(),
        lambda y: tuple(y.tolist()),
        lambda y: torch.stack([y, y], 1)[:, 0],
        lambda y: y.to(torch.int8),
        lambda y: np.asarray(y.tolist(), dtype=">i4"),
    ],
)
def test_labels_are_taken_in_every_form_that_says_the_same(call, change):
    assert torch.equal(labels_of(change(call.labels), N), call.labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y[:, None], r"labels.squeeze\(1\)"),
        (lambda y: torch.eye(3)[y], r"labels.argmax\(1\)"),
        (lambda y: y.float(), r"labels.long\(\)"),
        (lambda y: y[:-1], r"must be int \(4,\)"),
        (lambda y: y[0], r"must be int \(4,\)"),
        (lambda y: y > 0, r"must be int \(4,\)"),
        (lambda y: y + 3, r"labels must lie in 0..2"),
        (lambda y: y - 9, r"labels must lie in 0..2"),
        (lambda y: ["a"] * N, r"got a list"),
        (lambda y: None, r"labels"),
        (lambda y: y.to("meta"), r"device 'meta'"),
        (lambda y: np.ma.masked_equal(y.numpy(), int(y[0])), r"masked array"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused(call, change, message):
    with pytest.raises(InputError, match=message) as caught:
        call(labels=change(call.labels))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [None, 3, ["quick"], {"quick"}, "fast", True, np.array([1, 2])])
def test_names_that_are_none_are_refused(call, value):
    asked = (call.network, call.images, call.labels)
    for name in ("effort", "access"):
        with pytest.raises(InputError, match=f"unknown {name}"):
            call(**{name: value})
    for name in ("geometry", "rule"):
        with pytest.raises(InputError, match=f"unknown weight {name}"):
            attack_weights(*asked, radius=0.1, steps=1, **{name: value})
        with pytest.raises(InputError, match=f"unknown weight {name}"):
            inject_backdoor(*asked, radius=0.1, steps=1, **{name: value})
    with pytest.raises(InputError, match="trigger must be one of"):
        inject_backdoor(*asked, radius=0.1, steps=1, trigger="patch")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="precision must be"):
        minimal_distances(*asked, precision=value)


@pytest.mark.parametrize(
    "value", [3, {"inputs"}, True, ["fast"], np.array([1, 2]), np.array(["x"])]
)
def test_probes_that_are_none_are_refused(call, value):
    with pytest.raises(InputError, match=r"unknown probe|probes must be a list"):
        evaluate(call.network, call.images, call.labels, "digits-v1", value)


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        ("digits/mlp-standard", "load_model"),
        (nn.Linear(18, 3).state_dict(), "load_state_dict"),
        ([nn.Identity()], "pass one model"),
        (None, "got a NoneType"),
        (lambda x: x, "can be wrapped in a module"),
    ],
)
def test_what_is_no_model_is_refused_with_a_hint(call, model, hint):
    with pytest.raises(InputError, match=hint):
        attack_inputs(model, call.images, call.labels, eps=0.1)


@pytest.mark.parametrize(
    "device", ["cuba", "cuda:99", "meta", "", "cpu:x", "npu0", "tpu", -1, None, "a\nb"]
)
def test_devices_that_cannot_be_used_are_refused(device):
    with pytest.raises(InputError, match=r"device 'gpu' cannot be used: it is not.*give 'auto'"):
        device_of("gpu")
    with pytest.raises(InputError, match="device") as caught:
        device_of(device)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [0, -1, 2.5, "3", None, True, np.nan, [1], 1e9])
def test_counts_that_are_none_are_refused(call, value):
    with pytest.raises(InputError, match="steps must be at least 1"):
        count_of("steps", value)
    with pytest.raises(InputError):
        call(batch_size=value)


def test_counts_may_come_from_arrays(call):
    assert count_of("steps", np.int32(3)) == count_of("steps", torch.tensor(3)) == 3
    assert torch.equal(call(batch_size=np.int64(2)).robust, call().robust)
    assert torch.equal(call(seed=np.int64(7)).images, call(seed=7).images)
    with pytest.raises(InputError, match="seed must be at least 0"):
        call(seed=-1)
    assert len(call(seed=2**63 + 5).robust) == N


@pytest.mark.parametrize("target", [3, 10, -1, 1.0, "0", None])
def test_targets_that_are_no_class_are_refused(call, target):
    with pytest.raises(InputError, match="target"):
        inject_backdoor(call.network, call.images, call.labels, radius=0.1, target=target, steps=1)


def test_results_lie_where_the_images_do(call):
    assert isinstance(call(images=call.images.numpy()).robust, torch.Tensor)
    assert torch.equal(call(eps="1/10", norm=np.inf).images, call(eps=0.1).images)
