"""Accuracy when bits of the stored weights flip, at random or chosen by an adversary."""

from __future__ import annotations

from typing import Self

import torch
from pydantic import Field, model_validator
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
from benchmark.probes.budget_curves import outcome_curve, require_among, score_curve
from benchmark.probes.probe import Budgets, Probe, ProbeSettings, as_outcomes, refusal, share
from benchmark.results import Curve, Outcome, ProbeResult, Score, ScoreSpec
from benchmark.statistics import SHARES, exact, mean, proportion
from benchmark.subject import Subject
from benchmark.threats import BitErrorThreat, BitFlipThreat
from models_zoo.errors import InputError


class BitsSettings(ProbeSettings):
    """Rates of random errors, budget of chosen flips and effort of both.

    Attributes:
        rates: bit error rates, ascending, each the probability that a stored bit is flipped.
        headline_rate: the rate of ``random_accuracy``.
        patterns: random error patterns, the same for all models of the same shapes.
        flips: most bits the search may flip.
        headline_flips: the number of flips of ``attacked_accuracy``.
        search_examples: examples the search sees, the first ones.
        top: entries of the largest gradient the search considers in each tensor.
        draws: draws of random flips, the control.
    """

    rates: Budgets = tuple(map(Budget, (0.0001, 0.001, 0.005, 0.01, 0.025)))
    headline_rate: Budget = Budget(0.01)
    patterns: int = Field(default=10, ge=2)
    flips: int = Field(default=50, ge=1)
    headline_flips: int = Field(default=10, ge=1)
    search_examples: int = Field(default=128, ge=1)
    top: int = Field(default=10, ge=1)
    draws: int = Field(default=5, ge=2)

    @model_validator(mode="after")
    def _headlines_are_measured(self) -> Self:
        require_among("bits.headline_rate", self.headline_rate, self.rates)
        if self.rates[-1] > 1:
            raise InputError(f"bits.rates are probabilities, got {self.rates[-1]:g}")
        if self.headline_flips > self.flips:
            raise InputError(
                f"bits.headline_flips = {self.headline_flips} is more than bits.flips = "
                f"{self.flips}"
            )
        return self

    @property
    def control_flips(self) -> list[int]:
        """Numbers of flips at which the control is measured: powers of 4, headline, most."""
        powers = {1 << k for k in range(0, self.flips.bit_length(), 2)}
        return sorted(powers | {self.headline_flips, self.flips})


class BitsProbe(Probe):
    """Random bit errors and progressive bit search on 8-bit kernels."""

    name = "bits"
    title = "Bit errors"
    question = "How often is the model still right when bits of its stored weights flip?"
    offers_threats = True
    Settings = BitsSettings
    scores = {
        "accuracy_quantized": share(
            "8-bit",
            "Share of test examples classified correctly with kernels rounded to 8 bits and no bit "
            "flipped: what the other scores of this probe start from.",
        ),
        "random_accuracy": share(
            "Bit errors",
            "Mean accuracy over random patterns in which every stored bit is flipped with the "
            "headline probability.",
        ),
        "attacked_accuracy": share(
            "Bit flips",
            "Share of test examples still classified correctly at the lowest accuracy found with "
            "at most the headline number of flipped bits, chosen by progressive bit search.",
            headline=True,
        ),
        "flips_to_chance": ScoreSpec(
            label="Flips to chance",
            description="Fewest flipped bits found after which the model is no better than the "
            "best constant answer (the share of the most frequent class); infinite where the "
            "battery's largest number of flips does not get there.",
            unit="count",
            higher_is_better=True,
        ),
    }

    def applies(self, subject: Subject) -> str | None:
        """Weights that the rule lets move."""
        return refusal(lambda: subject.weights_that_move("kernels"))

    @property
    def weight_rule(self) -> str:
        """Bits of kernels flip."""
        return "kernels"

    def ask(self, subject: Subject) -> ProbeResult:
        """Quantize, draw errors at every rate, and search for the worst bits."""
        settings: BitsSettings = self.settings
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
            headline_threats=[errors, flips],
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
                "optimised on": min(settings.search_examples, len(subject)),
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
        settings: BitsSettings = self.settings
        shares = []
        for number in range(settings.patterns):
            generator = subject.generator("bits", "errors", number)
            pattern = draw_pattern(quantized, generator, settings.rates[-1])
            shares.append(
                [_accuracy(subject, quantized.xor(pattern.at(rate))) for rate in settings.rates]
            )
            subject.progress(f"random bit errors: pattern {number + 1} of {settings.patterns}")
        return [mean(column, SHARES) for column in zip(*shares, strict=True)]

    def _flip_curves(
        self, subject: Subject, quantized: QuantizedWeights, attack: BitFlips
    ) -> list[Curve]:
        """Accuracy over flips, chosen and random."""
        settings: BitsSettings = self.settings
        draws = [
            draw_bits(quantized, subject.generator("bits", "flips", number), settings.flips)
            for number in range(settings.draws)
        ]
        control = [
            mean([_accuracy(subject, quantized.flip(drawn[:count])) for drawn in draws], SHARES)
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
