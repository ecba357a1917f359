"""``python -m perf.gpu`` in small, on the CPU."""

import json
import sys

import pytest

import perf.gpu
from perf.gpu import AUTOATTACK, AttackTime, GpuReport, Throughput
from tests.benchmark.cheap_battery import shorten_autoattack


@pytest.fixture
def command(tmp_path, monkeypatch):
    def run(*arguments):
        out = tmp_path / "gpu.json"
        words = ["--device", "cpu", "--threads", "1", "--examples", "8", "--out", str(out)]
        monkeypatch.setattr(sys, "argv", ["gpu", *words, *arguments])
        monkeypatch.setattr(perf.gpu, "_MIN_SECONDS", 0.01)
        shorten_autoattack(monkeypatch)
        with pytest.raises(SystemExit) as caught:
            perf.gpu.main()
        return caught.value.code, out

    return run


def test_both_attacks_are_measured_and_written(command):
    code, out = command("--model", "digits/mlp-pgd-at", "--effort", "quick", "--no-battery")
    assert not code
    report = json.loads(out.read_text("utf-8"))
    first, *ours = report["attacks"]
    assert first["attack"] == AUTOATTACK
    assert [(run["attack"], run["cudnn_benchmark"]) for run in ours] == [
        ("quick", False),
        ("standard", True),
    ]
    for run in ours:
        assert run["n_robust"] - first["n_robust"] <= len(run["only_autoattack"])
        assert run["speedup"] == pytest.approx(first["seconds"] / run["seconds"])
    assert report["throughput"]["forward"] > 0


def test_an_unknown_model_is_one_line(command, capsys):
    code, out = command("--model", "digits/mlp-pgd")
    assert code == 2
    assert "did you mean 'digits/mlp-pgd-at'" in capsys.readouterr().err
    assert not out.exists()


def test_the_unavoidable_time_is_that_of_the_passes():
    throughput = Throughput(forward=100.0, forward_backward=50.0, batch_size=8)
    assert throughput.unavoidable(300, 200) == pytest.approx(1.0 + 4.0)


def test_the_battery_is_compared_with_one_run_of_autoattack():
    run = AttackTime(
        attack=AUTOATTACK,
        cudnn_benchmark=False,
        n_robust=1,
        seconds=20.0,
        forwards=2,
        backwards=1,
        unavoidable_share=0.5,
    )
    report = GpuReport(
        model="m",
        examples=8,
        eps=0.1,
        device="cpu",
        surroundings={},
        sources="",
        measured="",
        throughput=Throughput(forward=1.0, forward_backward=1.0, batch_size=1),
        battery={"clean": 1.0, "input": 9.0},
    )
    assert report.battery_in_autoattack_runs is None
    assert report.with_attack(run).battery_in_autoattack_runs == 0.5
