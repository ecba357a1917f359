"""Settings of the probe for concept activation vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from benchmark.concepts import ConceptName
from benchmark.probes.settings import ProbeSettings
from models_zoo.errors import InputError

Label = Annotated[int, Field(ge=0)]
Classes = tuple[Label, ...]


class ConceptsSettings(ProbeSettings):
    """The concept, the classes that have it, and the effort.

    Attributes:
        layer: name of the module whose output is read; empty for the last one before the last
            linear layer that has more numbers per image than ``images`` and ``directions``
            together.
        contains: classes whose test images contain the concept, a loop. Empty for other concepts,
            which no class has: they have test images of their own.
        lacks: classes whose test images do not. Images of other classes are not used. Empty for
            other concepts than loops.
        images: number of images of the concept, and of negatives in each set.
        directions: number of random directions orthogonal to the concept's activations, from which
            Gram-Schmidt negatives are combined.
        seeds: number of repetitions, each with other negatives; the images of the concept are the
            same in all.
        averaged: number of classifiers, with different negatives, whose mean is a concept vector of
            the averaged variants; the single ones are the first of them.
        eps: moves of adversarial concept vectors in deviations of the activations, ascending; the
            scores are about the last.
        false_positives: share of test images without the concept above the threshold of the main
            score.
        activations: ``raw``, divided by one number, or ``centered``, with the mean over the images
            for training subtracted as well.
        penalty: weight of the squared norm of the classifiers, but for CAV-SGD.
        concept: ``loops``, drawn, against drawn strokes; ``brick``, ``grass`` or ``gravel``, crops
            of a photograph of that texture against crops of the two others; or ``faces``, against
            crops of photographs without one. All but loops need the files of scikit-image.
    """

    later = ("concept",)

    layer: str = ""
    contains: Classes = (0, 6, 8, 9)
    lacks: Classes = (1, 7)
    images: int = Field(default=60, ge=2)
    directions: int = Field(default=60, ge=1)
    seeds: int = Field(default=20, ge=2)
    averaged: int = Field(default=5, ge=1)
    eps: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)] = (0.1, 0.3)
    false_positives: float = Field(default=0.05, gt=0, lt=1)
    activations: Literal["raw", "centered"] = "raw"
    penalty: float = Field(default=1e-3, gt=0)
    concept: ConceptName = "loops"

    @model_validator(mode="before")
    @classmethod
    def _without_classes(cls, table: Any) -> Any:
        """A concept that no class has needs none to be named."""
        if not isinstance(table, Mapping) or table.get("concept", "loops") == "loops":
            return table
        return {"contains": (), "lacks": ()} | dict(table)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for name, classes in (("contains", self.contains), ("lacks", self.lacks)):
            if classes and self.concept != "loops":
                raise InputError(
                    f"concepts.{name} has classes, and the concept {self.concept} has test images "
                    "of its own; leave it out"
                )
            if not classes and self.concept == "loops":
                raise InputError(f"concepts.{name} is empty; name classes of the data set")
        if both := sorted(set(self.contains) & set(self.lacks)):
            raise InputError(
                f"concepts: class {both[0]} is among contains and lacks; keep it in one"
            )
        if list(self.eps) != sorted(set(self.eps)):
            raise InputError(f"concepts.eps must ascend, got {', '.join(map(str, self.eps))}")
        return self

    @property
    def needed_width(self) -> int:
        """The layer must have more numbers per image than this."""
        return self.images + self.directions
