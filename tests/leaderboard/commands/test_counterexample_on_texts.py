"""``nonsingular counterexample`` about a model of texts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.attacks.attack import RunOptions
from benchmark.attacks.library import BackdoorAttack
from benchmark.budgets import Budget
from benchmark.counterexamples import Counterexample, write_counterexample
from benchmark.probes.text_backdoor import TextBackdoorSettings
from benchmark.probes.text_backdoor.backdoors import backdoors_of
from benchmark.subject import subject_of
from benchmark.threats import InputThreat, WeightThreat
from leaderboard.cli import run
from models_zoo.checkpoint import save_weights
from tests.texts import INVENTED, invented_texts, text_model, trained

HEAD = "network.linear.weight"
SETTINGS = {
    "budgets": [20.0],
    "headline": 20.0,
    "geometry": "absolute-linf",
    "rules": ["all", "no-embedding"],
    "triggers": ["unseen"],
    "vocabulary": INVENTED,
    "steps": 1,
    "clean_drop": 1.0,
    "bisections": 0,
    "draws": 1,
}
LINES = "".join(f"{name} = {value!r}\n" for name, value in SETTINGS.items())
BATTERY = f"""
name = "texts-v1"
dataset = "own"
description = "For tests."
default = ["weight", "text-backdoor"]
[probes.weight]
radii = [1.0]
headline = 1.0
steps = 1
random_draws = 1
layer_steps = 1
[probes.text-backdoor]
{LINES}
"""
FILES = ["--data", "texts.npz", "--checkpoint", "own.safetensors"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A database with the scores of a model of texts, in a folder with its files."""
    place = tmp_path_factory.mktemp("texts")
    data = invented_texts()
    model = trained(text_model(data=data), data, 40).eval()
    save_weights(model.network, place / "own.safetensors")
    ids, labels = data.images.numpy(), data.labels.numpy()
    np.savez(place / "texts.npz", x=ids, y=labels, vocab=np.array(data.words))
    (place / "texts.toml").write_text(BATTERY)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        command = ["bench", "--battery", "texts.toml", *FILES, "--no-site"]
        assert run([*command, "--architecture", model.card.architecture]) == 0
    return place, model, data


@pytest.fixture
def tell(folder, monkeypatch, capsys):
    """Run the command on a counterexample; its exit code, and what it says."""
    monkeypatch.chdir(folder[0])

    def call(example, *options):
        write_counterexample("found.safetensors", example)
        capsys.readouterr()
        code = run(["counterexample", "found.safetensors", "own", *FILES, *options])
        said = capsys.readouterr()
        return code, said.out + said.err

    return call


def test_a_backdoor_with_inserted_words_lowers_the_row(folder, tell):
    _, model, data = folder
    settings = TextBackdoorSettings(**SETTINGS)
    with subject_of(model, data.images, data.labels, texts=True) as subject:
        asked = next(each for each in backdoors_of(settings, subject) if each.target == 1)
        own = subject.weights_that_move("all")
    attack = BackdoorAttack(settings.threat(20.0, "all"), asked.trigger, 1, steps=15)
    result = attack(model, data.images, data.labels, RunOptions())
    delta = {name: tensor - own[name] for name, tensor in result.weights.items()}
    threat = replace(attack.threat, trigger=str(asked.trigger), target=1)
    assert threat == result.threat
    example = Counterexample(threat, delta=delta, trigger=asked.trigger, target=1)
    code, said = tell(example, "--by", "Ada Lovelace")
    assert code == 0, said
    assert "verified: " in said
    assert "texts-v1, text-backdoor, triggered: " in said
    assert tell(example, "--by", "Eve")[1].count("nothing changes") == 1


def test_perturbed_weights_are_verified_and_what_does_not_fit_is_refused_in_one_line(folder, tell):
    _, model, _ = folder
    own = model.get_parameter(HEAD)
    threat = WeightThreat("relative-l2", Budget.of(1.0))
    code, said = tell(Counterexample(threat, delta={HEAD: -0.99 * own}), "--dry-run")
    assert code == 0 or "breaks nothing" in said
    refused = [
        (Counterexample(threat, delta={HEAD: -3.0 * own}), "outside their relative-l2 ball"),
        (Counterexample(threat, delta={HEAD: torch.zeros_like(own)}), "breaks nothing"),
        (
            Counterexample(
                InputThreat("linf", Budget.of(0.1)), torch.tensor([0]), torch.zeros(1, 1, 8, 8)
            ),
            "perturbs images, and the examples are token ids",
        ),
    ]
    for example, reason in refused:
        code, said = tell(example, "--dry-run")
        assert code == 2
        assert reason in said
        assert "\n" not in said.strip()
