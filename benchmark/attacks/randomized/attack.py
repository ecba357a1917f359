"""The attack on random models: images that are misclassified as often as possible.

A single pass of a random model proves nothing: an image that failed once may be right the next
time, and one that was right may fail. The quantity is the failure rate of an image, the probability
over the model's draws that it is misclassified. Searches propose images; these are compared by
their failure rates at *fresh* draws; the result is scored at draws that neither saw:

1. Examples that are misclassified at every draw need no attack.
2. A pilot chooses over how many draws a gradient is averaged
   (:mod:`benchmark.attacks.randomized.pilot`).
3. Each search proposes a short list of images per example. They and the best image so far are
   classified at :attr:`RandomizedEffort.selection` draws; the one with the largest failure rate is
   kept, and of equal ones the one with the largest mean margin.
4. An example is left out of later searches only if the lower 99% bound of its failure rate at
   further draws is above :data:`SURE_RATE`; never because it failed once.

On a deterministic model one draw is all there is, and the attack contains the input attack.

Sources: Athalye, Engstrom, Ilyas & Kwok 2018 (expectation over transformation); Athalye, Carlini &
Wagner 2018 (its use against randomized defenses, and BPDA); Croce & Hein 2020, whose version
``rand`` this replaces: docs/probes/randomized.md says how it differs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmark.arguments import count_of, input_budget_of
from benchmark.attacks.attack import Attack
from benchmark.attacks.inputs.state import temperatures
from benchmark.attacks.randomized.efforts import RandomizedEffort, effort_named
from benchmark.attacks.randomized.pilot import Pilot, pilot
from benchmark.attacks.randomized.searches import Ascent, Frozen, Part, Search, Squares
from benchmark.attacks.randomized.surrogate import surrogate_of, with_surrogate
from benchmark.attacks.result import AttackResult, SearchReport
from benchmark.attacks.verification import require_inside
from benchmark.generators import generators_restored
from benchmark.memory import in_batches
from benchmark.randomness import Draws, Randomness, Scored
from benchmark.requirements import missing_image_gradients
from benchmark.spaces import IMAGES, InputBall
from benchmark.subject import Subject
from benchmark.threats import InputThreat

SURE_RATE = 0.95
"""Failure rate above which an example is not attacked further, as its lower 99% bound."""

SURE_DRAWS = 100
"""Draws for that bound. At 90 draws, all of which fail, it is 0.95."""

UNSURE = 0.01
"""Probability that the bound is above the failure rate."""


@dataclass(frozen=True, repr=False)
class RandomizedResult(AttackResult):
    """Images that a random model misclassifies as often as possible, and how often it does.

    ``robust`` is about the majority of draws: whether the model as a voter is right.

    Attributes:
        right: bool (R, N), whether each fresh draw classifies the perturbed image correctly.
        right_clean: bool (R, N), the same of the clean image.
        robust_clean: bool (N,), whether the majority is right on the clean image.
        randomness: how the model draws.
        pilot: how the number of draws for a gradient was chosen.
        surrogate: whether gradients are those of ``model.surrogate``.
    """

    right: Tensor = field(kw_only=True)
    right_clean: Tensor = field(kw_only=True)
    robust_clean: Tensor = field(kw_only=True)
    randomness: Randomness = field(kw_only=True)
    pilot: Pilot = field(kw_only=True)
    surrogate: bool = field(kw_only=True)

    def __repr__(self) -> str:
        """The threat and the expected accuracies, on one line."""
        return (
            f"{type(self).__name__}({self.threat.label!r}, expected accuracy "
            f"{self.expected_robust:.1%}, clean {self.expected_clean:.1%})"
        )

    @property
    def expected_robust(self) -> float:
        """Accuracy on the perturbed images, the mean over draws."""
        return float(self.right.double().mean())

    @property
    def expected_clean(self) -> float:
        """Accuracy on the clean images, the mean over draws."""
        return float(self.right_clean.double().mean())

    @property
    def failures(self) -> Tensor:
        """Share of the draws that misclassify each perturbed image, float64 (N,)."""
        return 1 - self.right.double().mean(0)


@dataclass(frozen=True)
class RandomizedAttack(Attack[RandomizedResult]):
    """The attack on random models, also called expectation over transformation (EOT).

    Attributes:
        threat: the balls around the images.
        effort: a name of :data:`benchmark.attacks.randomized.EFFORTS`.
        draws: fresh draws at which the result is scored.
    """

    threat: InputThreat
    effort: str = "standard"
    draws: int = 100

    def check(self, subject: Subject) -> None:
        """As :meth:`Attack.check`."""
        input_budget_of(self.threat.eps, self.threat.norm, subject.images)
        effort_named(self.effort)
        count_of("draws", self.draws)

    def run(self, subject: Subject) -> RandomizedResult:
        """As :meth:`Attack.run`."""
        return attack_draws(subject, self.threat, self.effort, self.draws)


def attack_draws(
    subject: Subject, threat: InputThreat, effort: str, draws: int = 100
) -> RandomizedResult:
    """Attack a random model, see :mod:`benchmark.attacks.randomized.attack`.

    Args:
        subject: model and examples.
        threat: the balls around the images.
        effort: a name of :data:`benchmark.attacks.randomized.EFFORTS`.
        draws: fresh draws at which clean and perturbed images are scored.

    Raises:
        InputError: an unknown norm or effort, a negative radius, or a surrogate that fails.
    """
    chosen = effort_named(effort)
    with generators_restored(subject.images.device):
        run = _Run(subject, threat, chosen)
        reports = run.searches() if threat.eps > 0 else []
    every = torch.arange(len(subject), device=subject.images.device)
    require_inside(run.ball, {IMAGES: run.images})
    # The same draws for both, so that what an attack does not change gives the same outcome.
    clean = run.draws.score(subject.images, every, draws, "score")
    scored = run.draws.score(run.images, every, draws, "score") if threat.eps > 0 else clean
    return RandomizedResult(
        threat,
        scored.voted,
        run.images,
        {},
        tuple(reports),
        right=scored.right,
        right_clean=clean.right,
        robust_clean=clean.voted,
        randomness=run.draws.randomness,
        pilot=run.pilot,
        surrogate=surrogate_of(subject.model) is not None,
    )


class _Run:
    """The state of an attack.

    Attributes:
        draws: of the model.
        ball: the balls around all images.
        images: (N, C, H, W), the best images so far.
        open: bool (N,), examples that are still attacked.
    """

    def __init__(self, subject: Subject, threat: InputThreat, effort: RandomizedEffort) -> None:
        self.draws, self._effort = Draws.of(subject), effort
        self.ball = InputBall(subject.images, threat.norm, float(threat.eps))
        self.images = subject.images.clone()
        self.open = torch.ones(len(subject), dtype=torch.bool, device=subject.images.device)
        self.pilot = Pilot(1, {}, 0.0, None)
        self._gradients = with_surrogate(subject)
        self._temperature = torch.ones(len(subject), device=subject.images.device)

    def searches(self) -> list[SearchReport]:
        """Run all searches; one report each."""
        every = torch.arange(len(self.open), device=self.open.device)
        clean = self._score(self.images, every, "clean")
        self._temperature = temperatures(clean.margins.to(self.images.dtype).nan_to_num(0.0))
        self._close(every, clean.failures)
        least, most = self._effort.least_draws, self._effort.most_draws
        self.pilot = pilot(self.draws, self._gradients, self._rows, least, most)
        return [
            self._run(number, search)
            for number, search in enumerate(self._plan())
            if bool(self.open.any())
        ]

    @property
    def _rows(self) -> Tensor:
        return self.open.nonzero().squeeze(1)

    def _plan(self) -> list[Search]:
        effort, draws = self._effort, self.pilot.draws
        found: list[Search] = [Frozen(effort.frozen)]
        if missing_image_gradients(self._gradients) is None:
            starts = ("image", "best", "random")
            found += [
                Ascent(objective, effort.steps, start=start)
                for objective, start in zip(effort.objectives, starts, strict=False)
            ]
            if effort.single and draws > 1:
                found.append(Ascent(effort.objectives[0], effort.steps * draws, 1, "random"))
        if effort.squares or len(found) == 1:
            found.append(Squares())
        return found

    def _run(self, number: int, search: Search) -> SearchReport:
        """Run a search on the examples that are open, and keep what is better."""
        subject, attacked = self.draws.subject, self.open.clone()
        forwards, backwards = subject.passes.forwards, subject.passes.backwards
        subject.batch_size = self._gradients.batch_size = in_batches(
            self._rows, subject.batch_size, lambda rows: self._improve(rows, number, search)
        )
        subject.progress(
            f"{search.name}: {int(self.open.sum())} of {len(self.open)} examples not always wrong"
        )
        return SearchReport(
            search=search.name,
            attacked=attacked,
            broken=attacked & ~self.open,
            forwards=subject.passes.forwards - forwards,
            backwards=subject.passes.backwards - backwards,
            uses_gradients=search.uses_gradients,
        )

    def _improve(self, rows: Tensor, number: int, search: Search) -> None:
        ball, best = self.ball.take(rows), self.images[rows]
        part = Part(
            self.draws,
            self._gradients,
            rows,
            ball,
            best,
            self._temperature[rows],
            self.pilot.draws,
        )
        found = search.find(part)
        candidates = [best, *(ball.project({IMAGES: each})[IMAGES] for each in found)]
        scored = [self._score(each, rows, "select", number) for each in candidates]
        failures = torch.stack([each.failures for each in scored])
        margins = torch.stack([each.margins for each in scored]).nan_to_num(-torch.inf)
        tied = failures == failures.amax(0)
        chosen = torch.where(tied, margins, -torch.inf).argmax(0)
        chosen = torch.where(tied.gather(0, chosen[None]).squeeze(0), chosen, tied.int().argmax(0))
        places = torch.arange(len(rows), device=rows.device)
        self.images[rows] = torch.stack(candidates)[chosen, places]
        self._close(rows, failures[chosen, places])

    def _score(self, images: Tensor, rows: Tensor, *purpose: str | int) -> Scored:
        return self.draws.score(images, rows, self._effort.selection, *purpose)

    def _close(self, rows: Tensor, failures: Tensor) -> None:
        """Leave out the examples that are misclassified at nearly every draw, as more draws say."""
        failing = rows[(failures == 1).nonzero().squeeze(1)]
        if not len(failing):
            return
        if self.draws.randomness.random:
            further = self.draws.score(self.images[failing], failing, SURE_DRAWS, "sure")
            failing = failing[least_rate(further.failures, SURE_DRAWS) > SURE_RATE]
        self.open[failing] = False


def least_rate(failures: Tensor, draws: int) -> Tensor:
    """The lower 99% bound of failure rates, after Clopper & Pearson 1934, float64 (N,).

    Args:
        failures: (N,), shares of the draws that failed.
        draws: number of draws.
    """
    from scipy.special import betaincinv  # slow to import, and not always needed

    failed = (failures.double().cpu() * draws).round()
    bound = betaincinv(failed.clamp_min(1).numpy(), (draws - failed + 1).numpy(), UNSURE)
    found = torch.from_numpy(bound)
    return torch.where(failed > 0, found, 0.0).to(failures.device)
