"""``python -m perf.battery``: what it measures, keeps and writes."""

import mmap
import sys
from pathlib import Path

import pytest
import torch

import perf.battery
from benchmark import load_battery
from benchmark.memory import peak_memory
from benchmark.probes import PROBES
from models_zoo.errors import InputError
from perf.battery_costs import BatteryConditions, BatteryRow, ProbeCost, Yardstick, reset_peak
from perf.battery_table import render
from perf.cases import find_model
from perf.minimal_battery import (
    BUDGETS,
    CHOICES,
    FEW,
    REPEATS,
    copies_left_out,
    minimal_battery,
    untrained,
)
from perf.page import marks, write_section
from perf.records import Records
from tests.benchmark.cheap_battery import shorten_autoattack

BEGIN, END = marks("battery")
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def command(tmp_path, monkeypatch, capsys, battery):
    """``command("--memory", ...)``: exit code and stderr of the command, in ``tmp_path``."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    shorten_autoattack(monkeypatch)
    for name in ("load_battery", "battery_for"):
        monkeypatch.setattr(perf.battery, name, lambda _: battery)

    def run(*arguments):
        files = ["--out", tmp_path / "rows.jsonl", "--page", page, "--shared", tmp_path / "none"]
        words = map(str, [*files, "--threads", 1, *arguments])
        monkeypatch.setattr(sys, "argv", ["battery", *words])
        with pytest.raises(SystemExit) as caught:
            perf.battery.main()
        return caught.value.code, capsys.readouterr().err

    return run


@pytest.fixture
def battery():
    """Two probes of the real battery, so that the command is quick."""
    whole = load_battery("digits-v1")
    probes = {name: whole.probes[name] for name in ("clean", "intrinsic")}
    return whole.model_copy(update={"default": tuple(probes), "probes": probes})


def row(kind="time", probes=None, **changes):
    conditions = {
        "model": "m",
        "fingerprint": "f",
        "examples": 100,
        "data_sha256": "d",
        "device": "cpu",
        "threads": 2,
        "processor": "Made-up CPU",
        "cores": 4,
        "versions": {"torch": "9.9"},
        "sources": "0123456789abcdef",
        "kind": kind,
        "battery": "b-v1",
        "battery_sha256": "fedcba9876543210",
        "batch_size": 64,
    }
    return BatteryRow(
        conditions=BatteryConditions.model_validate(conditions | changes),
        parameters=50_000_000,
        measured="2024-01-01T00:00:00+00:00",
        memory_before=500_000_000,
        own_peaks=True,
        probes=probes
        or (
            ProbeCost(
                probe="clean", seconds=1.0, forwards=100, backwards=0, peak_memory=700_000_000
            ),
            ProbeCost(
                probe="weight", seconds=3.0, forwards=9000, backwards=800, peak_memory=1_500_000_000
            ),
        ),
    )


def test_a_run_measures_each_probe_and_autoattack_and_writes_them(command, tmp_path):
    code, err = command("--model", "digits/mlp-standard", "--examples", 12, "--budget", "0.05")
    assert code == 0, err
    (found,) = Records(tmp_path / "rows.jsonl", BatteryRow).rows
    assert [probe.probe for probe in found.probes] == ["clean", "intrinsic"]
    assert found.conditions.examples == 12
    assert found.conditions.batch_size == 256
    assert found.parameters == 85002
    clean, intrinsic = found.probes
    assert (clean.forwards, clean.backwards) == (12, 0)
    assert intrinsic.backwards > 100
    assert 0 < clean.seconds < found.seconds
    (yardstick,) = found.autoattack
    assert yardstick.eps == 0.05
    assert yardstick.forwards > yardstick.backwards > 0
    text = (tmp_path / "page.md").read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| intrinsic | " in text
    assert "% of the time of AutoAttack standard alone at linf 0.05" in text


def test_memory_is_measured_at_the_minimal_battery_on_random_weights(command, tmp_path):
    code, err = command("--memory", "--architecture", "cifar-resnet20", "--examples", 8)
    assert code == 0, err
    (found,) = Records(tmp_path / "rows.jsonl", BatteryRow).rows
    assert found.conditions.kind == "memory"
    assert found.conditions.model == "cifar-resnet20, random weights"
    assert found.conditions.batch_size == 64
    assert found.conditions.battery.endswith("at its least effort")
    assert found.autoattack == ()
    assert 10**8 < found.memory_before <= found.peak_memory
    assert "The peak of the whole battery is" in (tmp_path / "page.md").read_text()
    assert command("--model", "digits/mlp-standard", "--examples", 8, "--budget", "0")[0] == 0
    kinds = [each.conditions.kind for each in Records(tmp_path / "rows.jsonl", BatteryRow).rows]
    assert kinds == ["memory", "time"], "one does not replace the other"


def test_only_rendering_measures_nothing(command, tmp_path):
    Records(tmp_path / "rows.jsonl", BatteryRow).put(row(model="mine"))
    assert command("--render")[0] == 0
    assert "on mine" in (tmp_path / "page.md").read_text()


def test_a_mistake_is_one_line(command, tmp_path):
    for arguments, reason in (
        (["--budget", "8/x"], "'8/x' is not a radius"),
        (["--model", "digits/none"], "digits/none"),
        (["--memory", "--architecture", "wrn"], "unknown architecture"),
    ):
        code, err = command(*arguments)
        assert (code, len(err.splitlines())) == (2, 1), err
        assert reason in err
    assert "old" in (tmp_path / "page.md").read_text()


def test_the_tables_say_where_time_and_memory_go():
    aa = Yardstick(eps=2 / 255, robust_accuracy=0.5, seconds=8.0, forwards=10, backwards=5)
    wide = row("memory", model="wide").model_copy(update={"copies_left_out": 3})
    text = render([row().model_copy(update={"autoattack": (aa,)}), wide])
    assert "| weight | 3.00 | 75% | 9,000 | 800 | 1.50 |" in text
    assert "| all | 4.00 | 100% | 9,100 | 800 | 1.50 |" in text
    assert "| AutoAttack alone, linf 2/255 | 8.00 | 200% | 10 | 5 |  |" in text
    assert "takes 50% of the time of AutoAttack standard alone at linf 2/255 (which" in text
    assert "**Memory: `b-v1` on wide** (50,000,000 parameters, 100 examples, 64 at once)" in text
    assert "| weight | 3 | 9,000 | 800 | 1.50 | 5.0 |" in text  # 1.0 GB in copies of 0.2 GB
    assert "The peak of the whole battery is 1.50 GB." in text
    assert "With the 3 further copies" in text
    assert "it is at most 2.10 GB." in text
    so_far = render([row("memory").model_copy(update={"own_peaks": False})])
    assert "peak GB so far" in so_far
    assert render([]) == "Nothing has been measured yet.\n"


def test_a_peak_can_be_forgotten():
    if not reset_peak("cpu"):
        pytest.skip("this system does not let a process forget its peak memory")
    # Pages of its own: a tensor may lie in memory that an earlier test has left to the process.
    with mmap.mmap(-1, 200_000_000) as pages:
        pages.write(bytes(200_000_000))
    high = peak_memory(torch.device("cpu"))
    reset_peak("cpu")
    assert peak_memory(torch.device("cpu")) < high - 150_000_000


@pytest.mark.parametrize("name", ["digits-v1", "cifar10-linf-v1"])
def test_the_minimal_battery_is_less_of_the_same(name):
    whole = load_battery(name)
    least = minimal_battery(whole)
    assert least.default == whole.default
    assert least.sha256 != whole.sha256
    for probe, settings in whole.probes.items():
        before, after = settings.model_dump(), least.probes[probe].model_dump()
        for field, value in before.items():
            if field in REPEATS | FEW.keys():
                assert after[field] <= value
            elif isinstance(value, tuple):
                assert set(map(str, after[field])) <= set(map(str, value))
                assert after[field] or not value
            elif field not in ("effort", "also"):
                assert after[field] == value
    weight, joint, inputs = (
        least.probes[name].model_dump() for name in ("weight", "joint", "input")
    )
    assert weight["steps"] == 1
    assert inputs["effort"] == "quick"
    assert weight["headline"] in weight["radii"]
    assert set(joint["radii"]) <= set(weight["radii"])
    assert set(joint["linf"]) <= set(inputs["linf"])


def test_copies_of_weights_that_shorter_ladders_do_not_keep_are_counted():
    battery = load_battery("cifar10-linf-v1")
    changed = {
        "weight": {"radii": [0.002, 0.005, 0.01], "headline": 0.005},
        "joint": {
            "linf": ["2/255", "8/255"],
            "radii": [0.002, 0.005],
            "headline_linf": "8/255",
            "headline_radius": 0.005,
        },
    }
    battery = battery.model_copy(
        update={
            "probes": {
                "input": battery.probes["input"],
                **{name: PROBES[name].Settings.model_validate(t) for name, t in changed.items()},
            }
        }
    )
    assert copies_left_out(battery) == (3 - 1) + (4 - 1)
    assert copies_left_out(minimal_battery(battery)) == 0
    assert copies_left_out(battery.model_copy(update={"default": ("clean",)})) == 0


KEPT = {
    "betas",
    *("examples", "measure_examples", "search_examples", "minibatch"),
    *("target", "trigger_size", "top", "rungs"),
}
"""Settings that are no repetition: what is measured, and how many images at once."""


def test_every_count_and_list_of_a_default_probe_s_settings_is_known_for_what_it_is():
    """A new one is a repetition, a choice or a ladder, and named as such, or named above."""
    unknown = {
        f"{probe}.{field}"
        for name in ("digits-v1", "cifar10-linf-v1")
        for battery in [load_battery(name)]
        for probe in battery.default
        for field, value in battery.probes[probe].model_dump().items()
        if type(value) in (int, tuple)
        and field not in {*REPEATS, *CHOICES, *BUDGETS, *FEW, *KEPT}
        and probe != "regional"
    }
    assert unknown == set()


def test_the_random_network_is_right_about_all_and_not_always_of_one_class():
    before = torch.get_rng_state()
    model, data = untrained("cifar-resnet20", 12, batch_size=5)
    assert torch.equal(torch.get_rng_state(), before)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    logits = model(data.images)
    assert torch.equal(logits.argmax(1), data.labels)
    assert len(data.labels.unique()) >= 3
    again, same = untrained("cifar-resnet20", 12, batch_size=5)
    assert torch.equal(same.labels, data.labels)
    assert all(
        torch.equal(one, other)
        for one, other in zip(model.state_dict().values(), again.state_dict().values(), strict=True)
    )


def test_models_are_found_in_the_zoo_and_beside_the_checkout(shared_data, tmp_path):
    model, data = find_model("cifar10-resnet2b-adv", shared_data.parent)
    assert len(data) == 846
    assert model(data.images[:2]).shape == (2, 10)
    model, data = find_model("digits/cnn-pgd-at", tmp_path)
    assert (model.card.name, len(data)) == ("digits/cnn-pgd-at", 600)
    with pytest.raises(InputError):
        find_model("cifar10-resnet2b-adv", tmp_path)


def test_the_project_s_page_can_be_written(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text((ROOT / "docs" / "performance.md").read_text("utf-8"))
    write_section(page, "battery", render([row(model="made-up")]))
    assert "on made-up**" in page.read_text("utf-8")
