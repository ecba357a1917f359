"""The probe for the detection of adversarial images."""

from __future__ import annotations

import torch
from pydantic import JsonValue

from benchmark.detection import (
    Detectors,
    Examined,
    Thresholds,
    clean_images,
    total_rate_thresholds,
    trained_generators,
)
from benchmark.probes.detection.attacked import (
    Adaptive,
    Attacked,
    confident_attacks,
    linf_attack,
    succeeds,
)
from benchmark.probes.detection.pictures import (
    OVER_CONFIDENCE,
    ROC,
    ROC_LINF,
    area_bars,
    confidence_curves,
    roc_curves,
    thumbnails,
)
from benchmark.probes.detection.settings import DetectionSettings
from benchmark.probes.detection.specs import AREAS, SCORES
from benchmark.probes.detection.tallies import (
    MAGNET,
    WITH_MI,
    Systems,
    areas,
    clean_scores,
    detection_scores,
    linf_scores,
)
from benchmark.probes.probe import Probe, ProfileShare, as_outcomes, classes_of, refusal
from benchmark.results import Outcome, ProbeResult, Score
from benchmark.statistics import median, proportion
from benchmark.subject import Subject
from benchmark.threats import InputThreat
from benchmark.work import PassMix, Work

LINF_PASSES = 60.0
"""Usual passes per example of the linf attack, for estimates of the time left."""

SHARE_OF_STARTS = 1.5
"""Usual number of the adaptive attack's starts per example: it ends at the first success."""


class DetectionProbe(Probe[DetectionSettings]):
    """MagNet with and without a detector of mutual information, against several attacks."""

    name = "detection"
    title = "Detection of adversarial images"
    question = (
        "How many adversarial images does a defence that was trained on clean images alone detect, "
        "with and without mutual information, and what remains if the adversary knows it?"
    )
    algorithm = 4
    uses_image_gradients = True
    perturbs = frozenset({"images"})
    mix = PassMix(images=0.9)
    profile = ProfileShare("adaptive_success", "adaptive attack resisted", complement=True)
    leading_pictures = (OVER_CONFIDENCE, ROC)
    scores = SCORES

    def applies(self, subject: Subject) -> str | None:
        """Requires the training split of the battery's data set, which fits the model."""
        settings = self.settings
        return refusal(
            lambda: clean_images(
                subject, settings.dataset, settings.train_images, settings.validation_images
            )
        )

    @property
    def headline_threats(self) -> list[InputThreat]:
        """The linf ball of the attacks with a budget."""
        return [self.settings.threat]

    def expected_work(self, subject: Subject) -> Work:
        """Forward and backward in every step of C&W, EAD and the adaptive attacks."""
        settings, attacked = self.settings, min(self.settings.attacked, len(subject))
        minimized = settings.steps * settings.searches * attacked
        passes = LINF_PASSES * len(subject)
        passes += 5 * len(settings.confidences) * minimized
        passes += 4 * (minimized + 2 * SHARE_OF_STARTS * settings.adaptive_steps * attacked)
        passes += 2 * (settings.validation_images + 2 * len(subject))
        return Work.in_batches(passes, min(attacked, subject.batch_size))

    def ask(self, subject: Subject) -> ProbeResult:
        """Train the defence, set its thresholds, attack, and count what it detects."""
        settings = self.settings
        clean = clean_images(
            subject, settings.dataset, settings.train_images, settings.validation_images
        )
        generators = trained_generators(
            clean, classes_of(subject), settings.training, subject.seed, subject.generator
        )
        subject.progress("autoencoders and generators trained")
        detectors = Detectors(
            subject, generators, settings.temperatures, settings.likelihood_temperature
        )
        validation = detectors.examine(clean.validation)
        systems = {
            MAGNET: _thresholds(validation, detectors.magnet, settings),
            WITH_MI: _thresholds(validation, detectors.with_mi, settings),
        }
        natural = detectors.examine(subject.images)
        protocol: dict[str, JsonValue] = {
            "training data": f"{settings.dataset}, training split",
            "training images": len(clean.images),
            "validation images": len(clean.validation),
            "training images that are evaluated and left out": clean.left_out,
            "training data SHA-256": clean.sha256,
            "epochs": settings.epochs,
            "thresholds": {name: _in_use(limits) for name, limits in systems.items()},
            "total false-positive rate on validation images": {
                name: float((~validation.passes(limits)).double().mean())
                for name, limits in systems.items()
            },
            "mean MI of clean test images (nats)": float(-natural.scores["MI"].mean()),
        }
        result = ProbeResult(
            probe=self.name,
            scores=clean_scores(natural, subject.labels, systems),
            protocol=protocol,
        )
        rows = subject.correct().nonzero().flatten()
        if len(rows):
            self._attack(subject, rows, detectors, validation, natural, systems, result)
        right = natural.passes(systems[MAGNET]) & (natural.reformed == subject.labels)
        return result.model_copy(
            update={
                "scores": {name: result.scores[name] for name in SCORES if name in result.scores},
                "share_of": {"clean_accuracy": "defended"},
            }
        ).with_outcomes({"defended": Outcome(as_outcomes(right), "control")})

    def _attack(
        self,
        subject: Subject,
        rows: torch.Tensor,
        detectors: Detectors,
        validation: Examined,
        natural: Examined,
        systems: Systems,
        result: ProbeResult,
    ) -> None:
        """Attack correctly classified examples, and add what is detected to a result."""
        settings = self.settings
        linf = linf_attack(subject, rows, settings, detectors)
        subject.progress(f"{linf.name}: {int(linf.succeeded.sum())} of {len(rows)} found")
        few = rows[rows < settings.attacked]
        attacks = confident_attacks(subject, few, settings, detectors) if len(few) else []
        result.scores.update(linf_scores(linf, natural, validation, systems))
        if attacks:
            found = areas(attacks, natural, detectors.names)
            known = {AREAS[name][0]: score for name, score in found.items() if name in AREAS}
            result.scores.update(detection_scores(attacks, systems) | known)
            first = attacks[0]
            missing = torch.where(first.succeeded, first.l2, torch.inf)
            result.scores["oblivious_l2"] = median(missing.cpu().numpy())
            some = Attacked(
                linf.name,
                None,
                few,
                linf.images[: len(few)],
                linf.succeeded[: len(few)],
                linf.l2[: len(few)],
                linf.examined.take(torch.arange(len(few), device=few.device)),
            )
            result.scores.update(
                _after_defence(subject, some, detectors, validation, settings, systems)
            )
            result.curves.extend(confidence_curves(attacks, systems))
            result.curves.extend(roc_curves(ROC, attacks, natural, detectors.names))
        if linf.found_any:
            result.curves.extend(roc_curves(ROC_LINF, [linf], natural, detectors.names))
        groups = {linf.name: [linf]}
        for attack in attacks:
            groups.setdefault(attack.name, []).append(attack)
        result.bars.extend(area_bars(groups, natural, detectors.names))
        shown = [linf, *(group[-1] for group in groups.values() if group[-1] is not linf)]
        result.thumbnails.extend(thumbnails(subject, shown, systems))
        result.protocol.update(
            {
                "correctly classified": len(rows),
                "attacked by C&W, EAD and adaptively": len(few),
                "successful": {each.title: int(each.succeeded.sum()) for each in [linf, *attacks]},
                "mean l2 of the successful": {
                    each.title: float(each.l2.nanmean()) for each in attacks if each.found_any
                },
                "mean MI of the successful (nats)": {
                    each.title: float(-each.scores["MI"].mean())
                    for each in [linf, *attacks]
                    if each.found_any
                },
            }
        )


