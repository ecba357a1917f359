"""Batteries: what their hash says, and what they refuse."""

import hashlib
import json
from pathlib import Path

import pytest
import torch

from benchmark import list_batteries, load_battery
from benchmark.batteries import Battery, battery_for, battery_for_random_models
from benchmark.budgets import Budget, budget_text
from benchmark.headline import headline_probes, headline_sentence
from benchmark.memory import default_batch_size
from benchmark.probes import PROBES
from benchmark.threats import AnyThreat, InputThreat, JointThreat, WeightThreat
from models_zoo.errors import InputError

HEAD = 'name = "x-v1"\ndataset = "x"\ndescription = "-"\ndefault = ["clean"]\n'


def test_the_hash_changes_with_a_budget_and_not_with_how_it_is_written(battery):
    same = battery(input={"linf": ["1/20", "0.1"]})
    assert same.sha256 == battery().sha256
    assert battery(input={"linf": [0.06, 0.1]}).sha256 != battery().sha256
    assert battery(weight={"steps": 11}).sha256 != battery().sha256


def test_the_hash_does_not_see_comments_and_does_see_values(tmp_path, monkeypatch):
    text = HEAD + "[probes.clean]\n"
    intrinsic = "[probes.intrinsic]\nlinf = [{}]\nheadline = {}\n"
    monkeypatch.setattr("benchmark.batteries.battery.files", lambda _: tmp_path)
    for name, content in {
        "plain": text + intrinsic.format("0.1", "0.1"),
        "commented": "# why\n" + text + "\n" + intrinsic.format('"1/10"', "0.1  # said"),
        "other": text + intrinsic.format("0.2", "0.2"),
    }.items():
        (tmp_path / f"{name}.toml").write_text(content)
    plain, commented, other = map(load_battery, ("plain", "commented", "other"))
    assert plain.sha256 == commented.sha256
    assert plain.sha256 != other.sha256
    assert list_batteries() == ["commented", "other", "plain"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("name = ", "Invalid value"),
        ('name = "x"', "dataset: Field required"),
        (HEAD + "[probes.cleen]", "unknown probe 'cleen'; did you mean 'clean'"),
        (HEAD + "[probes.flatness]\neps = 'half'", "flatness.eps: 'half' is neither a number"),
        (
            HEAD + "[probes.intrinsic]\nlinf = [0.1]\nheadline = 0.2",
            r"intrinsic: intrinsic.headline = 0.2 is not one of its budgets 0.1",
        ),
    ],
)
def test_what_is_wrong_with_a_broken_file_is_said_in_a_line(tmp_path, monkeypatch, content, reason):
    monkeypatch.setattr("benchmark.batteries.battery.files", lambda _: tmp_path)
    (tmp_path / "x-v1.toml").write_text(content)
    with pytest.raises(InputError, match=f"battery 'x-v1' is broken: .*{reason}") as caught:
        load_battery("x-v1")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("probe", "settings", "message"),
    [
        ("input", {"headline_linf": 0.3}, "input.headline_linf = 0.3 is not one of its budgets"),
        ("input", {"headline_l2": 0.7}, "input.headline_l2 = 0.7 is not one of its budgets"),
        ("weight", {"headline": 0.3}, "weight.headline = 0.3 is not one of its budgets"),
        ("joint", {"headline_linf": 0.3}, "joint.headline_linf = 0.3 is not one of its budgets"),
        (
            "joint",
            {"headline_radius": 0.3},
            "joint.headline_radius = 0.3 is not one of its budgets",
        ),
        ("backdoor", {"headline": 0.3}, "backdoor.headline = 0.3 is not one of its budgets"),
        ("intrinsic", {"headline": 0.3}, "intrinsic.headline = 0.3 is not one of its budgets"),
    ],
)
def test_a_headline_that_is_no_rung_is_refused(battery, probe, settings, message):
    with pytest.raises(ValueError, match=message):
        battery(**{probe: settings})


@pytest.mark.parametrize(
    "ladder", [[0.1, 0.05], [0.0, 0.1], [0.1, 0.1], [], [-0.1], ["eight"], ["1/0"]]
)
def test_ladders_must_ascend_from_above_zero(battery, ladder):
    with pytest.raises(ValueError, match="linf"):
        battery(intrinsic={"linf": ladder})


def test_unknown_probes_and_settings_are_refused(battery):
    with pytest.raises(ValueError, match="unknown probe 'cleen'; did you mean 'clean'"):
        Battery.model_validate(battery().model_dump() | {"probes": {"cleen": {}}})
    with pytest.raises(ValueError, match="radius"):
        battery(weight={"radius": 0.1})


