"""Counterexamples over HTTP: verified in a job, and counted against exactly one row."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.batteries import load_battery
from benchmark.budgets import Budget
from benchmark.counterexamples import Counterexample, write_counterexample
from benchmark.datasets import load_dataset
from benchmark.provenance import provenance_of
from benchmark.results import Outcome, ProbeResult
from benchmark.statistics import proportion
from benchmark.threats import InputThreat
from models_zoo import load_file, load_model
from models_zoo.errors import InputError
from tests.leaderboard.service.conftest import listening

N = 20
LINF = InputThreat("linf", Budget.of(0.2))


@pytest.fixture(scope="module")
def model():
    return load_model("digits/mlp-standard")


@pytest.fixture(scope="module")
def data():
    return load_dataset("digits").head(N)


def plant(store, model, data):
    """A result in which every example is robust."""
    battery, every = load_battery("digits-v1"), np.ones(N, bool)
    where = provenance_of(model, data.images, data.labels, battery, 0, "cpu")
    result = ProbeResult(
        probe="input",
        scores={"robust_accuracy": proportion(every)},
        share_of={"robust_accuracy": "headline"},
    ).with_outcomes({"headline": Outcome(every, "headline", LINF)})
    store.save(model.card, where, battery, result)


@pytest.fixture(scope="module")
def found(model, data, tmp_path_factory) -> bytes:
    """The file of one step along the sign of the gradient."""
    images = data.images.clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(model(images), data.labels)
    (gradient,) = torch.autograd.grad(loss, images)
    moved = (data.images + 0.19 * gradient.sign()).clamp(0, 1)
    path = tmp_path_factory.mktemp("found") / "found.safetensors"
    write_counterexample(path, Counterexample(LINF, torch.arange(N), moved))
    content: bytes = path.read_bytes()
    return content


@pytest.fixture
def planted(service, model, data):
    plant(service.store, model, data)
    return service


def address(content, model, data):
    sha256 = hashlib.sha256(content).hexdigest()
    about = f"?model={model.fingerprint}&data={data.sha256}"
    return f"/counterexamples/{sha256}/file{about}", f"/counterexamples/{sha256}{about}"


def robust(service):
    (entry,) = service.store.entries()
    return int(entry.results["input"].outcomes["headline"].sum())


def held(service):
    folder = service.settings.workspace / "counterexamples-held"
    return [path.name for path in folder.iterdir()]


def test_what_is_sent_is_verified_and_lowers_the_row(planted, model, data, found):
    put, get = address(found, model, data)
    answer = planted.ask("PUT", put + "&note=by+one+step", content=found)
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert robust(planted) == N
    planted.advance()
    status = planted.ask("GET", get).json()
    assert status["state"] == "done"
    assert status["threat"] == "linf 0.2"
    assert status["lowered"] == ["input"]
    assert robust(planted) == N - status["broken"] < N
    (entry,) = planted.store.entries()
    (known,) = entry.counterexamples
    assert (known.by, known.note, known.imported) == ("a", "by one step", False)
    assert held(planted) == []
    kept = planted.settings.workspace / "counterexamples"
    assert (kept / f"{known.file_sha256}.safetensors").read_bytes() == found
    again = planted.ask("PUT", put, content=found)
    assert again.json() == status
    page = next(Path(planted.settings.site).glob("models/*/index.html")).read_text()
    assert "Verified counterexamples have lowered these results" in page


def test_a_file_that_shows_nothing_changes_nothing(planted, model, data, found, tmp_path):
    place = torch.arange(2)
    write_counterexample(
        tmp_path / "a.safetensors", Counterexample(LINF, place, data.images[place])
    )
    write_counterexample(
        tmp_path / "b.safetensors",
        Counterexample(LINF, place, data.images[place], fingerprint="0" * 64),
    )
    reasons = {
        (tmp_path / "a.safetensors").read_bytes(): "breaks nothing",
        (tmp_path / "b.safetensors").read_bytes(): "about other model",
        b"no such format": "is not a safetensors file",
        found[:-8]: "is not a safetensors file",
    }
    for content, reason in reasons.items():
        put, get = address(content, model, data)
        assert planted.ask("PUT", put, content=content).status_code == 202
        planted.advance()
        status = planted.ask("GET", get).json()
        assert status["state"] == "refused"
        assert reason in status["reason"]
    assert robust(planted) == N
    assert held(planted) == []


def test_who_may_send_and_see_one(planted, model, data, found):
    put, get = address(found, model, data)
    assert planted.ask("PUT", put, "nst_no", content=found).status_code == 401
    assert planted.ask("GET", get).status_code == 404
    assert planted.ask("PUT", put, content=found).status_code == 202
    assert planted.ask("GET", get, token=planted.other).status_code == 403
    assert planted.ask("PUT", put, token=planted.other, content=found).status_code == 403
    assert planted.ask("GET", get, token=planted.maintainer).status_code == 200


def test_what_cannot_be_received_is_refused_at_once(planted, model, data, found):
    put, _ = address(found, model, data)
    wrong = planted.ask("PUT", put, content=found + b"x")
    assert (wrong.status_code, wrong.json()["id"]) == (422, "wrong-hash")
    other = put.replace(model.fingerprint, "0" * 64)
    assert planted.ask("PUT", other, content=found).status_code == 404
    large = planted.ask("PUT", put, content=b"", headers={"Content-Length": str(2**40)})
    assert large.status_code in (400, 413)
    assert planted.ask("PUT", put + "&note=%1b", content=found).status_code == 422
    assert held(planted) == []


def test_a_service_that_is_closed_takes_none(make_service, model, data, found):
    service = make_service(closed="no sandbox")
    plant(service.store, model, data)
    put, _ = address(found, model, data)
    assert service.ask("PUT", put, content=found).status_code == 503


def test_a_counterexample_of_a_submitted_model_is_verified_with_its_kept_file(
    service, content, data, tmp_path
):
    folder = service.settings.workspace / "checkpoints"
    kept = folder / f"{hashlib.sha256(content).hexdigest()}.safetensors"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    model = load_file(
        kept,
        name="mine",
        architecture="mlp",
        dataset="digits",
        classes=10,
        input_shape=(1, 8, 8),
        mean=[0.3054],
        std=[0.3759],
        source="submitted",
    )
    plant(service.store, model, data)
    where = service.store.entries()[0].provenance
    images = 1 - data.images
    example = Counterexample(InputThreat("linf", Budget.of(1.0)), torch.arange(N), images)
    write_counterexample(tmp_path / "c.safetensors", example)
    sent = (tmp_path / "c.safetensors").read_bytes()
    sha256 = hashlib.sha256(sent).hexdigest()
    about = f"?model={where.fingerprint}&data={where.data_sha256}"
    assert service.ask("PUT", f"/counterexamples/{sha256}/file{about}", content=sent).is_success
    service.advance()
    status = service.ask("GET", f"/counterexamples/{sha256}{about}").json()
    assert (status["state"], status["threat"]) == ("done", "linf 1")


def test_the_command_sends_one_and_says_what_it_lowers(
    planted, model, data, found, tmp_path, capsys
):
    from benchmark.counterexamples import read_counterexample
    from leaderboard.commands.counterexample_online import send
    from leaderboard.service.client import Client

    (tmp_path / "found.safetensors").write_bytes(found)
    example = read_counterexample(tmp_path / "found.safetensors")
    stated = replace(example, fingerprint=model.fingerprint, data_sha256=data.sha256)
    with listening(planted) as server:
        client = Client(server, planted.submitter)
        with pytest.raises(InputError, match="fingerprint and"):
            send(client, tmp_path / "found.safetensors", example, "")
        write_counterexample(tmp_path / "found.safetensors", stated)
        thread = threading.Timer(0.5, planted.advance)
        thread.start()
        assert send(client, tmp_path / "found.safetensors", stated, "one step") == 0
        thread.join()
    assert "lowered: input" in capsys.readouterr().out
    assert robust(planted) < N
