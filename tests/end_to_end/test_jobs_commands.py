"""``bench --executor queue``, ``worker`` and ``jobs``: from a plan to results, elsewhere."""

import json

import pytest

MODEL = "digits/mlp-standard"
QUEUE = ("bench", MODEL, "--probe", "clean", "--probe", "intrinsic", "--examples", "8")


@pytest.fixture
def queued(here):
    code, out, error = here(*QUEUE, "--executor", "queue")
    assert code == 0, error
    assert "2 jobs wait: run nonsingular worker" in out
    return here


def listed(here, *options):
    code, out, error = here("jobs", "--json", *options)
    assert code == 0, error
    return json.loads(out)


def test_a_worker_does_what_was_queued(queued, tmp_path):
    assert [each["state"] for each in listed(queued)] == ["queued", "queued"]
    assert not (tmp_path / "site").exists()
    code, out, error = queued("worker", "--drain")
    assert code == 0, error
    assert "2 jobs done" in out
    assert f"{MODEL}: Intrinsic robustness took" in error
    code, out, error = queued(*QUEUE, "--no-site")
    assert code == 0
    assert "took" not in error
    assert MODEL in out
    assert [each["state"] for each in listed(queued)] == ["done", "done"]
    assert "2 jobs deleted" in queued("jobs", "--clear")[1]
    assert listed(queued) == []


def test_what_a_configuration_file_says_of_workers_and_of_the_site_does_not_stop_a_queue(
    here, tmp_path
):
    (tmp_path / "own.toml").write_text("[bench]\nworkers = 4\n")
    code, out, error = here(*QUEUE, "--executor", "queue", "--no-site", "--config", "own.toml")
    assert code == 0, error
    assert "2 jobs wait" in out


def test_jobs_are_shown_cancelled_and_retried(queued):
    code, out, _ = queued("jobs")
    assert code == 0
    assert "2 queued" in out
    first = listed(queued)[0]
    assert first["title"] == f"{MODEL}: Clean", "it shows whether the model is described correctly"
    assert "1 job cancelled" in queued("jobs", "--cancel", str(first["number"]))[1]
    assert "1 cancelled" in queued("jobs")[1]
    assert "1 job waits again" in queued("jobs", "--retry", "cancelled")[1]
    assert len(listed(queued, "--state", "queued")) == 2
    asked = ("--cancel", "running", "--cancel", "queued")
    assert "2 jobs cancelled" in queued("jobs", *asked)[1], "although none runs"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("jobs", "--retry", "\x1b[31m77"), r"no job is '\x1b[31m77'"),
        (("jobs", "--show", "77"), "there is no job 77"),
        (("jobs", "--state", "quued"), "did you mean 'queued'?"),
        ((*QUEUE, "--executor", "dask"), "unknown executor 'dask'"),
        ((*QUEUE, "--address", "auto"), "--address goes with --executor ray"),
        (
            (*QUEUE, "--executor", "queue", "--jobs", "4", "--json", "a.json"),
            "--workers, --json cannot be used with --executor queue",
        ),
        ((*QUEUE, "--executor", "queue", "--threads", "2"), "--threads cannot be used with"),
        ((*QUEUE, "--executor", "queue", "--site"), "--site cannot be used with --executor queue"),
    ],
)
def test_mistakes_are_refused_in_a_line(queued, line, said):
    code, _, error = queued(*line)
    assert code == 2
    assert said in " ".join(error.split())
    assert "Traceback" not in error


def test_a_worker_runs_no_code_of_a_model_that_it_does_not_trust(queued, tmp_path):
    (tmp_path / "net.py").write_text(
        "from pathlib import Path\nfrom torch import nn\n\n\ndef make():\n"
        "    Path('ran').touch()\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    from safetensors.torch import save_file
    from torch import nn

    save_file(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).state_dict(), tmp_path / "net.st")
    (tmp_path / "net.st").rename(tmp_path / "net.safetensors")
    line = ("bench", "--checkpoint", "net.safetensors", "--architecture", "net.py:make", "--trust")
    code, _, error = queued(
        *line,
        "--battery",
        "digits-v1",
        "--probe",
        "clean",
        "--examples",
        "8",
        "--executor",
        "queue",
    )
    assert code == 0, error
    (tmp_path / "ran").unlink()
    code, out, error = queued("worker", "--drain")
    assert code == 2
    assert "2 jobs done" in out
    assert "1 job is left that this worker cannot run" in error
    assert "a worker does that with --trust only" in error
    assert not (tmp_path / "ran").exists()
    assert [each["attempts"] for each in listed(queued, "--state", "queued")] == [0]
    assert "1 job done" in queued("worker", "--drain", "--trust")[1]
    assert (tmp_path / "ran").exists()