def test_selecting_probes(battery):
    chosen = battery()
    assert chosen.select(None) == list(chosen.default)
    assert chosen.select(["joint", "clean", "joint"]) == ["joint", "clean"]
    with pytest.raises(InputError, match="did you mean 'joint'"):
        chosen.select(["jiont"])


WITH_HEADLINE = [name for name in list_batteries() if load_battery(name).has_headline]
"""Batteries but for those about published corrupted images and concepts, which attack nothing,
those about texts, whose inputs are not perturbed, and those for random models and for training
methods."""


@pytest.mark.parametrize("name", WITH_HEADLINE)
def test_the_package_s_batteries_hold_the_probes_of_the_headline(name):
    chosen = load_battery(name)
    assert chosen.name == name
    assert set(headline_probes()) <= set(chosen.default) <= set(chosen.probes) <= set(PROBES)
    on_request = {"input-autoattack", "distance", "backdoor-sparse"}
    on_request |= set() if name == "digits-v1" else {"regional"}
    on_request |= {"corruptions"} if name == "imagenet-linf-v1" else set()
    assert chosen.default == tuple(probe for probe in chosen.probes if probe not in on_request)
    settings = chosen.model_dump()["probes"]
    norm = settings["input"].get("headline_norm", "linf")
    assert settings["input-autoattack"]["norm"] == norm
    assert settings["input-autoattack"]["eps"] == settings["input"][f"headline_{norm}"]
    assert len(chosen.sha256) == 64


def test_the_cifar_battery_has_the_field_s_ladder():
    settings = load_battery("cifar10-linf-v1").model_dump()["probes"]["input"]
    assert settings["linf"] == tuple(level / 255 for level in (1, 2, 4, 8))
    assert settings["headline_linf"] == 8 / 255


def test_the_l2_battery_of_cifar10_has_the_field_s_budget_as_its_headline():
    ours, theirs = (load_battery(f"cifar10-{n}-v1").model_dump()["probes"] for n in ("l2", "linf"))
    for probe, budget in {"input": 0.5, "joint": 0.5, "distance": 0.5}.items():
        assert (ours[probe]["headline_norm"], ours[probe]["headline_l2"]) == ("l2", budget)
        assert "headline_norm" not in theirs[probe]
    assert (ours["input-autoattack"]["norm"], ours["input-autoattack"]["eps"]) == ("l2", 0.5)
    apart = {name for name in ours if ours[name] != theirs[name]}
    assert apart == {"input", "joint", "distance", "input-autoattack"}


def test_the_imagenet_battery_has_the_field_s_budgets_on_5000_images():
    chosen = load_battery("imagenet-linf-v1")
    settings = chosen.model_dump()["probes"]["input"]
    assert (chosen.dataset, chosen.examples) == ("imagenet", 5000)
    assert (settings["headline_linf"], settings["headline_l2"]) == (4 / 255, 3.0)
    assert battery_for("imagenet") == chosen


def test_the_cifar100_battery_is_that_of_cifar10_but_for_its_classes():
    ours, theirs = (load_battery(f"cifar{n}-linf-v1").model_dump()["probes"] for n in (100, 10))
    apart = {name for name in ours if ours[name] != theirs[name]}
    assert apart == {"backdoor", "regional"}
    assert ours["backdoor"] == theirs["backdoor"] | {"targets": (0, 50)}
    assert ours["regional"] == theirs["regional"] | {"peers": ()}


@pytest.mark.parametrize(
    ("shape", "device", "size"),
    [
        ((1, 8, 8), "cpu", 256),
        ((3, 32, 32), "cpu", 256),
        ((3, 64, 64), "cpu", 256),
        ((3, 96, 96), "cpu", 113),
        ((3, 224, 224), "cpu", 20),
        ((3, 224, 224), "meta", 83),
        ((3, 384, 384), "cpu", 7),
        ((3, 4000, 4000), "cpu", 1),
    ],
)
def test_batches_of_larger_images_are_smaller(shape, device, size):
    assert default_batch_size(torch.empty(9, *shape, device=device)) == size


def test_the_mnist_battery_takes_the_first_1000_images_against_linf_03():
    chosen = load_battery("mnist-linf-v1")
    settings = chosen.model_dump()["probes"]["input"]
    assert (chosen.dataset, chosen.examples) == ("mnist", 1000)
    assert (settings["linf"], settings["headline_linf"]) == ((0.1, 0.15, 0.2, 0.3), 0.3)


