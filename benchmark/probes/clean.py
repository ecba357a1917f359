"""Clean accuracy and cross-entropy: where every other probe starts."""

from __future__ import annotations

from benchmark.objectives import cross_entropy
from benchmark.probes.probe import Probe, bits, share
from benchmark.results import ProbeResult, ScoreSpec
from benchmark.statistics import mean, proportion
from benchmark.subject import Subject


class CleanProbe(Probe):
    """Accuracy and mean cross-entropy on unperturbed images."""

    name = "clean"
    title = "Clean"
    question = "How often is the model right when nobody interferes?"
    scores = {
        "accuracy": share(
            "Clean", "Share of unperturbed test examples classified correctly.", headline=True
        ),
        "cross_entropy": ScoreSpec(
            label="Cross-entropy",
            description="Mean of -log p(true class) over unperturbed test examples, in nats.",
            unit="nats",
            higher_is_better=False,
        ),
    }

    def ask(self, subject: Subject) -> ProbeResult:
        """Classify every example once."""
        correct = subject.correct()
        loss = cross_entropy(subject.logits(), subject.labels)
        return ProbeResult(
            probe=self.name,
            scores={
                "accuracy": proportion(bits(correct)),
                "cross_entropy": mean(loss.cpu().numpy()),
            },
            outcomes={"headline": bits(correct)},
        )
