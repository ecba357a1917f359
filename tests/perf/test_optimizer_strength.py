"""``python -m perf.optimizer_strength``: what it asks twice and what it prints."""

import sys

import pytest
import torch

import perf.optimizer_strength
from benchmark.batteries import battery_for
from benchmark.provenance import versions
from models_zoo import list_models, load_card
from perf.cases import whole_models
from perf.optimizer_strength import Line, summary, table
from perf.page import marks


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """``command("--only", ...)``: exit code, stdout and stderr, without shared checkpoints."""
    torch.set_num_threads(1)

    def run(*arguments):
        words = ["--shared", str(tmp_path), "--threads", "1", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", ["optimizer_strength", *words])
        with pytest.raises(SystemExit) as caught:
            perf.optimizer_strength.main()
        return caught.value.code, *capsys.readouterr()

    return run


def test_every_value_is_measured_at_both_lengths(command, monkeypatch):
    asked = []

    def values(subject, battery, factor):
        asked.append((len(subject), battery.name, factor))
        return {("thing", "here"): 1.0, ("thing", "there"): 1.0 + 0.01 * factor}

    monkeypatch.setattr(perf.optimizer_strength, "QUESTIONS", {"thing": values})
    code, out, err = command("--only", "digits/cnn-*", "--examples", 5, "--factor", 3)
    assert code == 0, err
    assert asked == 2 * [(5, "digits-v1", 1), (5, "digits-v1", 3)]
    assert "| digits/cnn-standard | thing, there | 1.0100 | 1.0300 | 2.0% |" in out
    assert "Largest change of thing: 2.0% (digits/cnn-" in out


def test_the_weight_attack_is_asked_over_all_its_ladders(command):
    code, out, err = command(
        "--only", "digits/mlp-standard", "--examples", 8, "--factor", 2, "--ask", "weight"
    )
    assert code == 0, err
    for kind in ("weight loss", "weight accuracy"):
        assert f"| digits/mlp-standard | {kind}, relative-l2 0.02 |" in out
        assert f"Largest change of {kind}: " in out


def test_flatness_is_asked_at_every_radius(command):
    code, out, err = command(
        "--only", "digits/mlp-standard", "--examples", 8, "--factor", 2, "--ask", "flatness"
    )
    assert code == 0, err
    for kind in ("robust", "clean"):
        for radius in (0.00075, 0.005):
            assert f"| digits/mlp-standard | worst-case flatness, {kind}, {radius:g} |" in out


def test_the_page_gets_machine_versions_and_every_row(command, monkeypatch, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n" + "\n".join(marks("optimizer_strength")) + "\nafter\n")
    values = {"thing": lambda subject, battery, factor: {("thing", "here"): float(factor)}}
    monkeypatch.setattr(perf.optimizer_strength, "QUESTIONS", values)
    code, _, err = command("--only", "digits/cnn-*", "--factor", 3, "--write", "--page", page)
    assert code == 0, err
    text = page.read_text()
    assert "Largest change of thing: 200.0% (digits/cnn-" in text
    assert text.count("| thing, here | 1.0000 | 3.0000 | 200.0% |") == 2
    assert f"torch {versions()['torch']}" in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")


def test_mistakes_are_one_line(command):
    code, _, err = command("--only", "nothing/*")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "no available model matches 'nothing/*'" in err
    code, _, err = command("--ask", "weights")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "did you mean 'weight'" in err


def test_changes_are_relative_and_a_change_from_zero_is_infinite():
    assert Line("m", "a", "b", 0.5, 0.4).change == pytest.approx(0.2)
    assert Line("m", "a", "b", 0.0, 0.0).change == 0
    lines = [Line("m", "a", "b", 0.0, 0.1), Line("m", "a", "c", 1.0, 1.5)]
    text = table(lines) + summary(lines)
    assert "| m | a, c | 1.0000 | 1.5000 | 50.0% |" in text
    assert "Largest change of a: inf% (m, a, b)" in text


def test_the_models_are_the_bundled_ones_and_the_shared_checkpoints(shared_data, tmp_path):
    alone = list(whole_models(tmp_path))
    assert len(alone) >= 4
    assert {case.battery for case in alone} == {"digits-v1"}
    cases = {case.model: case for case in whole_models(shared_data.parent)}
    for name in list_models():
        if load_card(name).source == "bundled" and load_card(name).tokens is None:
            if name == "digits/mlp-noise-standard":  # random
                assert name not in cases
                continue
            assert cases[name].battery == battery_for(load_card(name).dataset).name
    assert len(cases["mnist/cnn-standard"].examples()) == 1000
    shared = {name: case for name, case in cases.items() if name.startswith("cifar10-")}
    assert len(shared) == 5
    assert {case.battery for case in shared.values()} == {"cifar10-linf-v1"}
    assert len(shared["cifar10-resnet2b-adv"].examples()) == 846
