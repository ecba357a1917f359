"""A training that is stopped, however, ends as if it had not been."""

import signal
import time

import pytest
import torch
import typer
from typer.testing import CliRunner

from benchmark.datasets import load_dataset
from leaderboard.commands import train as train_command
from models_zoo import Classifier, InputError, fingerprint, sha256_file
from models_zoo.training import load_recipe, train
from models_zoo.training.state import load_state, save_state


class StoppedError(Exception):
    """Stands for anything that ends a training early."""


@pytest.fixture(scope="module")
def digits():
    """Five batches an epoch."""
    return load_dataset("digits", "train").head(300)


def run(digits, recipe="standard", stop=None, seen=None, seed=0, keep=(), snapshot=None,
        state=None, architecture="mlp", **values):  # fmt: skip
    def progress(epoch):
        if seen is not None:
            seen.append(epoch.number)
        if epoch.number == stop:
            raise StoppedError

    return train(
        recipe,
        architecture,
        digits.images,
        digits.labels,
        classes=10,
        settings=load_recipe(recipe).configure({"epochs": 5, "eps": 0.2} | values),
        seed=seed,
        progress=progress,
        state=state,
        keep=keep,
        snapshot=snapshot,
    )


@pytest.mark.parametrize(
    ("recipe", "values"),
    [
        ("standard", {"optimizer": "sgd", "schedule": "cosine", "learning_rate": 0.05}),
        ("pgd-at", {"steps": 1, "shift": 1, "flip": True, "noise": 0.1, "ema": 0.9, "clip": 1.0}),
        ("random-weight-noise", {"schedule": "constant"}),
        ("at-awp", {"steps": 1, "awp_warmup": 0.5}),
    ],
)
def test_a_stopped_training_ends_with_the_same_weights(digits, tmp_path, recipe, values):
    path = tmp_path / "state"
    seen: list[int] = []
    with pytest.raises(StoppedError):
        run(digits, recipe, stop=4, state=path, **values)
    with pytest.raises(StoppedError):  # the fourth epoch was not written yet, and is done again
        run(digits, recipe, stop=5, state=path, seen=seen, **values)
    torch.manual_seed(99)  # the caller's random state matters to neither
    resumed = run(digits, recipe, state=path, seen=seen, **values)
    assert seen == [4, 5, 5]
    assert fingerprint(resumed) == fingerprint(run(digits, recipe, **values))


def test_a_finished_training_is_not_trained_again(digits, tmp_path):
    seen: list[int] = []
    first = run(digits, state=tmp_path / "state", seen=seen)
    again = run(digits, state=tmp_path / "state", seen=seen)
    assert seen == [1, 2, 3, 4, 5]
    assert fingerprint(first) == fingerprint(again)


def test_batch_norm_s_statistics_are_resumed_too(digits, tmp_path):
    small = digits.head(70)
    values = {"architecture": "cifar-resnet20", "epochs": 2, "ema": 0.5}
    with pytest.raises(StoppedError):
        run(small, stop=2, state=tmp_path / "state", **values)
    resumed = run(small, state=tmp_path / "state", **values)
    assert fingerprint(resumed) == fingerprint(run(small, **values))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"learning_rate": 0.001}, "setting learning_rate = 0.005 where this one has 0.001"),
        ({"epochs": 6}, "setting epochs = 5 where this one has 6"),
        ({"seed": 1}, "seed = 0 where this one has 1"),
        ({"architecture": "cnn"}, "architecture = 'mlp' where this one has 'cnn'"),
        ({"recipe": "pgd-at"}, "recipe = 'standard' where this one has 'pgd-at'"),
    ],
)
def test_the_state_of_another_training_is_refused_by_what_differs(digits, tmp_path, change, reason):
    path = tmp_path / "state"
    with pytest.raises(StoppedError):
        run(digits, stop=2, state=path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="delete the file to start anew") as refusal:
        run(digits, state=path, **change)
    assert reason in str(refusal.value)
    assert path.read_bytes() == before


