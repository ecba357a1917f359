"""The clean probe: accuracy and cross-entropy on unperturbed inputs."""

from __future__ import annotations

from benchmark.checks import below_card, no_better_than_chance
from benchmark.objectives import cross_entropy
from benchmark.probes.probe import Probe, ProfileShare, as_outcomes, share, whole_batches
from benchmark.probes.settings import ProbeSettings
from benchmark.results import Flag, Outcome, ProbeResult, ScoreSpec
from benchmark.statistics import mean_loss, proportion
from benchmark.subject import Subject
from benchmark.work import PassMix, Work
from models_zoo.classifier import Classifier


class CleanProbe(Probe[ProbeSettings]):
    """Accuracy and mean cross-entropy on unperturbed inputs."""

    name = "clean"
    mix = PassMix()
    step_cost = 2.0
    title = "Clean"
    question = "What is the accuracy on unperturbed inputs?"
    takes = frozenset({"images", "tokens"})
    example_wise = True
    in_headline = True
    offers_threats = True
    profile = ProfileShare("accuracy", "clean")
    claim = "clean_accuracy"
    scores = {
        "accuracy": share(
            "Clean", "Share of unperturbed test examples classified correctly.", headline=True
        ),
        "cross_entropy": ScoreSpec(
            label="Cross-entropy",
            description="Mean of -log p(true class) over unperturbed test examples, in nats.",
            unit="nats",
            higher_is_better=False,
            interval="loss",
        ),
    }

    def expected_work(self, subject: Subject) -> Work:
        """One per example."""
        return whole_batches(subject, len(subject))

    def ask(self, subject: Subject) -> ProbeResult:
        """Classify every example once."""
        correct = subject.correct()
        loss = cross_entropy(subject.logits(), subject.labels)
        return ProbeResult(
            probe=self.name,
            scores={
                "accuracy": proportion(as_outcomes(correct)),
                "cross_entropy": mean_loss(loss.cpu().numpy(), subject.logits().shape[1]),
            },
            share_of={"accuracy": "headline"},
            flags=_flags(subject, int(correct.sum())),
            protocol=_preparation(subject),
        ).with_outcomes({"headline": Outcome(as_outcomes(correct), "headline")})


def _flags(subject: Subject, right: int) -> list[Flag]:
    """Flags for an accuracy that is too low."""
    classes = subject.logits().shape[1]
    flags = [no_better_than_chance(right, len(subject), classes)]
    card = subject.model.card if isinstance(subject.model, Classifier) else None
    if card is not None and card.clean_accuracy is not None:
        flags.append(below_card(right, len(subject), card.clean_accuracy))
    return flags


def _preparation(subject: Subject) -> dict[str, str]:
    """The preprocessing that the model's authors specify."""
    card = subject.model.card if isinstance(subject.model, Classifier) else None
    if card is None or card.preprocessing is None:
        return {}
    return {
        "preprocessing by the model's authors": f"{card.preprocessing.text}, "
        "outside the threat model"
    }