def test_the_usual_number_of_examples_counts_only_where_a_battery_states_it(battery):
    plain = battery()
    stated = Battery.model_validate(plain.model_dump() | {"examples": 5})
    assert stated.sha256 != plain.sha256
    older = {key: value for key, value in plain.model_dump(mode="json").items() if value}
    assert "examples" not in older
    older |= {"algorithms": plain.algorithms} if plain.algorithms else {}
    text = json.dumps(older, sort_keys=True)
    assert plain.sha256 == hashlib.sha256(text.encode()).hexdigest()
    with pytest.raises(ValueError, match="examples"):
        Battery.model_validate(plain.model_dump() | {"examples": 0})


def test_a_battery_for_a_data_set():
    assert battery_for("digits").dataset == "digits"
    assert battery_for("cifar10").name == "cifar10-linf-v1"
    assert battery_for("mnist").name == "mnist-linf-v1"
    with pytest.raises(InputError, match="did you mean 'digits'"):
        battery_for("digit")
    with pytest.raises(InputError, match="unknown battery 'digits-v0'; did you mean 'digits-v"):
        load_battery("digits-v0")


def test_a_battery_of_one_question_is_not_that_of_its_data_set(battery, monkeypatch):
    whole = load_battery("digits-v1")
    part = whole.model_copy(
        update={"name": "digits-z-v1", "probes": {"clean": battery().probes["clean"]}}
    )
    bundled = {each.name: each for each in (whole, part)}
    monkeypatch.setattr("benchmark.batteries.battery.list_batteries", lambda: sorted(bundled))
    monkeypatch.setattr("benchmark.batteries.battery.load_bundled", bundled.__getitem__)
    assert battery_for("digits") is whole
    del bundled[whole.name]
    assert battery_for("digits") is part


@pytest.mark.parametrize("dataset", ["digits", "cifar10"])
def test_the_batteries_for_random_models_attack_at_the_headline_s_budget(dataset):
    chosen, usual = battery_for_random_models(dataset), battery_for(dataset)
    assert chosen is not None
    assert chosen.default == ("checks", "randomized")
    assert not usual.takes_random_models
    assert chosen.headline_threats["randomized"] == usual.headline_threats["input"][:1]
    assert battery_for_random_models("mnist") is None


def test_every_probe_describes_itself():
    for name, probe in PROBES.items():
        assert probe.name == name
        assert probe.title
        assert probe.question.endswith("?")
        for score in probe.scores.values():
            assert score.label
            assert score.description.endswith(".")


@pytest.mark.parametrize(
    ("budget", "text"), [(0.25, "0.25"), (8 / 255, "8/255"), (0.0, "0"), (1 / 255, "1/255")]
)
def test_budgets_are_written_as_people_do(budget, text):
    assert budget_text(budget) == text


@pytest.mark.parametrize("name", WITH_HEADLINE)
def test_the_joint_headline_is_the_whole_input_and_half_the_weight_budget(name):
    threats = load_battery(name).headline_threats
    images, weights, both = (threats[probe][0] for probe in headline_probes() if probe in threats)
    assert isinstance(images, InputThreat)
    assert isinstance(weights, WeightThreat)
    assert both == JointThreat(images, weights.scaled(0.5))


def weight_threat(radius: float, geometry: str = "relative-l2") -> WeightThreat:
    return WeightThreat(geometry, Budget(radius))


def input_threat(eps: str, norm: str = "linf") -> InputThreat:
    return InputThreat(norm, Budget.of(eps))


def test_the_headline_is_said_with_the_batterys_numbers():
    threats: dict[str, list[AnyThreat]] = {
        "input": [input_threat("8/255"), input_threat("0.5", "l2")],
        "weight": [weight_threat(0.005)],
        "joint": [JointThreat(input_threat("4/255"), weight_threat(0.0025))],
    }
    assert headline_sentence(threats) == (
        "right on the clean image, under any change of the image within linf 8/255, "
        "under any change of the weights within 0.5% per layer and under both at once within "
        "linf 4/255 and 0.25% per layer"
    )
    assert headline_sentence({"weight": [weight_threat(0.01, "network-l2")]}) == (
        "right on the clean image and under any change of the weights within network-l2 radius 0.01"
    )
    assert headline_sentence({}) == "right on the clean image"


def test_the_readme_says_what_the_headline_means():
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    battery = load_battery("cifar10-linf-v1")
    assert headline_sentence(battery.headline_threats) in " ".join(readme.split())