def test_the_state_of_a_training_on_other_images_is_refused(digits, tmp_path):
    with pytest.raises(StoppedError):
        run(digits, stop=2, state=tmp_path / "state")
    with pytest.raises(InputError, match="an unfinished training with data = "):
        run(digits.head(200), state=tmp_path / "state")


@pytest.mark.parametrize("content", [b"", b"not a state", b"PK\x03\x04 cut off"])
def test_a_damaged_state_is_refused(tmp_path, content):
    path = tmp_path / "state"
    path.write_bytes(content)
    with pytest.raises(InputError, match="delete it to start anew"):
        load_state(path, {})


def test_a_state_that_is_a_hostile_pickle_is_refused_and_not_run(tmp_path):
    class Hostile:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    path = tmp_path / "state"
    torch.save({"identity": {}, "state": Hostile()}, path)
    with pytest.raises(InputError, match="delete it to start anew"):
        load_state(path, {})
    assert not (tmp_path / "ran").exists()


def test_a_write_that_fails_leaves_the_last_state(tmp_path, monkeypatch):
    path = tmp_path / "state"
    save_state(path, {"seed": 0}, {"epoch": 1})
    monkeypatch.setattr("os.fdopen", lambda *_: (_ for _ in ()).throw(OSError(28, "disk full")))
    with pytest.raises(InputError, match="disk full"):
        save_state(path, {"seed": 0}, {"epoch": 2})
    assert load_state(path, {"seed": 0}) == {"epoch": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["state"]


def test_early_epochs_are_kept_as_they_were(digits):
    early: list[Classifier] = []
    last = run(digits, keep=(1, 3), snapshot=early.append, schedule="constant", ema=0.5)
    trainings = [model.card.training for model in (*early, last)]
    assert [training and training.epoch for training in trainings] == [1, 3, None]
    short = run(digits, epochs=3, schedule="constant", ema=0.5)
    assert fingerprint(early[1]) == fingerprint(short)
    assert len({fingerprint(model) for model in (*early, last)}) == 3
    assert not any(model.training for model in early)


@pytest.mark.parametrize("epoch", [0, 5, 6])
def test_an_epoch_that_is_not_early_cannot_be_kept(digits, epoch):
    with pytest.raises(InputError, match=f"cannot keep epoch {epoch} of 5"):
        run(digits, keep=(epoch,))


def command(out):
    return ["train", "pgd-at", "--dataset", "digits", "--architecture", "mlp", "--epochs", "8",
            "--set", "steps=1", "--keep-epochs", "1,5", "--out", str(out)]  # fmt: skip


def test_killed_with_signal_9_the_same_command_writes_the_same_file(forks, tmp_path):
    stopped, whole = tmp_path / "stopped.safetensors", tmp_path / "whole.safetensors"
    state = tmp_path / "stopped.safetensors.unfinished"
    child = forks.start(*command(stopped))
    limit = time.monotonic() + 120
    while not state.exists() and child.poll() is None and time.monotonic() < limit:
        time.sleep(0.01)
    assert child.kill() == -signal.SIGKILL
    assert state.exists()
    assert not stopped.exists()
    app = typer.Typer()
    app.callback()(lambda: None)
    train_command.register(app)
    for out in (stopped, whole):
        result = CliRunner().invoke(app, command(out))
        assert result.exit_code == 0, result.output
    stems = {
        f"{stem}{epoch}" for stem in ("stopped", "whole") for epoch in ("", "-epoch1", "-epoch5")
    }
    assert {file.name for file in tmp_path.iterdir()} == {f"{stem}.safetensors" for stem in stems}
    for epoch in ("", "-epoch1", "-epoch5"):
        one, two = (tmp_path / f"{stem}{epoch}.safetensors" for stem in ("stopped", "whole"))
        assert sha256_file(one) == sha256_file(two)
