"""The attacks of the probe: those that do not know the defence, and adaptive ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.attacks.confident import (
    CarliniWagner,
    ElasticNet,
    Minimizer,
    confident_attack,
    least_perturbation,
)
from benchmark.attacks.inputs import attack_subject
from benchmark.detection import Detectors, Examined, Thresholds, defeat_in_ball, defence_violation
from benchmark.probes.detection.settings import DetectionSettings
from benchmark.spaces import IMAGES, InputBall
from benchmark.subject import Subject


@dataclass(frozen=True, eq=False)
class Attacked:
    """Adversarial images of one attack, and what the defence says of them.

    Attributes:
        name: of the attack.
        confidence: ``kappa``; ``None`` for attacks without.
        rows: indices of the attacked examples (n,), all classified correctly.
        images: (n, C, H, W); the clean image where the attack found nothing.
        succeeded: bool (n,), misclassified by the classifier without the defence.
        l2: float64 (n,), l2 length of the perturbation; NaN where it found nothing.
        examined: what the detectors and the reformer say.
    """

    name: str
    confidence: float | None
    rows: Tensor
    images: Tensor
    succeeded: Tensor
    l2: Tensor
    examined: Examined

    @property
    def title(self) -> str:
        """The name with the confidence."""
        return self.name if self.confidence is None else f"{self.name}, kappa {self.confidence:g}"

    @property
    def found_any(self) -> bool:
        """Whether it succeeded on any example."""
        return bool(self.succeeded.any())

    @property
    def scores(self) -> dict[str, Tensor]:
        """Scores of the successful images, by detector."""
        return self.examined.take(self.succeeded).scores


def linf_attack(
    subject: Subject, rows: Tensor, settings: DetectionSettings, detectors: Detectors
) -> Attacked:
    """The input attack on some examples at the headline budget.

    Args:
        subject: the classifier.
        rows: examples that it classifies correctly.
        settings: of the probe.
        detectors: examine what is found.
    """
    some = subject.take(rows)
    found = attack_subject(some, "linf", settings.eps, settings.effort)
    moved = (found.images.double() - some.images.double()).flatten(1).norm(dim=1)
    return Attacked(
        settings.threat.label,
        None,
        rows,
        found.images,
        ~found.robust,
        torch.where(found.robust, torch.nan, moved),
        detectors.examine(found.images),
    )


def confident_attacks(
    subject: Subject, rows: Tensor, settings: DetectionSettings, detectors: Detectors
) -> list[Attacked]:
    """C&W and EAD on some examples, at every confidence."""
    some, attacks = subject.take(rows), []
    minimizers: Sequence[Minimizer] = (CarliniWagner(), ElasticNet(settings.beta))
    for minimizer in minimizers:
        for confidence in settings.confidences:
            found = confident_attack(some, minimizer, confidence, settings.effort_of_searches)
            attacks.append(
                Attacked(
                    minimizer.name,
                    confidence,
                    rows,
                    found.images,
                    found.succeeded,
                    found.l2,
                    detectors.examine(found.images),
                )
            )
            subject.progress(
                f"{attacks[-1].title}: {int(found.succeeded.sum())} of {len(rows)} found"
            )
    return attacks


@dataclass(frozen=True, eq=False)
class Defeated:
    """What an adaptive attack found.

    Attributes:
        images: (n, C, H, W).
        success: bool (n,), images that pass every detector and whose reconstruction is
            misclassified, by an examination of the images returned.
        l2: float64 (n,), l2 length of the perturbation; infinite without success.
    """

    images: Tensor
    success: Tensor
    l2: Tensor


class Adaptive:
    """Attacks that know the thresholds of a defence.

    Args:
        subject: the classifier.
        oblivious: what the linf attack found on the examples to attack, a point to start from.
        detectors: of the defence.
        validation: clean scores, for the scales of the detectors.
        settings: of the probe.
    """

    def __init__(
        self,
        subject: Subject,
        oblivious: Attacked,
        detectors: Detectors,
        validation: Examined,
        settings: DetectionSettings,
    ) -> None:
        self.subject, self.settings = subject.take(oblivious.rows), settings
        self.oblivious, self.detectors, self.validation = oblivious, detectors, validation

    def in_ball(self, thresholds: Thresholds) -> Defeated:
        """Inside the linf ball of the headline budget."""
        some = self.subject
        ball = InputBall(some.images, "linf", self.settings.eps)
        generator = some.generator("detection", "adaptive", "start")
        random = ball.points_of(some.keys, generator.initial_seed())[IMAGES]
        starts = [some.images, self.oblivious.images, random]
        violation = defence_violation(
            self.detectors, some.labels, thresholds, self.validation.scores
        )
        images = defeat_in_ball(some, ball, violation, starts, self.settings.adaptive_steps)
        return self._examined(images, thresholds)

    def smallest(self, thresholds: Thresholds) -> Defeated:
        """Of any size, as small as the C&W attack finds it."""
        some = self.subject
        violation = defence_violation(
            self.detectors, some.labels, thresholds, self.validation.scores
        )
        found = least_perturbation(
            some, violation, CarliniWagner(), self.settings.effort_of_searches
        )
        return self._examined(found.images, thresholds)

    def _examined(self, images: Tensor, thresholds: Thresholds) -> Defeated:
        success = succeeds(self.detectors.examine(images), self.subject.labels, thresholds)
        moved = (images.double() - self.subject.images.double()).flatten(1).norm(dim=1)
        return Defeated(images, success, torch.where(success, moved, torch.inf))


def succeeds(examined: Examined, labels: Tensor, thresholds: Thresholds) -> Tensor:
    """Bool (n,): images that pass all detectors and are misclassified behind the reformer."""
    return examined.passes(thresholds) & (examined.reformed != labels)
