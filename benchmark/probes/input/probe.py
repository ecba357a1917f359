"""The input probe: robust accuracy in input balls of ascending budgets."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from benchmark.attacks.inputs import attacks_by_budget
from benchmark.attacks.inputs.pilot import Pilot
from benchmark.checks import gradient_free_wins
from benchmark.probes.budget_curves import score_curve
from benchmark.probes.divisible import Divisible
from benchmark.probes.headline_norm import NORM_LABELS
from benchmark.probes.input.expected import input_work
from benchmark.probes.input.found import InputFound, found_by, joined
from benchmark.probes.input.pictures import shown_examples
from benchmark.probes.input.settings import InputSettings
from benchmark.probes.probe import (
    Probe,
    ProfileShare,
    as_outcomes,
    share,
    share_classified,
)
from benchmark.probes.settings import Budgets
from benchmark.requirements import missing_image_gradients
from benchmark.results import Curve, Flag, Outcome, ProbeResult, ScoreSpec
from benchmark.statistics import proportion
from benchmark.subject import Subject
from benchmark.threats import InputThreat
from benchmark.work import PassMix, Steps, Work
from benchmark.work import joined as joined_work

USUAL_PASSES = 400.0
"""Usual number of passes per budget and example that is classified correctly with ``standard``, for
estimates of the time left: 290 to 520 on networks for digits, MNIST and CIFAR-10, and fewer where
most are broken at once."""

PASSES_PER_BUDGET = {"quick": 80.0, "standard": USUAL_PASSES, "thorough": 2000.0}
"""The same for each effort; registered ones count as ``standard``. ``quick`` passes 83 on
one network for digits; ``thorough`` counts as five times ``standard``, without a measurement."""

SHARE_PER_BATCH = 0.37
"""Usual mean size of a batch relative to the largest, since examples leave that are broken or not
selected: 0.28 to 0.43 on three networks."""


def _share_robust(norm: str, *, headline: bool = False, note: str = "") -> ScoreSpec:
    return share(
        f"Input {norm}",
        "Share of test examples still classified correctly under every perturbation found inside "
        f"the headline {norm} ball{note}.",
        headline=headline,
    )


class InputProbe(Probe[InputSettings], Divisible[InputFound]):
    """Searches from cheap to expensive on the robust examples, at linf and l2 budgets."""

    Found = InputFound
    name = "input"
    title = "Input attack"
    question = "What is the accuracy when each image may be perturbed slightly?"
    pass_cost = 1.05
    mix = PassMix(images=0.74)
    step_cost = 1.55
    algorithm = 5
    perturbs = frozenset({"images"})
    example_wise = True
    in_headline = True
    offers_threats = True
    profile = ProfileShare("robust_accuracy", "input")
    claim = "robustness"
    scores = {
        "robust_accuracy": _share_robust(
            "linf", headline=True, note=" (or that of the battery's headline norm)"
        ),
        "robust_accuracy_l2": _share_robust("l2"),
        "robust_accuracy_linf": _share_robust("linf"),
    }
    scores_by_norm = {"l2": {"robust_accuracy": _share_robust("l2", headline=True)}}

    @property
    def headline_threats(self) -> list[InputThreat]:
        """The balls of both norms, that of the headline norm first."""
        return sorted(
            [
                InputThreat("linf", self.settings.headline_linf),
                InputThreat("l2", self.settings.headline_l2),
            ],
            key=lambda threat: threat.norm != self.settings.headline_norm,
        )

    def expected_work(self, subject: Subject) -> Work:
        """As measured per example that is attacked and budget, at every budget."""
        budgets = len(self.settings.linf) + len(self.settings.l2)
        attacked = share_classified(subject) * len(subject)
        passes = PASSES_PER_BUDGET.get(self.settings.effort, USUAL_PASSES) * budgets * attacked
        return Work.in_batches(passes, SHARE_PER_BATCH * min(len(subject), subject.batch_size))

    def expected_steps(self, subject: Subject, pilot: Pilot | None = None) -> Steps:
        """By the distances of some examples to the decision boundary, in budgets."""
        if pilot is None:
            return super().expected_steps(subject)
        return self.mix.steps(
            joined_work(self.work_in(norm, subject, pilot) for norm in ("linf", "l2"))
        )

    def work_in(self, norm: str, subject: Subject, pilot: Pilot) -> Work:
        """The expected work at all budgets of a norm.

        Args:
            norm: ``"linf"`` or ``"l2"``.
            subject: model and examples.
            pilot: tells how robust some of the examples are.
        """
        budgets = self.settings.linf if norm == "linf" else self.settings.l2
        found = pilot.distances(norm).double().cpu().numpy()
        work = input_work(found, norm, budgets, len(subject), subject.batch_size)
        effort = PASSES_PER_BUDGET.get(self.settings.effort, USUAL_PASSES) / USUAL_PASSES
        return Work(effort * work.images, effort * work.calls)

    def ask(self, subject: Subject) -> ProbeResult:
        """Attack at every budget, see :func:`attacks_by_budget`."""
        return self.join([self.ask_some(subject)])

    def ask_some(self, subject: Subject) -> InputFound:
        """Attack some of the examples at every budget."""
        attacks = {
            norm: dict(
                zip(
                    budgets,
                    attacks_by_budget(subject, norm, budgets, self.settings.effort),
                    strict=True,
                )
            )
            for norm, budgets in self._budgets.items()
        }
        main = self.headline_threats[0]
        return found_by(
            attacks,
            as_outcomes(subject.correct()),
            shown_examples(subject, attacks[main.norm], main.eps, main.norm),
            _no_gradients(subject),
        )

    def join(self, found: Sequence[InputFound]) -> ProbeResult:
        """Scores, outcomes and curves on all examples."""
        whole = joined(found)
        curves: dict[str, Curve] = {}
        outcomes: dict[str, Outcome] = {}
        for norm, budgets in self._budgets.items():
            robust = whole.robust[norm]
            for eps, each in zip(budgets, robust, strict=True):
                threat = InputThreat(norm, eps)
                outcomes[_name(threat)] = Outcome(each, "budget", threat)
            curves[norm] = score_curve(
                f"robust_accuracy_{norm}",
                norm,
                NORM_LABELS[norm],
                [0.0, *budgets],
                [proportion(each) for each in (whole.clean, *robust)],
                "robust accuracy",
                "share",
                role="budget",
                threat=InputThreat(norm, budgets[-1]),
            )
        main, other = self.headline_threats
        headline, beside = (outcomes[_name(each)].robust for each in (main, other))
        masked = gradient_free_wins(torch.from_numpy(whole.along), torch.from_numpy(whole.freely))
        return ProbeResult(
            probe=self.name,
            scores={
                "robust_accuracy": proportion(headline),
                f"robust_accuracy_{other.norm}": proportion(beside),
            },
            share_of={
                "robust_accuracy": "headline",
                f"robust_accuracy_{other.norm}": _name(other),
            },
            curves=[curves[main.norm], curves[other.norm]],
            thumbnails=[picture for each in whole.shown for picture in each.pictures],
            flags=[masked, *whole.flags],
            protocol={
                "effort": self.settings.effort,
                **whole.account,
                f"headline {main.norm} budget": float(main.eps),
                f"headline {other.norm} budget": float(other.eps),
            },
        ).with_outcomes({"headline": Outcome(headline, "headline", main)} | outcomes)

    @property
    def _budgets(self) -> dict[str, Budgets]:
        return {"linf": self.settings.linf, "l2": self.settings.l2}


def _name(threat: InputThreat) -> str:
    """The name under which the outcome of a budget is stored."""
    return f"{threat.norm}@{threat.eps:.6g}"


def _no_gradients(subject: Subject) -> list[Flag]:
    """A flag if only searches without gradients can succeed."""
    problem = missing_image_gradients(subject)
    if problem is None:
        return []
    return [
        Flag(
            name="no_gradients",
            title="Model has no image gradients",
            raised=True,
            figure=None,
            saw=f"{problem[0].upper()}{problem[1:]}.",
            advice="Only a search without gradients attacked this model, with few queries, so its "
            "robust accuracy is too high. Use a model through which gradients flow.",
        )
    ]
