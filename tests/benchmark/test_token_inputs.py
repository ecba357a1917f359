"""Probes say which inputs they take, and score models of texts without knowing what texts are."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark import evaluate
from benchmark.batteries import load_battery
from benchmark.probes import PROBES
from benchmark.probes.flatness import FlatnessProbe, FlatnessSettings
from benchmark.provenance import provenance_of
from benchmark.subject import subject_of
from leaderboard.cli import run
from leaderboard.jobs.run import Run, require_scorable
from models_zoo import InputError, load_model
from models_zoo.checkpoint import save_weights
from tests.texts import WORDS, text_model, tiny_texts, trained

BATTERY = """
name = "texts-v1"
dataset = "own"
description = "For tests."
default = ["clean", "weight", "bits", "flatness"]
[probes.clean]
[probes.input]
linf = ["8/255"]
l2 = [0.5]
headline_linf = "8/255"
headline_l2 = 0.5
[probes.weight]
radii = [0.01, 0.1]
headline = 0.1
steps = 3
random_draws = 2
layer_steps = 2
[probes.flatness]
eps = 0
average_radii = [0.5]
worst_radius = 0.005
worst_radii = [0.005]
restarts = 1
draws = 2
epochs = 2
lanczos_steps = 5
trace_draws = 2
[probes.bits]
flips = 3
headline_flips = 3
rates = [0.001]
headline_rate = 0.001
patterns = 2
draws = 2
"""


@pytest.fixture(scope="module")
def battery(tmp_path_factory):
    path = tmp_path_factory.mktemp("battery") / "texts.toml"
    path.write_text(BATTERY)
    return path


@pytest.fixture(scope="module")
def data():
    return tiny_texts()


def test_probes_that_perturb_weights_alone_take_token_ids():
    takers = {name for name, probe in PROBES.items() if "tokens" in probe.takes}
    assert takers >= {"clean", "weight", "bits", "flatness", "text-backdoor"}
    assert not takers & {"input", "joint", "regional", "intrinsic", "distance", "input-autoattack"}
    assert {name for name, probe in PROBES.items() if "images" not in probe.takes} == {
        "text-backdoor",
        "text-backdoor-sparse",
    }


@pytest.mark.parametrize("architecture", ["mean-linear", "text-cnn", "encoder-2"])
def test_models_of_texts_are_scored(battery, data, architecture):
    model = trained(text_model(architecture), data)
    report = evaluate(model, data.images, data.labels, battery)
    assert not any(result.left_out for result in report.results.values())
    assert report.scores["clean.accuracy"] == 1
    assert report.scores["weight.robust_accuracy"] <= report.scores["weight.random_accuracy"]
    again = evaluate(model, data, battery=load_battery(battery), batch_size=7)
    assert again.scores == pytest.approx(report.scores, abs=1e-5)
    flat = report.results["flatness"].scores
    assert {"worst_clean", "average_clean", "hessian_top", "fisher_rao", "sam"} <= set(flat)
    assert not {"worst_robust", "average_robust", "average_error", "robust_loss"} & set(flat)
    assert flat["worst_clean"].value >= 0
    assert not report.results["flatness"].headline_threats[0].label.startswith("linf")
    assert "(100%)" in str(report.results["weight"].protocol["weights under attack"])


def test_flatness_needs_no_input_budget_for_texts(battery, data):
    settings = FlatnessSettings(eps=8 / 255)
    with subject_of(text_model(), data.images, data.labels, texts=True) as subject:
        assert "set eps = 0" in str(FlatnessProbe(settings).obstacle(subject))
        assert FlatnessProbe(FlatnessSettings(eps=0)).obstacle(subject) is None
    headline = {n for n, spec in FlatnessProbe.scores_with({"eps": 0}).items() if spec.headline}
    assert headline == {"average_clean", "worst_clean"}


def test_results_are_stored_under_the_hash_of_the_token_ids(battery, data):
    chosen = load_battery(battery)
    where = provenance_of(text_model(), data.images, data.labels, chosen, 0, "cpu")
    assert where.data_sha256 == data.sha256


def test_a_probe_of_images_is_refused_before_the_others_run(battery, data):
    model = text_model()
    said = []
    with pytest.raises(InputError, match="takes images, and the inputs are token ids"):
        evaluate(
            *(model, data.images, data.labels, battery, ["clean", "input"]),
            on_result=lambda *found: said.append(found),
        )
    assert said == []


def test_texts_are_refused_where_images_are_needed(data):
    model, labels = text_model(), data.labels
    said = r"images must be float .*if these are token ids"
    with pytest.raises(InputError, match=said), subject_of(model, data.images, labels):
        pass
    for ids, said in ((data.images - 3, "at least 0, got -3"), (data.images[:, :0], "no token")):
        with pytest.raises(InputError, match=said), subject_of(model, ids, labels, texts=True):
            pass


def test_ids_that_the_model_does_not_have_are_refused_in_one_line(battery, data):
    with pytest.raises(InputError) as refusal:
        evaluate(text_model(), data.images + len(WORDS), data.labels, battery, "clean")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, None),
        ({"x": np.float32}, "array 'x' is float32"),
        ({"probe": "input"}, "probe .input. takes images, and the inputs are token ids"),
        ({"battery": "digits-v1"}, r"images of shape \(1, 8, 8\), got texts of 8 token ids"),
        ({"battery": "digits-v1", "own": True, "probe": "joint"}, "probe .joint. takes images"),
    ],
)
def test_the_command_scores_texts_and_refuses_what_does_not_fit(
    tmp_path, monkeypatch, capsys, battery, data, changed, said
):
    monkeypatch.chdir(tmp_path)
    model = text_model()
    save_weights(model.network, tmp_path / "own.safetensors")
    ids = data.images.numpy().astype(changed.get("x", np.int64))
    np.savez(tmp_path / "texts.npz", x=ids, y=data.labels.numpy(), vocab=np.array(WORDS))
    name = changed.get("battery", str(battery))
    options = ["--checkpoint", "own.safetensors", "--architecture", model.card.architecture]
    command = ["bench", "--battery", name, "--data", "texts.npz", *options, "--no-site"]
    command += ["--probe", changed.get("probe", "clean"), "--json", "report.json"]
    command += ["--own-data"] if changed.get("own") else []
    code = run(command)
    err = capsys.readouterr().err
    if said is None:
        assert code == 0, err
        (report,) = json.loads((tmp_path / "report.json").read_text()).values()
        assert report["provenance"]["data_sha256"] == data.sha256
        again = ["reproduce", "own", "--data", "texts.npz", "--checkpoint", "own.safetensors"]
        assert run([*again, "--battery", str(load_battery(battery).name)]) == 0
        return
    assert code == 2
    assert re.search(said, err)
    assert "\n" not in err.strip()


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (
            {"words": (*WORDS[:-1], "another")},
            "takes texts of 8 token ids below 30 .* has texts of",
        ),
        ({"images": tiny_texts().images[:, :6]}, "has texts of 6 token ids"),
        ({"images": torch.rand(24, 1, 8, 8), "words": ()}, r"has images of shape \(1, 8, 8\)"),
    ],
)
def test_texts_with_another_vocabulary_or_length_and_images_are_refused(battery, data, other, said):
    run_of = Run(load_battery(battery), replace(data, **other), ["clean"])
    with pytest.raises(InputError, match=said):
        require_scorable([text_model()], run_of)


def test_a_model_of_images_is_not_scored_on_texts(battery, data):
    run_of = Run(load_battery(battery), data, ["clean"])
    with pytest.raises(
        InputError, match=r"takes images of shape \(1, 8, 8\), the data 'own' has te"
    ):
        require_scorable([load_model("digits/mlp-standard")], run_of)
