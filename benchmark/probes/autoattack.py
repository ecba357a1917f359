"""The reference: AutoAttack's standard version, to hold our own numbers against."""

from __future__ import annotations

import warnings
from typing import Literal

import torch
from torch import Tensor, nn

from benchmark.attacks.verification import verified_fallen
from benchmark.probes.probe import Budget, Probe, ProbeSettings, bits, share
from benchmark.results import ProbeResult
from benchmark.spaces import InputBall
from benchmark.statistics import proportion
from benchmark.subject import Subject
from models_zoo.errors import InputError


class AutoAttackSettings(ProbeSettings):
    """Budget of the reference attack.

    Attributes:
        eps: radius in input units.
        norm: the ball's norm.
    """

    eps: Budget
    norm: Literal["linf", "l2"] = "linf"


class _Counted(nn.Module):
    """The subject's model as AutoAttack calls it, counting its passes."""

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.subject = subject

    def forward(self, images: Tensor) -> Tensor:
        if images.requires_grad and torch.is_grad_enabled():
            self.subject.passes.backwards += len(images)
        return self.subject.forward(images)


class AutoAttackProbe(Probe):
    """AutoAttack standard (Croce & Hein 2020) through the package pyautoattack."""

    name = "input-autoattack"
    title = "AutoAttack (reference)"
    question = "What does the field's yardstick say at the headline input budget?"
    Settings = AutoAttackSettings
    scores = {
        "robust_accuracy": share(
            "AutoAttack",
            "Share of test examples that AutoAttack's standard version leaves standing at the "
            "stated budget, its images measured and classified again by us.",
        )
    }

    def ask(self, subject: Subject) -> ProbeResult:
        """Run AutoAttack on all examples and verify what it returns.

        Raises:
            InputError: fewer than 4 classes, for which AutoAttack's losses are not defined.
        """
        from pyautoattack import AutoAttack  # slow to import, and only this probe needs it

        settings: AutoAttackSettings = self.settings
        classes = subject.logits().shape[1]
        if classes < 4:
            raise InputError(f"AutoAttack needs at least 4 classes, the model has {classes}")
        ball = InputBall(subject.images, settings.norm, settings.eps)
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            attack = AutoAttack(
                _Counted(subject),
                norm={"linf": "Linf", "l2": "L2"}[settings.norm],
                eps=settings.eps,
                version="standard",
                device=subject.images.device,
                seed=subject.seed,
            )
            images, _ = attack.run_standard_evaluation(
                subject.images, subject.labels, batch_size=subject.batch_size
            )
        fallen, _ = verified_fallen(subject, ball, images.detach())
        robust = subject.correct() & ~fallen
        return ProbeResult(
            probe=self.name,
            scores={"robust_accuracy": proportion(bits(robust))},
            outcomes={"headline": bits(robust)},
            protocol={"norm": settings.norm, "budget": settings.eps, "version": "standard"},
        )
