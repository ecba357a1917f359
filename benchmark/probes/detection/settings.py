"""Settings of the probe for the detection of adversarial images."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from benchmark.attacks.confident import SearchEffort
from benchmark.attacks.inputs import searches_of
from benchmark.budgets import Budget
from benchmark.detection import Training, require_image_set, require_images
from benchmark.detection.defence import MI, RECONSTRUCTION, divergence_name
from benchmark.probes.settings import ProbeSettings
from benchmark.threats import InputThreat


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    if list(values) != sorted(set(values)) or values[0] < 0:
        raise ValueError(f"confidences must ascend from at least 0, got {values}")
    return values


def _distinct(values: tuple[float, ...]) -> tuple[float, ...]:
    if len({divergence_name(each) for each in values}) < len(values):
        raise ValueError(f"temperatures must differ, got {values}")
    return values


Positive = Annotated[float, Field(gt=0)]


class DetectionSettings(ProbeSettings):
    """Clean images, training, thresholds and attacks.

    Attributes:
        eps: linf budget of the attack that is detected and of the adaptive one.
        dataset: data set whose training split the defence is trained on.
        train_images: number of images that autoencoders and generators are trained on.
        validation_images: number of further images that set the thresholds.
        epochs: passes over the training images.
        components: principal components per class of the generator of the MI detector.
        likelihood_temperature: divisor of its log-likelihoods, which many pixels saturate.
        temperatures: of the divergence detectors.
        false_positive_rate: share of clean images that all detectors together may reject.
        confidences: ``kappa`` of the C&W and EAD attacks, in logits, ascending.
        beta: weight of the l1 length of EAD.
        steps: of each minimization of C&W and EAD.
        searches: number of weights that C&W and EAD try.
        attacked: number of examples that C&W, EAD and the adaptive attacks get, the first ones.
        adaptive_steps: steps of each ascent of the adaptive linf attack.
        effort: of the linf attack that does not know the defence.
    """

    headline_settings = ("eps",)

    eps: Annotated[Budget, Field(gt=0)]
    dataset: Annotated[str, AfterValidator(require_image_set)]
    train_images: int = Field(default=20_000, ge=2)
    validation_images: int = Field(default=5000, ge=1)
    epochs: int = Field(default=10, ge=1)
    components: int = Field(default=30, ge=1)
    likelihood_temperature: Positive = 100.0
    temperatures: Annotated[
        tuple[Positive, ...], Field(min_length=1), AfterValidator(_distinct)
    ] = (10.0, 40.0)
    false_positive_rate: float = Field(default=0.01, gt=0, lt=1)
    confidences: Annotated[tuple[float, ...], Field(min_length=1), AfterValidator(_ascending)] = (
        0.0,
        10.0,
        20.0,
        30.0,
        40.0,
    )
    beta: float = Field(default=0.01, ge=0)
    steps: int = Field(default=100, ge=1)
    searches: int = Field(default=4, ge=1)
    attacked: int = Field(default=200, ge=1)
    adaptive_steps: int = Field(default=100, ge=1)
    effort: str = "quick"

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        require_images(self.false_positive_rate, self.validation_images, self.detectors)
        searches_of(self.effort)
        return self

    @property
    def detectors(self) -> int:
        """Number of detectors of MagNet with that of mutual information."""
        return len((*RECONSTRUCTION, *self.temperatures, MI))

    @property
    def threat(self) -> InputThreat:
        """The threat of the linf attacks."""
        return InputThreat("linf", self.eps)

    @property
    def training(self) -> Training:
        """How the generators are trained."""
        return Training(self.epochs, self.components)

    @property
    def effort_of_searches(self) -> SearchEffort:
        """The effort of C&W and EAD."""
        return SearchEffort(self.steps, self.searches)
