"""What a submitter says about a model: everything that its file does not contain.

It is read from one TOML file, from options of the command line or from JSON, always through
:class:`Description`, so that every text is bounded and printable wherever it is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    field_validator,
    model_validator,
)

from leaderboard.submissions.names import require_name
from leaderboard.submissions.texts import line, paragraph
from models_zoo.errors import unknown_name
from models_zoo.image_sets import IMAGE_SETS
from models_zoo.numbers import number_of
from models_zoo.units import for_byte_images, in_unit_range, written

if TYPE_CHECKING:
    from models_zoo.card import Card

CHANNELS = 16
"""Maximum number of means or standard deviations."""


def _named(name: str) -> str:
    require_name(name)
    return name


def _float(value: float) -> float:
    """A number as a float.

    Raises:
        ValueError: a whole number that none is near.
    """
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError("is too large") from error


def _listed(value: Any) -> Any:
    """A tuple where TOML and JSON have a list, or one number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (_float(value),)
    if isinstance(value, list | tuple):
        return tuple(
            _float(each) if isinstance(each, int) and not isinstance(each, bool) else each
            for each in value
        )
    return value


def _radius(value: Any) -> Any:
    """A number, from text such as ``8/255`` too."""
    if isinstance(value, str):
        number = number_of(value)
        if number is None:
            raise ValueError("is neither a number nor a fraction such as 8/255")
        return number
    return _float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _share(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if 1 < value <= 100:
            raise ValueError(f"is a share from 0 to 1; did you mean {value / 100:g}?")
        return _float(value)
    return value


Numbers = Annotated[
    tuple[Annotated[float, Field(allow_inf_nan=False)], ...],
    BeforeValidator(_listed),
    Field(min_length=1, max_length=CHANNELS),
]
Share = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1, allow_inf_nan=False)]
Radius = Annotated[float, BeforeValidator(_radius), Field(gt=0, allow_inf_nan=False)]


class Claims(BaseModel):
    """The figures that a submitter states; the checks and the board compare them with measurements.

    Attributes:
        clean_accuracy: share of the data set's test images that are classified correctly.
        robust_accuracy: the same under the strongest attack that was tried.
        norm: of the ball around each image.
        eps: its radius in input units, also as ``"8/255"``.
        attack: the attack, in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    clean_accuracy: Share | None = None
    robust_accuracy: Share | None = None
    norm: Literal["linf", "l2", "l1"] | None = None
    eps: Radius | None = None
    attack: Annotated[str, line(200)] = ""

    @property
    def robustness(self) -> dict[str, Any] | None:
        """The robust accuracy as a card states it; ``None`` if none is claimed."""
        if self.robust_accuracy is None:
            return None
        return {
            "accuracy": self.robust_accuracy,
            "norm": self.norm,
            "eps": self.eps,
            "attack": self.attack,
        }

    @model_validator(mode="after")
    def _whole(self) -> Claims:
        if self.robust_accuracy is not None and (self.norm is None or self.eps is None):
            raise ValueError("robust_accuracy needs norm and eps, such as 'linf' and '8/255'")
        clean, robust = self.clean_accuracy, self.robust_accuracy
        if clean is not None and robust is not None and robust > clean:
            raise ValueError(
                f"robust_accuracy {robust:g} is above clean_accuracy {clean:g}, which it cannot be"
            )
        return self


class Description(BaseModel):
    """What a submitter says about a model.

    Attributes:
        name: on the leaderboard.
        dataset: the data set it was trained for, such as ``"cifar10"``.
        battery: what scores it; by default the newest battery of the data set.
        architecture: as for :func:`models_zoo.build_architecture`, with arguments, such as
            ``"robustbench:WideResNet?depth=34"``; an ``.onnx`` file contains its own.
        mean: subtracted from images in [0, 1], one number per channel or one for all; by default
            what the file holds, else 0.
        std: divided by afterwards; by default what the file holds, else 1.
        weights: which weights of a file with several sets: ``"raw"``, ``"ema"`` or a name.
        paper: address of the paper.
        authors: as they are to be credited.
        recipe: how it was trained, such as ``"pgd-at"``.
        extra_data: whether training used more than the data set's own training images.
        extra_data_note: which images these were.
        licence: SPDX identifier of the licence of the weights.
        contact: how to reach the submitter; it is never published.
        notes: anything a reader should know.
        claims: figures that the submitter states.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, line(200), AfterValidator(_named)]
    dataset: Annotated[str, line(100)]
    battery: Annotated[str, line(200)] | None = None
    architecture: Annotated[str, line(500)] | None = None
    mean: Numbers | None = None
    std: Numbers | None = None
    weights: Annotated[str, line(200)] | None = None
    paper: Annotated[HttpUrl, Field(strict=False)] | None = None
    authors: Annotated[str, line(500)] = ""
    recipe: Annotated[str, line(100)] = ""
    extra_data: bool | None = None
    extra_data_note: Annotated[str, line(500)] = ""
    licence: Annotated[str, line(100)] = ""
    contact: Annotated[str, line(200)] = ""
    notes: Annotated[str, paragraph(2000)] = ""
    claims: Claims = Field(default_factory=Claims)

    @field_validator("std")
    @classmethod
    def _positive(cls, std: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if std is not None and min(std) <= 0:
            raise ValueError("standard deviations must be above 0")
        return std

    @model_validator(mode="after")
    def _for_images(self) -> Description:
        images = IMAGE_SETS.get(self.dataset)
        if images is None and self.battery is None:  # a battery may be for images of one's own
            raise unknown_name("data set", self.dataset, IMAGE_SETS)
        for key in ("mean", "std"):
            given = getattr(self, key)
            if images and given is not None and len(given) not in (1, images.input_shape[0]):
                raise ValueError(
                    f"{key} needs 1 or {images.input_shape[0]} numbers, one per channel"
                )
        mean, std = self.mean or (0.0,), self.std or (1.0,)
        if for_byte_images(mean, std):
            raise ValueError(
                f"mean {written(mean)}, std {written(std)} is for images from 0 to 255, and images "
                f"here are in [0, 1]; did you mean mean {written(in_unit_range(mean))}, "
                f"std {written(in_unit_range(std))}?"
            )
        if self.extra_data_note and self.extra_data is False:
            raise ValueError("extra_data_note names images, and extra_data says there were none")
        return self

    def public(self) -> dict[str, Any]:
        """What may be published, as JSON: all but the contact."""
        return self.model_dump(mode="json", exclude={"contact"}, exclude_defaults=True)

    def complete(self, card: Card) -> Card:
        """The card of the model that was read from the file, with what the submitter says.

        Args:
            card: with the architecture, the normalization and the hash of the file.
        """
        from models_zoo.card import Card, Training

        training = None
        if self.recipe or self.extra_data is not None:
            training = Training(
                recipe=self.recipe or "unknown",
                data="as stated by the submitter"
                + (f": {self.extra_data_note}" if self.extra_data_note else ""),
                extra_data=self.extra_data,
            )
        said = {
            "name": self.name,
            "source": "submitted",
            "authors": self.authors,
            "clean_accuracy": self.claims.clean_accuracy,
            "robustness": self.claims.robustness,
            "paper": self.paper,
            "licence": self.licence or None,
            "notes": self.notes,
            "training": training,
        }
        return Card.model_validate(card.model_dump() | said)
