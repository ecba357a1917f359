"""The number of threads that attacks compute with."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmark import attack_inputs, threads
from benchmark.subject import subject_of
from benchmark.threads import measured_threads


@pytest.fixture
def _four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


MODEL, IMAGES = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.rand(20, 1, 2, 2)
LABELS = torch.zeros(20, dtype=torch.int64)


@pytest.mark.usefixtures("_four_threads")
@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({4: 1.0, 2: 2.0, 1: 4.0}, 4),  # quiet
        ({4: 1.0, 2: 0.9, 1: 0.9}, 4),  # within the noise
        ({4: 8.0, 2: 5.0, 1: 2.0}, 1),  # beside another program
        ({4: 8.0, 2: 2.0, 1: 3.0}, 2),
    ],
)
def test_fewer_threads_are_chosen_where_they_are_clearly_faster(monkeypatch, seconds, expected):
    monkeypatch.setattr(threads, "_seconds_per_pass", lambda _, count: seconds[count])
    with subject_of(MODEL, IMAGES, LABELS) as subject:
        with measured_threads(subject) as chosen:
            assert chosen == expected == torch.get_num_threads()
        assert torch.get_num_threads() == 4
        assert subject.passes.forwards == 2  # those of the check before


@pytest.mark.usefixtures("_four_threads")
def test_a_quick_first_measurement_does_not_hide_another_program(monkeypatch):
    seconds = {4: iter([1.0, 8.0]), 2: iter([2.0]), 1: iter([1.5])}
    monkeypatch.setattr(threads, "_seconds_per_pass", lambda _, count: next(seconds[count]))
    with (
        subject_of(MODEL, IMAGES, LABELS) as subject,
        measured_threads(subject) as chosen,
    ):
        assert chosen == 1


@pytest.mark.usefixtures("_four_threads")
def test_every_number_is_timed():
    with (
        subject_of(MODEL, IMAGES, LABELS) as subject,
        measured_threads(subject) as chosen,
    ):
        assert chosen in {1, 2, 4}


class Drawing(nn.Module):
    """A linear model with a little noise from the global generator."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, images):
        noise = 1e-3 * torch.rand(())
        return self.linear(images.flatten(1)) * (1 + noise)


def test_the_measurement_changes_no_draw_of_a_random_model():
    torch.manual_seed(0)
    model, images = Drawing(), torch.rand(20, 1, 2, 2)
    labels = model(images).argmax(1)
    before, found = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(attack_inputs(model, images, labels, eps=0.1).images)
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(*found, rtol=0, atol=0)


def test_numbers_of_threads_are_restored_in_every_library(forks):
    code = (
        "import os, torch, numpy, scipy.linalg\n"
        "from threadpoolctl import threadpool_info\n"
        "from benchmark.threads import computing_with\n"
        "def threads():\n"
        "    return {each['filepath']: each['num_threads'] for each in threadpool_info()}\n"
        "torch.set_num_threads(2)\n"
        "before, variable = threads(), os.environ.get('OPENBLAS_NUM_THREADS')\n"
        "try:\n"
        "    with computing_with(3):\n"
        "        inside = threads()\n"
        "        assert torch.get_num_threads() == 3\n"
        "        raise KeyboardInterrupt\n"
        "except KeyboardInterrupt:\n"
        "    pass\n"
        "assert set(inside.values()) == {3}, inside\n"
        "assert threads() == before, (threads(), before)\n"
        "assert torch.get_num_threads() == 2\n"
        "assert os.environ.get('OPENBLAS_NUM_THREADS') == variable\n"
    )
    assert forks.run(code=code).returncode == 0


def test_a_worker_computes_with_its_share_of_threads_in_every_library(forks):
    code = (
        "import torch\n"
        "from threadpoolctl import threadpool_info\n"
        "from benchmark.threads import compute_with\n"
        "compute_with(1)\n"
        "import scipy.linalg\n"
        "used = {each['filepath']: each['num_threads'] for each in threadpool_info()}\n"
        "assert len(used) > 1, used\n"
        "assert set(used.values()) == {1}, used\n"
        "assert torch.get_num_threads() == 1\n"
    )
    assert forks.run(code=code).returncode == 0
