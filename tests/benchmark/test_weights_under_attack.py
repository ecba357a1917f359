"""What moves is what feeds the linear maps, wherever a model keeps it; gains of norms stay."""

import copy

import pytest
import torch
from torch import nn

from benchmark import attack_joint, attack_weights, evaluate, flatness, inject_backdoor
from benchmark.batteries import load_battery
from benchmark.checks import weights_under_attack
from benchmark.subject import Subject
from models_zoo.errors import InputError
from tests.benchmark.hidden_weights import BUFFERS, OUT_OF_REACH, UNDER_ATTACK, made
from tests.benchmark.normalizations import MOVING, NORMALIZING, around


def examples(shape, count=6):
    images = torch.rand(count, *shape, generator=torch.Generator().manual_seed(0))
    return images, torch.arange(count) % 3


def moved(model, shape, **options):
    """Names of what an attack moves."""
    return set(attack_weights(model, *examples(shape), radius=0.1, steps=1, **options).weights)


def names(model, layer):
    return {name for name, _ in model.named_parameters() if name.startswith(layer)}


@pytest.mark.parametrize("kind", NORMALIZING)
def test_what_scales_or_shifts_a_normalized_activation_stays(kind):
    model = around(NORMALIZING[kind])
    assert moved(model, (3, 8, 8)) == names(model, "0.") | names(model, "4.")


@pytest.mark.parametrize("kind", MOVING)
def test_what_only_looks_like_a_normalization_moves(kind):
    model = around(MOVING[kind])
    assert names(model, "1.")
    assert moved(model, (3, 8, 8)) == set(dict(model.named_parameters()))


@pytest.mark.parametrize("kind", OUT_OF_REACH)
def test_an_attack_that_could_not_move_most_weights_is_refused(kind):
    model, asked = made(OUT_OF_REACH[kind]), examples((1, 8, 8))
    with pytest.raises(InputError, match=r"would perturb only .* of 1,0\d\d numbers") as refused:
        attack_weights(model, *asked, radius=0.1, steps=1)
    assert "\n" not in str(refused.value)
    flag = weights_under_attack(Subject(model, *asked))
    assert flag.raised
    assert flag.figure is not None
    assert flag.figure < 0.2


@pytest.mark.parametrize("kind", BUFFERS)
def test_buffers_that_are_weights_move(kind):
    model = made(BUFFERS[kind])
    before = copy.deepcopy(model.state_dict())
    assert moved(model, (1, 8, 8)) == set(dict(model.named_parameters())) | {"w"}
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert weights_under_attack(Subject(model, *examples((1, 8, 8)))).figure == 1


@pytest.mark.parametrize("kind", UNDER_ATTACK)
def test_all_of_an_honest_network_is_under_attack(kind):
    model = made(UNDER_ATTACK[kind])
    flag = weights_under_attack(Subject(model, *examples((1, 8, 8))))
    assert flag.figure is not None
    assert flag.figure == 1 or (kind == "Blurred" and flag.figure > 0.99)
    assert not flag.raised
    expected = {name for name, _ in model.named_parameters() if not name.startswith("norm.")}
    assert moved(model, (1, 8, 8)) == expected


def test_a_buffer_that_moves_breaks_what_the_parameters_alone_do_not():
    """The weight attack on a network with its weights in buffers is the one on its twin."""
    images, _ = examples((1, 8, 8), 24)
    twin = made(UNDER_ATTACK["Hidden"])
    labels = twin(images).argmax(1)
    hidden = made(BUFFERS["Buffer"])
    found = [
        attack_weights(model, images, labels, radius=0.3, steps=5).robust.double().mean()
        for model in (twin, hidden)
    ]
    assert found[1] == pytest.approx(float(found[0]), abs=0.1)


@pytest.mark.parametrize(
    "attack",
    [
        lambda *asked: attack_joint(*asked, eps=0.1, radius=0.1, steps=1, effort="quick"),
        lambda *asked: inject_backdoor(*asked, radius=0.1, steps=1),
        lambda *asked: flatness(*asked, eps=0.1),
    ],
    ids=["joint", "backdoor", "flatness"],
)
def test_every_attack_on_weights_refuses(attack):
    with pytest.raises(InputError, match="would perturb only"):
        attack(made(OUT_OF_REACH["Attribute"]), *examples((1, 8, 8)))


def test_a_probe_states_what_moved_and_raises_a_flag():
    battery = load_battery("digits-v1")
    images, labels = examples((1, 8, 8), 12)
    model = made(OUT_OF_REACH["Attribute"])
    report = evaluate(model, images, labels, battery, ["weight", "checks"], own_data=True)
    for probe in ("weight", "checks"):
        flags = {flag.name: flag for flag in report.results[probe].flags}
        assert flags["weights_under_attack"].raised
        assert "constant (16 x 64)" in flags["weights_under_attack"].saw
    stated = report.results["weight"].protocol["weights under attack"]
    assert stated == "48 of 1,072 numbers that feed linear maps (4.5%)"


def test_what_cannot_be_watched_is_said_and_not_an_error():
    scripted = torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)))
    flag = weights_under_attack(Subject(scripted, *examples((1, 8, 8))))
    assert flag.figure is None
    assert not flag.raised
    assert "could not be determined" in flag.saw


def test_packed_weights_of_quantized_layers_are_counted():
    with pytest.warns(DeprecationWarning, match="quantization"):
        model = torch.ao.quantization.quantize_dynamic(
            nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 3)), {nn.Linear}
        )
    flag = weights_under_attack(Subject(model, *examples((1, 8, 8))))
    assert flag.figure == 0
    assert "0 of 1,072" in flag.saw


def test_looking_leaves_the_model_and_the_generators_alone():
    model = nn.Sequential(around(NORMALIZING["BatchNorm2d"]), nn.Dropout(0.5))
    model[1].train()  # draws random numbers
    before = copy.deepcopy(model.state_dict())
    subject, state = Subject(model, *examples((3, 8, 8))), torch.get_rng_state()
    weights_under_attack(subject)
    assert torch.equal(torch.get_rng_state(), state)
    assert subject.passes.forwards == 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
