"""The randomized probe: expected accuracy of models that draw random numbers, under attack."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from benchmark.attacks.randomized import EFFORTS, RandomizedResult, attack_draws
from benchmark.probes.probe import Probe, as_outcomes, share, whole_batches
from benchmark.probes.randomized.pictures import failure_bars, survival_curves
from benchmark.probes.randomized.settings import RandomizedSettings
from benchmark.randomness import randomness_of
from benchmark.results import Outcome, Outcomes, ProbeResult, Score, ScoreSpec
from benchmark.statistics import expected_share, expected_survival, proportion
from benchmark.subject import Subject
from benchmark.threats import InputThreat
from benchmark.work import PassMix, Work

QUERIES = (10, 100)
"""Numbers of queries of the scores; one query is the expected accuracy."""

LIST_LENGTH = 6
"""Number of images that are compared after each search: a short list and the best so far."""

INPUT_ATTACK_PASSES = {"quick": 80.0, "standard": 400.0}
"""Usual passes per example of the ordinary input attack, which the attack contains, by effort."""

SQUARE_QUERIES = 200
"""Queries of the search without gradients."""


def _expected(label: str, description: str, *, headline: bool = False) -> ScoreSpec:
    return share(label, description, headline=headline, interval="examples and draws")


def _survives(queries: int) -> dict[str, ScoreSpec]:
    """The scores of an adversary who may ask several times, with and without perturbation."""
    return {
        f"survives_{queries}": share(
            f"Survives {queries}",
            f"Probability that a perturbed test example is classified correctly at each of "
            f"{queries} independent draws, the mean over examples. It falls with the number of "
            f"queries without any attack: compare it with survives_{queries}_clean.",
            interval="examples and draws",
        ),
        f"survives_{queries}_clean": share(
            f"Survives {queries} (clean)",
            f"The same for the unperturbed example: the noise floor of survives_{queries}.",
            interval="examples and draws",
        ),
    }


class RandomizedProbe(Probe[RandomizedSettings]):
    """Expectation over transformation (EOT), scored at draws that the attack has not seen."""

    name = "randomized"
    algorithm = 2
    title = "Randomized defense (EOT)"
    question = "What is the accuracy of a model that draws random numbers, when it is attacked?"
    mix = PassMix(images=0.6)
    pass_cost = 0.8
    uses_image_gradients = False
    takes_random_models = True
    perturbs = frozenset({"images"})
    leading_pictures = ("survives", "failures")
    scores = {
        "expected_robust": _expected(
            "Expected robust",
            "Probability that a test example is classified correctly after the attack, the mean "
            "over examples and over fresh draws of the model's random numbers.",
            headline=True,
        ),
        "expected_clean": _expected(
            "Expected clean",
            "The same without perturbation, at the same draws: the noise floor of expected_robust.",
            headline=True,
        ),
        "vote_robust": share(
            "Vote robust",
            "Share of test examples whose label is the most frequent prediction over all draws, "
            "after the same attack: the model as a deterministic voter. The attack is against "
            "single draws, so an attack on the voter may find more.",
        ),
        "vote_clean": share(
            "Vote clean",
            "The same without perturbation: the noise floor of vote_robust.",
        ),
        **_survives(10),
        **_survives(100),
    }

    @property
    def headline_threats(self) -> list[InputThreat]:
        """The balls around the images."""
        return [self.settings.threat]

    def expected_work(self, subject: Subject) -> Work:
        """Ascents, comparisons of what they found, and scores."""
        settings, effort = self.settings, EFFORTS[self.settings.effort]
        random = randomness_of(subject).random
        draws = effort.least_draws if random else 1
        ascents = len(effort.objectives) + effort.single
        passes = 3.0 * ascents * effort.steps * draws
        passes += INPUT_ATTACK_PASSES[effort.frozen] + effort.squares * SQUARE_QUERIES * draws
        if random:
            compared = 1 + 4 + LIST_LENGTH * ascents
            passes += compared * effort.selection + 2 * settings.draws
        return whole_batches(subject, passes * len(subject))

    def ask(self, subject: Subject) -> ProbeResult:
        """Attack, and score clean and perturbed images at the same fresh draws."""
        settings = self.settings
        found = attack_draws(subject, settings.threat, settings.effort, settings.draws)
        shared = found.randomness.shared
        right, clean = as_outcomes(found.right), as_outcomes(found.right_clean)
        voted, voted_clean = as_outcomes(found.robust), as_outcomes(found.robust_clean)
        scores = {
            "expected_robust": expected_share(right, shared=shared),
            "expected_clean": expected_share(clean, shared=shared),
            "vote_robust": proportion(voted),
            "vote_clean": proportion(voted_clean),
            **_survival_scores(right, "", shared),
            **_survival_scores(clean, "_clean", shared),
        }
        return ProbeResult(
            probe=self.name,
            scores=scores,
            share_of={"vote_robust": "headline", "vote_clean": "clean"},
            values={"failures": _rates(right), "clean_failures": _rates(clean)},
            curves=survival_curves(right, clean, shared=shared),
            bars=failure_bars(right, clean),
            flags=found.pilot.flags,
            protocol=self._protocol(found),
        ).with_outcomes(
            {
                "headline": Outcome(voted, "headline", settings.threat),
                "clean": Outcome(voted_clean, "control"),
            }
        )

    def _protocol(self, found: RandomizedResult) -> dict[str, JsonValue]:
        settings = self.settings
        return {
            "effort": settings.effort,
            f"{settings.norm} budget": float(settings.eps),
            "random numbers": found.randomness.text,
            "draws for scores": len(found.right),
            "draws for a gradient": found.pilot.draws,
            "cosine of two averages, by draws": {
                str(count): round(cosine, 3) for count, cosine in found.pilot.cosines.items()
            },
            "gradient of a surrogate (BPDA)": found.surrogate,
            "searches": [
                f"{each.search}: {int(each.broken.sum())} of {int(each.attacked.sum())} always "
                f"wrong, {each.forwards + each.backwards} passes"
                for each in found.searches
            ],
        }


def _survival_scores(right: Outcomes, suffix: str, shared: bool) -> dict[str, Score]:
    """Those that the number of draws can tell; a deterministic model survives any number alike."""
    if len(right) == 1:
        return {f"survives_{queries}{suffix}": proportion(right[0]) for queries in QUERIES}
    return {
        f"survives_{queries}{suffix}": expected_survival(right, queries, shared=shared)
        for queries in QUERIES
        if queries <= len(right)
    }


def _rates(right: Outcomes) -> list[float]:
    """Failure rates per example."""
    rates: NDArray[np.float64] = 1 - right.mean(0)
    return [float(f"{rate:.6g}") for rate in rates]