def _thresholds(
    validation: Examined, names: tuple[str, ...], settings: DetectionSettings
) -> dict[str, float]:
    return total_rate_thresholds(
        {name: validation.scores[name] for name in names}, settings.false_positive_rate
    )


def _in_use(thresholds: Thresholds) -> dict[str, JsonValue]:
    """Thresholds for the protocol; a detector whose scores are all the same has none."""
    return {name: each if each < torch.inf else "none" for name, each in thresholds.items()}


def _after_defence(
    subject: Subject,
    oblivious: Attacked,
    detectors: Detectors,
    validation: Examined,
    settings: DetectionSettings,
    systems: Systems,
) -> dict[str, Score]:
    """Attacks that succeed against the defence as a whole, oblivious and adaptive."""
    adaptive = Adaptive(subject, oblivious, detectors, validation, settings)
    labels = subject.labels[oblivious.rows]
    scores = {}
    for prefix, name in (("magnet_", MAGNET), ("", WITH_MI)):
        unaware = succeeds(oblivious.examined, labels, systems[name])
        scores[f"{prefix}oblivious_success"] = proportion(as_outcomes(unaware))
        aware = adaptive.in_ball(systems[name]).success | unaware
        scores[f"{prefix}adaptive_success"] = proportion(as_outcomes(aware))
        subject.progress(f"{name}: adaptive success {float(aware.double().mean()):.1%}")
    smallest = adaptive.smallest(systems[WITH_MI])
    scores["adaptive_l2_success"] = proportion(as_outcomes(smallest.success))
    scores["adaptive_l2"] = median(smallest.l2.cpu().numpy())
    return scores
