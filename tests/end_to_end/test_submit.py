"""``nonsingular submit``: a checkpoint is kept by its hash, scored and shown as submitted."""

import hashlib
import json
import sqlite3
from contextlib import closing
from importlib.resources import files

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from tests.benchmark import cheap_battery

BUNDLED = files("models_zoo") / "checkpoints" / "digits" / "mlp-standard.safetensors"


def small_battery():
    """The cheap battery for digits, with names of digits."""
    from benchmark.batteries import Battery

    return Battery.model_validate(cheap_battery.battery().model_dump() | {"dataset": "digits"})


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint that is not of the zoo: one weight is moved a little."""
    weights = load_file(str(BUNDLED))
    name = sorted(weights)[0]
    path = tmp_path / "my-model.safetensors"
    save_file(weights | {name: weights[name] + 1e-3}, path)
    return path


def test_a_submission_is_kept_scored_and_shown(here, checkpoint, tmp_path, monkeypatch):
    """With a battery of every probe and little effort; the README's submission has the real one."""
    from models_zoo import load_card

    monkeypatch.setattr("benchmark.batteries.battery_for", lambda dataset: small_battery())
    card = load_card("digits/mlp-standard")
    code, out, err = here(
        *("submit", checkpoint, "--name", "my <b>model</b>", "--dataset", "digits"),
        *("--architecture", "mlp", "--mean", card.mean[0], "--std", card.std[0]),
        *("--examples", 8, "--recipe", "own", "--licence", "MIT"),
        *("--paper", "https://example.org/paper"),
    )
    assert code == 0, err
    assert "my <b>model</b>" in out
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    kept = tmp_path / ".nonsingular" / "checkpoints" / f"{digest}.safetensors"
    assert kept.read_bytes() == checkpoint.read_bytes()
    with closing(sqlite3.connect(tmp_path / "nonsingular.sqlite")) as connection:
        stored = connection.execute("select name, submitted, checkpoint_sha256 from models")
        assert stored.fetchall() == [("my <b>model</b>", 1, digest)]
        probes = {row[0] for row in connection.execute("select probe from results")}
    assert {"clean", "input", "weight", "joint", "backdoor", "flatness", "intrinsic"} <= probes
    page = (tmp_path / "site" / "index.html").read_text()
    assert "my &lt;b&gt;model&lt;/b&gt;" in page
    assert "<b>model</b>" not in page
    assert "submitted" in page


def test_resnet20_passes_the_checks_with_its_normalisation(shared_data):
    """Its whole battery takes minutes; what a submission is checked for does not."""
    from benchmark.datasets import load_npz
    from leaderboard.submissions.admission import admit
    from models_zoo import load_file as load_checkpoint
    from models_zoo.errors import InputError

    def model(std):
        return load_checkpoint(
            shared_data / "checkpoints" / "cifar10-resnet20-standard.safetensors",
            name="resnet20",
            architecture="cifar-resnet20",
            dataset="cifar10",
            classes=10,
            input_shape=(3, 32, 32),
            mean=[0.485, 0.456, 0.406],
            std=std,
            source="submitted",
        )

    data = load_npz(shared_data / "cifar10" / "test_846.npz", name="cifar10").head(100)
    assert admit(model([0.229, 0.224, 0.225]), data) == pytest.approx(0.92, abs=0.06)
    with pytest.raises(InputError, match="not above chance"):
        admit(model([2.0] * 3), data)
    with pytest.raises(InputError, match="for images from 0 to 255"):
        model([1e4] * 3)
    assert np.isfinite(data.images.numpy()).all()


def test_one_file_describes_a_submission_and_its_contact_is_not_published(
    here, checkpoint, tmp_path
):
    """From the template to a row; what is refused names the check, and leaves nothing."""
    from models_zoo import load_card

    assert here("submit", "--init")[0] == 0
    path = tmp_path / "submission.toml"
    card = load_card("digits/mlp-standard")
    said = path.read_text().replace('"cifar10"', '"digits"').replace('"cifar-resnet20"', '"mlp"')
    said = said.replace('# contact = "name@example.org"', 'contact = "hidden@example.org"')
    said = said.replace("# extra_data = false", "extra_data = false")
    normalized = f"mean = [{card.mean[0]}]\nstd = [{card.std[0]}]\n"
    path.write_text(said.replace("# mean = [", f"{normalized}# mean = ["))
    described = ("submit", checkpoint, "--description", "submission.toml")
    command = (*described, "--examples", 20, "--probe", "clean")
    code, _, err = here(*command, "--mean", "-2")
    assert code == 2
    assert "is refused (at-chance)" in err
    assert "docs/submitting.md#at-chance" in err
    assert not (tmp_path / ".nonsingular").exists()
    code, _, err = here(*command, "--name", "lab/named by an option")
    assert code == 0, err
    with closing(sqlite3.connect(tmp_path / "nonsingular.sqlite")) as connection:
        (name, card_text), *others = connection.execute("select name, card from models")
    assert (name, others) == ("lab/named by an option", [])
    assert json.loads(card_text)["training"]["extra_data"] is False
    written = [each for each in (tmp_path / "site").rglob("*") if each.is_file()]
    for each in (*written, tmp_path / "nonsingular.sqlite"):
        assert b"hidden@example.org" not in each.read_bytes(), each
