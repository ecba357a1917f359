"""Several ascents per example: which go on, and that those of a broken example end."""

import pytest
import torch

from benchmark.attacks.inputs.cascade import Scheduler
from benchmark.attacks.inputs.larger_ball import LargerBallRestarts
from benchmark.attacks.inputs.restarts import Restarts, survivors
from benchmark.attacks.inputs.staged_restarts import Stage, StagedRestarts
from benchmark.attacks.inputs.state import AttackState
from benchmark.attacks.inputs.targets import ranked_targets
from benchmark.spaces import InputBall

NAN = float("nan")


def restarts(rows, values, broken=()):
    rows = torch.tensor(rows)
    hit = torch.zeros(len(rows), dtype=torch.bool)
    hit[list(broken)] = True
    return Restarts(rows, torch.zeros(len(rows), 1, 1, 1), torch.tensor(values), hit)


@pytest.mark.parametrize(
    ("rows", "values", "broken", "keep", "kept"),
    [
        ([0, 1, 0, 1], [1.0, 2.0, 3.0, 1.0], (), 1, [2, 1]),
        ([0, 1, 0, 1], [1.0, 2.0, 3.0, 1.0], (), 2, [2, 0, 1, 3]),
        ([0, 1, 0, 1], [1.0, 2.0, 3.0, 1.0], (), 9, [2, 0, 1, 3]),
        ([5, 7, 5, 7], [1.0, 2.0, 3.0, 1.0], (0,), 1, [1]),
        ([5, 7, 5, 7], [1.0, 2.0, 3.0, 1.0], (0, 3), 2, []),
        ([2, 2, 2], [4.0, 4.0, 4.0], (), 2, [0, 1]),
        ([2, 2, 2], [NAN, -1.0, NAN], (), 2, [1, 0]),
    ],
)
def test_the_best_restarts_of_each_example_that_stands_go_on(rows, values, broken, keep, kept):
    assert survivors(restarts(rows, values, broken), keep).tolist() == kept


def passes_of(search, subject, eps=1e-4):
    """Passes of a search on examples that it cannot break."""
    state = AttackState.of(subject, InputBall(subject.images, "linf", eps))
    state.targets, state.target_progress = ranked_targets(state)
    report = Scheduler(state, ("test",)).run_one(search)
    assert not report.broken.any()
    verification = int(state.robust.sum())
    per_example = (report.forwards + report.backwards - verification) / int(state.robust.sum())
    assert per_example == int(per_example)
    return int(per_example)


def test_stages_cost_what_they_say(subject):
    few = subject("digits/mlp-pgd-at", 5)
    assert passes_of(StagedRestarts("DLR", (Stage(6, steps=3), Stage(2, steps=7))), few) == 2 * (
        6 * 4 + 2 * 8
    )
    plain = LargerBallRestarts((1.5, 2.0, 3.0), steps_outside=2, steps_inside=3)
    longer = LargerBallRestarts(
        (1.5, 2.0, 3.0), steps_outside=2, steps_inside=3, kept=2, steps_kept=4
    )
    assert passes_of(longer, few) - passes_of(plain, few) == 2 * 2 * 5
