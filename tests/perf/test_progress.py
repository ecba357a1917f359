"""``python -m perf.progress``: what it compares, prints and refuses."""

import sys

import pytest
import torch

import perf.progress
from benchmark.batteries import load_battery
from benchmark.results import Cost
from perf.cases import whole_models
from perf.progress import Moment, Run


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """``command("--only", ...)``: exit code and stderr, without shared checkpoints."""
    torch.set_num_threads(1)

    def run(*arguments):
        words = ["--shared", str(tmp_path), *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", ["progress", *words])
        with pytest.raises(SystemExit) as caught:
            perf.progress.main()
        return caught.value.code, capsys.readouterr().err

    return run


def test_the_error_is_that_of_the_first_estimate_at_a_point():
    moments = [Moment(0.0, 0.0, None), Moment(1.0, 0.1, 12.0), Moment(6.0, 0.5, 2.0)]
    run = Run(10.0, moments, {})
    assert run.error(0.05) == pytest.approx(12 / 9 - 1)
    assert run.error(0.5) == pytest.approx(2 / 4 - 1)


def test_every_model_that_matches_is_measured_and_again_with_its_costs(command, monkeypatch):
    asked = []

    def measure(case, examples, costs=None):
        asked.append((case.model, examples, costs))
        return Run(10.0, [Moment(0.0, 0.0, None), Moment(8.0, 0.5, 4.0)], {"clean": Cost()})

    monkeypatch.setattr(perf.progress, "measure", measure)
    code, printed = command("--only", "digits/cnn-*", "--examples", 5, "--repeat")
    assert code == 0
    names = ["digits/cnn-pgd-at", "digits/cnn-standard"]
    assert asked == [(name, 5, costs) for name in names for costs in (None, {"clean": Cost()})]
    assert "digits/cnn-standard, costs known: 10.0 s" in printed
    assert "+100% after 50%" in printed


def test_a_run_records_estimates_from_the_beginning_to_the_end(tmp_path, monkeypatch):
    cases = {case.model: case for case in whole_models(tmp_path)}
    case = cases["digits/mlp-standard"]
    battery = load_battery(case.battery).model_copy(update={"default": ("clean", "intrinsic")})
    monkeypatch.setattr(perf.progress, "load_battery", lambda _: battery)
    found = perf.progress.measure(case, 8)
    assert (found.moments[0].share, found.moments[-1].share) == (0, 1)
    assert found.moments[-1].left == 0
    assert list(found.costs) == ["clean", "intrinsic"]


def test_a_model_that_is_not_there_is_refused(command):
    code, printed = command("--only", "no/such")
    assert code == 2
    assert "no model matches no/such" in printed
