"""The bits probe: accuracy with random and with adversarial flips of stored bits."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.attacks.bits import (
    BitFlips,
    QuantizedWeights,
    draw_bits,
    draw_pattern,
    flip_bits,
    quantize,
)
from benchmark.budgets import Budget
from benchmark.probes.bits.settings import BitsSettings
from benchmark.probes.budget_curves import outcome_curve, score_curve
from benchmark.probes.probe import (
    Probe,
    ProfileShare,
    as_outcomes,
    refusal,
    share,
    share_classified,
    whole_batches,
)
from benchmark.results import Curve, Outcome, ProbeResult, Score, ScoreSpec
from benchmark.statistics import SHARE_BOUNDS, exact, mean, proportion
from benchmark.subject import Subject
from benchmark.threats import AnyThreat, BitErrorThreat, BitFlipThreat
from benchmark.work import PassMix, Work

SHARE_OF_FLIPS = 0.65
"""Usual share of the flips that are searched where all examples are classified correctly, for
estimates of the time left: 20% to 100%, as the search ends where accuracy is at chance. With the
square of the accuracy, which is less far from chance, it is right for networks for CIFAR-10."""


class BitsProbe(Probe[BitsSettings]):
    """Random bit errors and progressive bit search on 8-bit kernels."""

    name = "bits"
    title = "Bit errors"
    pass_cost = 0.75
    mix = PassMix(weights=0.4)
    step_cost = 1.2
    question = "What is the accuracy when bits of the stored weights are flipped?"
    takes = frozenset({"images", "tokens"})
    perturbs = frozenset({"weights"})
    offers_threats = True
    profile = ProfileShare("attacked_accuracy", "bit flips")
    scores = {
        "accuracy_quantized": share(
            "8-bit",
            "Share of test examples classified correctly with kernels rounded to 8 bits and no "
            "bit flipped: the reference for the other scores of this probe.",
        ),
        "random_accuracy": share(
            "Bit errors",
            "Mean accuracy over random patterns in which every stored bit is flipped with the "
            "headline probability.",
            interval="draws",
        ),
        "attacked_accuracy": share(
            "Bit flips",
            "Share of test examples still classified correctly at the lowest accuracy found with "
            "at most the headline number of flipped bits, chosen by progressive bit search.",
            headline=True,
        ),
        "flips_to_chance": ScoreSpec(
            label="Flips to chance",
            description="Smallest number of flipped bits found after which accuracy is at most "
            "that of the best constant prediction (the share of the most frequent class); "
            "infinite if the battery's largest number of flips is not enough.",
            unit="count",
            higher_is_better=True,
            interval="search",
        ),
    }

    def applies(self, subject: Subject) -> str | None:
        """Requires weights to perturb."""
        return refusal(lambda: subject.weights_that_move("kernels"))

    @property
    def weight_rule(self) -> str:
        """The rule of the tensors whose bits are flipped."""
        return "kernels"

    @property
    def headline_threats(self) -> list[AnyThreat]:
        """Random errors at the headline rate, then chosen flips."""
        return [
            BitErrorThreat(self.settings.headline_rate),
            BitFlipThreat(Budget(self.settings.headline_flips)),
        ]

    def expected_work(self, subject: Subject) -> Work:
        """Those of the random errors, and of searches that end before all bits are flipped."""
        settings = self.settings
        random = settings.patterns * len(settings.rates)
        random += settings.draws * len(settings.control_flips)
        searched = min(settings.search_examples, len(subject))
        tensors = len(subject.weights_that_move(self.weight_rule))
        flip = (tensors + 3) * searched + len(subject)
        searches = SHARE_OF_FLIPS * share_classified(subject) ** 2 * 2 * settings.flips
        return whole_batches(subject, random * len(subject) + searches * flip)

    def ask(self, subject: Subject) -> ProbeResult:
        """Quantize, draw errors at every rate, and search for the worst bits."""
        settings = self.settings
        quantized = quantize(subject.weights_that_move("kernels"))
        chance = float(subject.labels.bincount().max()) / len(subject)
        random = self._random_errors(subject, quantized)
        attack = flip_bits(
            subject,
            quantized,
            settings.flips,
            search_examples=settings.search_examples,
            top=settings.top,
            stop_accuracy=chance,
        )
        untouched, attacked = attack.robust[0], attack.after(settings.headline_flips)
        errors = BitErrorThreat(settings.headline_rate)
        flips = BitFlipThreat(Budget(settings.headline_flips))
        return ProbeResult(
            probe=self.name,
            scores={
                "accuracy_quantized": proportion(as_outcomes(untouched)),
                "random_accuracy": random[settings.rates.index(settings.headline_rate)],
                "attacked_accuracy": proportion(as_outcomes(attacked)),
                "flips_to_chance": exact(attack.flips_to(chance), len(subject)),
            },
            share_of={"accuracy_quantized": "quantized", "attacked_accuracy": "headline"},
            curves=[
                score_curve(
                    "bit_errors",
                    "random errors (mean)",
                    "probability that a bit is flipped",
                    [0.0, *settings.rates],
                    [proportion(as_outcomes(untouched)), *random],
                    "accuracy",
                    "share",
                    role="budget",
                    threat=errors.at(settings.rates[-1]),
                ),
                *self._flip_curves(subject, quantized, attack),
            ],
            protocol={
                "tensors": "kernels",
                "format": "8 bits, symmetric, one step per tensor, two's complement",
                "stored bits": quantized.n_bits,
                "headline rate": float(settings.headline_rate),
                "error patterns": settings.patterns,
                "headline flips": settings.headline_flips,
                "optimized on": min(settings.search_examples, len(subject)),
                "measured on": len(subject),
                "entries considered per tensor": settings.top,
                "chance": chance,
                "batch norm": "frozen",
            },
        ).with_outcomes(
            {
                "headline": Outcome(as_outcomes(attacked), "headline", flips),
                "quantized": Outcome(as_outcomes(untouched), "control"),
            }
        )

    def _random_errors(self, subject: Subject, quantized: QuantizedWeights) -> list[Score]:
        """Mean accuracy at each rate; the interval is over patterns."""
        settings = self.settings
        shares = []
        for number in range(settings.patterns):
            generator = subject.generator("bits", "errors", number)
            pattern = draw_pattern(quantized, generator, settings.rates[-1])
            shares.append(
                [_accuracy(subject, quantized.xor(pattern.at(rate))) for rate in settings.rates]
            )
            subject.progress(f"random bit errors: pattern {number + 1} of {settings.patterns}")
        return [mean(column, SHARE_BOUNDS) for column in zip(*shares, strict=True)]

    def _flip_curves(
        self, subject: Subject, quantized: QuantizedWeights, attack: BitFlips
    ) -> list[Curve]:
        """Accuracy over flips, chosen and random."""
        settings = self.settings
        draws = [
            draw_bits(quantized, subject.generator("bits", "flips", number), settings.flips)
            for number in range(settings.draws)
        ]
        control = [
            mean(
                [_accuracy(subject, quantized.flip(drawn[:count])) for drawn in draws], SHARE_BOUNDS
            )
            for count in settings.control_flips
        ]
        steps = range(settings.flips + 1)
        picture, label = "bit_flips", "flipped bits"
        threat = BitFlipThreat(Budget(settings.flips))
        chosen: list[Tensor] = [attack.after(count) for count in steps]
        return [
            outcome_curve(
                picture,
                "progressive search",
                label,
                [float(n) for n in steps],
                chosen,
                role="budget",
                threat=threat,
            ),
            score_curve(
                picture,
                "random flips (mean)",
                label,
                [0.0, *map(float, settings.control_flips)],
                [proportion(as_outcomes(attack.robust[0])), *control],
                "accuracy",
                "share",
                role="control",
                threat=threat,
            ),
        ]


def _accuracy(subject: Subject, weights: QuantizedWeights) -> float:
    return float(torch.mean(subject.at(weights.weights()).correct().double()))
